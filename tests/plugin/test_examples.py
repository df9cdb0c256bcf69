"""The output that README and manual show is what the program prints now, but for numbers and names."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
from pages import DOCS
from user_home import Home, Ran

spec = importlib.util.spec_from_file_location("examples", DOCS / "examples.py")
assert spec is not None and spec.loader is not None
examples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(examples)

SHOWN = [
    (page.stem, line, text)
    for page in examples.PAGES
    for _, line, _, text in examples.SHOWN.findall(page.read_text(encoding="utf-8"))
]
EVALUATION = "cfevaluate --protocol new-artists"
LISTENS = "time,artist,title\n2026-01-01T12:00:00Z,Bell Anna,Stück 1\n2026-01-01T12:05:00Z,Bell Anna,Stück 2\n"


def shape(text: str) -> set[str]:
    """Lines of an output, joined again where they were broken, without what depends on the library."""
    lines: set[str] = set()
    for line in re.sub(r"\n  (?=\S)", " ", text).splitlines():
        cells = re.split(r"\s{2,}", line.strip())
        if re.fullmatch(r"\d+", cells[0]):  # a track of a table: rank, artist, title, plays, score, why
            lines |= {f"a row of {len(cells)} cells", _without_names(f"plays: {cells[3]}"), _without_names(cells[-1])}
        else:
            lines.add(_without_names("  ".join(cells)))
    return lines


def _without_names(line: str) -> str:
    line = re.sub(r'(?<="name" by ).*', "name", re.sub(r'"[^"]*"', '"name"', line))
    line = re.sub(r"-> .*", "-> file", re.sub(r"^[^:]+(?:: [^:]+)?(?=: \d+ tracks)", "name", line))
    line = re.sub(r"(Kept in) .*", r"\1 file", re.sub(r" and \d+ never played", "", line))
    line = re.sub(r"(better than|difference to) [a-z][a-z, -]*\.", r"\1 names.", re.sub(r"cf-[0-9a-f]+", "cf-0", line))
    return re.sub(r"(?<![-\w])[+-]?\d+(?:[.,]\d+)*", "0", line)


@pytest.fixture(scope="module")
def printed(_analysed: tuple[Home, Ran], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The output of the commands that are shown, with a small library."""
    home = _analysed[0].copy(tmp_path_factory.mktemp("examples") / "home")
    lists = [{"kind": "discover"}, {"kind": "daily mix"}]
    home.configure({"playlist_dir": str(home.folder / "lists"), "playlists": lists})
    (home.folder / "listens.csv").write_text(LISTENS, encoding="utf-8")
    outputs = {"cfembed": _analysed[1].out}
    for line in dict.fromkeys(line for _, line, _ in SHOWN if line not in ("cfembed", EVALUATION)):
        outputs[line] = examples.on_terminal(shlex.split(line), home.environment, home.folder)
    loved = set(home.ids("artist LIKE 'Bell%'"))
    home.sql("DELETE FROM item_attributes WHERE key IN ('play_count', 'skip_count')")
    home.set("play_count", {item: 12 + item % 3 if item in loved else 1 for item in home.ids("1")})
    outputs[EVALUATION] = home.beet_here(*EVALUATION.split(), "--quick").fine.out
    return outputs


@pytest.mark.parametrize(
    ("line", "text"), [pytest.param(line, text, id=f"{page}: {line}") for page, line, text in SHOWN]
)
def test_what_is_shown_has_the_form_of_what_is_printed(line: str, text: str, printed: dict[str, str]) -> None:
    assert shape(text) == shape(examples.broken(printed[line]))


def test_all_output_that_is_shown_is_made_by_the_script() -> None:
    for page in examples.PAGES:
        text = page.read_text(encoding="utf-8")
        languages = re.findall(r"^```(\S*)$", text, re.MULTILINE)[::2]
        assert set(languages) <= {"text", "yaml", "ini", "cron", "{toctree}"}, page
        assert languages.count("text") == len(examples.SHOWN.findall(text)), page


def test_another_wording_column_or_line_is_another_form() -> None:
    table = '   artist  title  plays  score  why\n1  Can     Moon     new     99  same artist as "Sun"\n'
    assert shape(table) == shape(table.replace("Moon", "Mother Sky").replace("99", "7"))
    others = [("plays  score", "score  plays"), ("same artist as", "by the artist of"), ("new", "never"), ("  99", "")]
    for old, new in others:
        assert shape(table) != shape(table.replace(old, new))
    assert shape("Trained on 7 tracks.\n") == shape("Trained on 1,003 tracks.\n") != shape("Trained on 7 plays.\n")
    assert shape("A first line.\n") != shape("A first line.\nA second.\n")


def test_long_lines_are_broken_and_joined_again_and_tables_are_left() -> None:
    long, row = "word " * 30 + "end", "1  artist" + "  x" * 60
    text = examples.broken(f"{long}\n{row}\n")
    assert max(map(len, text.splitlines()[:-1])) <= examples.COLUMNS
    assert text.splitlines()[-1] == row
    assert shape(text) == shape(f"{long}\n{row}\n")


def test_the_blocks_of_one_kind_alone_are_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = "<!-- demo: beet cfstatus -->\n```text\nold\n```\n\n<!-- library: beet ls -->\n```text\nkept\n```\n"
    page = tmp_path / "page.md"
    page.write_text(shown)
    monkeypatch.setattr(examples, "PAGES", (page,))
    ran: list[str] = []
    examples.renew("demo", lambda line: ran.append(line) or f"new {line}\n")
    assert ran == [*examples.FIRST, "cfstatus"]
    assert page.read_text() == shown.replace("old", "new cfstatus")
