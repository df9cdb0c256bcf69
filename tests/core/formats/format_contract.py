"""Contract of every format that reads files, and helpers that write such files."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats import FORMATS, ReadOptions
from cfaudio_core.history.records import Listen, Opinion, Tally

MBID = "08e8f55b-f1a4-46b8-b2d1-fab4c592165c"
OTHER_MBID = "5b3abc4a-668b-4f39-a78b-c7366dd0593d"
NOON = 1_700_000_000  # 2023-11-14 22:13:20 UTC
Record = Listen | Tally | Opinion

_MBID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_many = fuzz(50)

VALUES = re.compile(r'(?<=: )("(?:[^"\\]|\\.)*"|[\d.]+|null|true|false)')
"""Single values in JSON."""

FIELDS = re.compile(r'[^\s,;:<>"{}\[\]]+')
"""What stands between the signs of a table, of XML or of JSON."""

ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("\ud800"), st.just("\0")
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=3,
)

FOREIGN = {
    "prose.txt": b"It was a dark and stormy night;\nthe rain fell in torrents.\n",
    "picture.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)),
    "object.json": b'{"name": "x", "version": 2}',
    "numbers.json": b"[1, 2, 3]",
    "objects.json": b'[{"id": 1}]',
    "page.html": b"<!DOCTYPE html><html><body>Not found</body></html>",
    "short.zip": b"PK\x03\x04 and no more",
    "utf16.txt": "\ufeffwhat is it".encode("utf-16"),
    "line\nbreak.json": b"{",
}


def collect(name: str, source: object, **options: Any) -> tuple[list[Record], Counter[str]]:
    """Read a source whole: the records, and how often each reason for leaving a row out was given."""
    skips: Counter[str] = Counter()
    read = FORMATS[name].read(str(source), ReadOptions(on_skip=lambda reason: skips.update([reason]), **options))
    return list(read), skips


def collect_until_error(name: str, source: object, **options: Any) -> tuple[list[Record], SourceError | None]:
    """Read what comes before an error, and the error."""
    records: list[Record] = []
    try:
        for record in FORMATS[name].read(str(source), ReadOptions(**options)):
            records.append(record)  # noqa: PERF402 what came before the error counts
    except SourceError as error:
        return records, error
    return records, None


def write_json(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_zip(path: Path, content: Mapping[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return path


def write_database(path: Path, schema: str, content: Mapping[str, Iterable[Sequence[object]]]) -> Path:
    connection = sqlite3.connect(path)
    with connection:
        connection.executescript(schema)
        for table, rows in content.items():
            for row in rows:
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    connection.close()
    return path


def assert_sound(record: Record) -> None:
    """Check what the store may rely on, whatever was read."""
    latest = time.time() + 86_400
    track = record.track
    for text in track[:4]:
        assert text == text.strip()
        assert "\0" not in text
        assert len(text) <= 1000
        text.encode()
    assert all(_MBID.fullmatch(mbid) for mbid in " ".join(track[4:6]).split())
    by_id = isinstance(record, Opinion) and track.recording_mbid
    assert by_id or track.path or (track.title and (track.artist or track.album_artist or track.album))
    assert "\0" not in track.path
    track.path.encode("utf-8", "surrogateescape")
    record.user.encode()
    assert 0 <= track.duration <= 86_400
    if isinstance(record, Listen):
        assert type(record.time) is int
        assert 631_152_000 <= record.time <= latest or 0 <= record.time < 1000  # the number of an undated play
        assert record.seconds is None or 0 <= record.seconds <= 86_400
        assert record.skipped in (None, True, False)
    elif isinstance(record, Opinion):
        assert -1 <= record.value <= 1
        assert record.time == 0 or 631_152_000 <= record.time <= latest
    else:
        assert record.plays >= 0 <= record.skips
        assert record.plays + record.skips > 0
        assert record.last == 0 or 631_152_000 <= record.last <= latest


def assert_one_line(error: SourceError | None, names: str) -> None:
    assert error is not None
    assert str(error).isprintable()
    assert " ".join(names.split()) in str(error)


class FormatContract:
    """Subclass it in a test module: the name of the source, a file as its program writes it, and what is in that."""

    name: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}
    expected: ClassVar[list[Record]]
    left_out: ClassVar[dict[str, int]] = {}
    open_end: ClassVar[bool] = False
    """The format does not mark the end of a row: what is cut inside the last one may read as another."""

    def make(self, folder: Path) -> Path:
        raise NotImplementedError

    def collect(self, source: object) -> tuple[list[Record], Counter[str]]:
        return collect(self.name, source, **self.options)

    def until_error(self, source: object) -> tuple[list[Record], SourceError | None]:
        return collect_until_error(self.name, source, **self.options)

    def test_everything_in_it_is_read(self, tmp_path):
        records, skips = self.collect(self.make(tmp_path))
        assert records == self.expected
        assert skips == self.left_out
        for record in records:
            assert_sound(record)

    def test_reading_twice_gives_the_same(self, tmp_path):
        source = self.make(tmp_path)
        assert self.collect(source) == self.collect(source)

    def test_reading_leaves_the_folder_as_it_was(self, tmp_path):
        source = self.make(tmp_path)
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        self.collect(source)
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before

    @pytest.mark.parametrize("foreign", FOREIGN, ids=lambda name: name.replace("\n", "-"))
    def test_another_format_is_refused_by_name(self, tmp_path, foreign):
        (tmp_path / foreign).write_bytes(FOREIGN[foreign])
        records, error = self.until_error(tmp_path / foreign)
        assert records == []
        assert_one_line(error, foreign)

    def test_an_empty_file_is_refused(self, tmp_path):
        (tmp_path / "empty").touch()
        records, error = self.until_error(tmp_path / "empty")
        assert records == []
        assert_one_line(error, "empty")

    def test_a_file_that_is_not_there_is_refused(self, tmp_path):
        assert_one_line(self.until_error(tmp_path / "nowhere.json")[1], "nowhere.json")

    def test_an_empty_folder_is_refused(self, tmp_path):
        (tmp_path / "bare").mkdir()
        assert_one_line(self.until_error(tmp_path / "bare")[1], "bare")

    def test_a_file_cut_short_gives_no_more_than_what_came_before(self, tmp_path):
        source = self.make(tmp_path)
        content = source.read_bytes()
        for length in range(0, len(content), max(1, len(content) // 100)):
            source.write_bytes(content[:length])
            records, error = self.until_error(source)
            whole = records[:-1] if self.open_end else records
            assert whole == self.expected[: len(whole)]
            if error:
                assert_one_line(error, source.name)
            else:
                assert length, "an empty file is an error"

    def test_damage_gives_sound_records_or_one_line(self, tmp_path):
        source = self.make(tmp_path)
        content = source.read_bytes()
        place = st.integers(0, len(content))
        change = st.tuples(place, st.integers(0, 40), st.binary(max_size=8))

        @_many
        @given(st.lists(change, min_size=1, max_size=4))
        def check(changes):
            damaged = bytearray(content)
            for at, length, inserted in changes:
                damaged[at : at + length] = inserted
            self._check_bytes(source, bytes(damaged))

        check()

    def test_any_bytes_give_sound_records_or_one_line(self):
        with tempfile.TemporaryDirectory() as folder:

            @_many
            @given(st.binary(max_size=200))
            def check(content):
                self._check_bytes(Path(folder) / "any", content)

            check()

    def test_fields_of_any_content_give_sound_records_or_one_line(self, tmp_path):
        """In a database any value in any column, in a text another one between any two signs of its grammar."""
        source = self.make(tmp_path)
        content = source.read_bytes()
        if content.startswith(b"SQLite format 3"):
            self._check_columns(source, content)
            return
        text = content.decode("utf-8", "replace")
        fields = list(FIELDS.finditer(text))
        anything = ANYTHING.map(str) | st.sampled_from([match[0] for match in fields]) | st.text(max_size=8)

        @_many
        @given(st.sampled_from(fields), anything)
        def check(field, other):
            changed = text[: field.start()] + other + text[field.end() :]
            self._check_bytes(source, changed.encode("utf-8", "surrogatepass"))

        check()

    def _check_columns(self, source: Path, content: bytes) -> None:
        with contextlib.closing(sqlite3.connect(source)) as database:
            columns = database.execute(
                "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'"
            ).fetchall()
        values = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=5) | st.binary()

        @_many
        @given(st.sampled_from(columns), st.sampled_from(["?", "CAST(? AS TEXT)"]), values)
        def check(column, given, value):
            source.write_bytes(content)
            with contextlib.closing(sqlite3.connect(source)) as database, database:
                value = value if given == "?" else str(value).encode("utf-8", "surrogatepass") + b"\xff"
                with contextlib.suppress(sqlite3.Error, UnicodeEncodeError):  # not in a key, or no text
                    database.execute(f'UPDATE OR IGNORE "{column[0]}" SET "{column[1]}" = {given}', [value])
            self._check_bytes(source, source.read_bytes())

        check()

    def _check_bytes(self, source: Path, content: bytes) -> None:
        source.write_bytes(content)
        records, error = self.until_error(source)
        for record in records:
            assert_sound(record)
        if error:
            assert_one_line(error, source.name)


class JsonContract(FormatContract):
    """For formats in JSON: values of any type where others should be."""

    def test_values_of_any_type_give_sound_records_or_one_line(self, tmp_path):
        source = self.make(tmp_path)
        original = source.read_text()
        values = list(VALUES.finditer(original))

        @_many
        @given(st.sampled_from(values), ANYTHING)
        def check(value, other):
            changed = original[: value.start()] + json.dumps(other) + original[value.end() :]
            self._check_bytes(source, changed.encode())

        check()
