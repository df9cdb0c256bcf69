"""What goes wrong while a command runs costs that run at most: the next one ends well, and nothing is lost."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from beets.exceptions import UserError
from beets.plugins import BeetsPlugin
from needs import find, missing
from user_home import Home, Ran
from waiting import wait_until

from beetsplug.cfaudio.config import settings
from beetsplug.cfaudio.errors import printable_errors
from beetsplug.cfaudio.library import write as writing
from cfaudio_core.models.model_files import FORMAT
from cfaudio_core.util.files import hold_lock

BENCH = Path(__file__).parents[1] / "benchmarks" / "bench_kills.py"


def write_history(home: Home, file: Path) -> None:
    """An export of ListenBrainz with two hundred listens."""
    played = home.sql("SELECT artist, title FROM items WHERE artist LIKE 'Bell%'")
    lines = [
        f'{{"listened_at": {1700000000 + 300 * i}, "track_metadata": '
        f'{{"artist_name": "{artist}", "track_name": "{title}"}}}}'
        for i in range(200)
        for artist, title in [played[i % len(played)]]
    ]
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("listens/2023/11.jsonl", "\n".join(lines))


@pytest.mark.weights
def test_killed_commands_lose_nothing_and_the_next_run_ends_as_if_nothing_had_been(analysed: Home) -> None:
    write_history(analysed, analysed.beetsdir / "listenbrainz.zip")
    writing = ["cfembed", "cfimport", "cfplaylists", "cflike", "import"]  # `make bench-kills` has all
    done = subprocess.run(
        [sys.executable, str(BENCH), str(analysed.beetsdir), "--kills", "5", "--only", *writing],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def busy(analysed: Home):
    """Another program that is writing to the library, until it is told to end."""
    connection = sqlite3.connect(analysed.database, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    with contextlib.closing(connection):
        yield connection


def test_another_program_that_writes_to_the_library_is_waited_for(
    analysed: Home, busy: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []
    suppress = writing.suppress

    def tried(*errors: type[Exception]) -> object:
        tries.append(busy.in_transaction)
        if busy.in_transaction:
            busy.execute("ROLLBACK")
        return suppress(*errors)

    monkeypatch.setattr(writing, "suppress", tried)
    analysed.configure({"users": {"me": ["skip_count"]}}, timeout=0.1)
    assert analysed.embed("--retrain").code == 0
    assert tries[0]


def test_a_library_that_stays_locked_is_one_line_and_nothing_is_lost(
    analysed: Home, busy: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = analysed.field("cf_score")
    monkeypatch.setattr(writing, "_WAIT_S", 0)
    analysed.configure({"users": {"me": ["skip_count"]}}, timeout=0.1)
    ran = analysed.embed("--retrain")
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran
    assert "in use by another program" in ran.err
    busy.execute("ROLLBACK")
    assert analysed.field("cf_score") == before
    assert analysed.embed().code == 0
    assert analysed.field("cf_score") != before


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("cfembed", ["--retrain", "-j", "1"]),
        ("cfrecommend", ["-n", "3"]),
        ("cfplays", []),
        ("cfstatus", []),
        ("cfevaluate", []),
        ("cflike", ["Bell"]),
        ("cfplaylists", []),
    ],
)
def test_a_library_that_is_locked_while_a_command_runs_is_one_line(
    analysed: Home, monkeypatch: pytest.MonkeyPatch, command: str, args: list[str]
) -> None:
    other = sqlite3.connect(analysed.database, isolation_level=None, check_same_thread=False)
    read = settings.read_settings

    def lock_and_read(config: object) -> object:
        if not other.in_transaction:
            other.execute("BEGIN EXCLUSIVE")
        return read(config)

    module = "feedback" if command == "cflike" else command
    monkeypatch.setattr(f"beetsplug.cfaudio.commands.{module}.read_settings", lock_and_read)
    analysed.configure({"playlists": [{"name": "a"}], "playlist_dir": str(analysed.beetsdir)}, timeout=0.05)
    with contextlib.closing(other):
        ran = analysed.beet_here(command, *args)
        assert other.in_transaction
    assert ran.complaint.endswith("beets' library: in use by another program; try again when that is done")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError(errno.EROFS, "Read-only file system", b"/mnt/a\nb"), "/mnt/a b: Read-only file system"),
        (sqlite3.DatabaseError("database disk image is malformed"), "database disk image is malformed"),
    ],
)
def test_what_a_disk_does_to_a_command_is_one_line(error: Exception, line: str) -> None:
    with pytest.raises(UserError, match=line) as caught, printable_errors():
        raise error
    assert str(caught.value).isprintable()


def test_a_pipe_that_is_closed_is_for_beets_to_end_by() -> None:
    with pytest.raises(BrokenPipeError), printable_errors():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_no_command_to_the_terminal_is_logged_or_complained(analysed: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = "a\x1b]0;owned\x07\x9b2J\nerror: forged\u202e"

    def run(plugin: BeetsPlugin, *_: object) -> None:
        plugin._log.warning("skipping {}: {}", shell, "100% silent")
        raise UserError(shell)

    monkeypatch.setattr("beetsplug.cfaudio.commands.cfplays.run", run)
    ran = analysed.beet_here("cfplays")
    assert ran.code == 1
    assert ran.err.count("\n") == 2
    assert all(line.isprintable() for line in ran.err.splitlines())
    assert "cfaudio: skipping a" in ran.err
    assert "100% silent" in ran.err


def test_fields_are_written_all_or_none(analysed: Home) -> None:
    """beets commits a transaction even when its body raises."""
    before = analysed.field("cf_score")
    with analysed.library() as lib:
        rows = {"DELETE FROM item_attributes WHERE key = ?": [("cf_score",)], "INSERT INTO nowhere VALUES (?)": [(1,)]}
        with pytest.raises(UserError, match="cannot be written: no such table"):
            writing.change(lib, rows)
    assert analysed.field("cf_score") == before


@pytest.mark.parametrize("part", ["models", "features"])
def test_a_full_disk_is_one_line_and_the_next_run_does_it(
    analysed: Home, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, fields = analysed.dump(), analysed.field("cf_model")
    with monkeypatch.context() as patch:
        if part == "models":
            patch.setattr("cfaudio_core.models.model_files.write_whole", _no_room)
        else:
            patch.setattr("cfaudio_core.features.extractor.FeatureStore.add", _full)
        ran = analysed.embed("--retrain", *(["-f"] if part == "features" else []))
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran
    assert "full" in ran.err or "No space left" in ran.err
    assert (analysed.dump(), analysed.field("cf_model")) == (before, fields)
    assert analysed.embed("--retrain").code == 0


def _no_room(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def _full(*_: object) -> None:
    from cfaudio_core.errors import StoreError

    raise StoreError("features.db: database or disk is full")


def can_mount() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False).returncode:
            return False
        subprocess.run(["umount", folder], check=True)
    return True


@pytest.mark.weights
@pytest.mark.skipif(not can_mount(), reason="takes the right to mount a small disk (run as root)")
def test_disks_that_really_are_full(analysed: Home) -> None:
    bench = BENCH.with_name("bench_full_disk.py")
    command = [sys.executable, str(bench), str(analysed.beetsdir), "--free", "0,64,256", "--only", "cfembed"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no space left on the disk" in done.stdout


restricted = pytest.mark.skipif(
    not hasattr(os, "geteuid") or (os.geteuid() == 0 and find("setpriv") is None), reason=missing("setpriv")
)


def unprivileged(home: Home, *args: str) -> Ran:
    """The real command; as root, without the right to write where one may not."""
    command = [sys.executable, "-m", "beets", *args]
    if os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, env=home.environment, capture_output=True, text=True, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


@restricted
@pytest.mark.parametrize("command", [["cfembed", "--retrain"], ["cfimport", "csv", "plays.csv"], ["cfreport"]])
def test_a_folder_that_is_read_only_is_one_line(analysed: Home, command: list[str], monkeypatch) -> None:
    monkeypatch.chdir(analysed.folder)
    (analysed.folder / "plays.csv").write_text("artist,title,plays\nBell Anna,Stück 1,3\n", encoding="utf-8")
    before, folder = analysed.dump(), analysed.beetsdir / "cfaudio"
    for place in (folder, *folder.rglob("*")):
        place.chmod(0o500 if place.is_dir() else 0o400)
    ran = unprivileged(analysed, *command)
    for place in (folder, *folder.rglob("*")):
        place.chmod(0o700 if place.is_dir() else 0o600)
    assert str(folder) in ran.complaint
    assert analysed.dump() == before
    assert unprivileged(analysed, *command).code == 0


@restricted
def test_a_library_that_is_read_only_is_told_by_beets_and_as_it_was(analysed: Home) -> None:
    before = analysed.database.read_bytes()
    analysed.configure({"users": {"me": ["skip_count"]}})
    analysed.database.chmod(0o400)
    ran = unprivileged(analysed, "cfembed", "--retrain")
    analysed.database.chmod(0o600)
    assert ran.code == 1, ran
    assert "permissions" in ran.err
    assert "Traceback" not in ran.err
    assert analysed.database.read_bytes() == before
    assert unprivileged(analysed, "cfembed").code == 0


def test_files_that_vanish_meanwhile_are_named_and_the_others_are_analysed(
    unanalysed: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cfaudio_core.features import extractor

    plan = extractor.plan_extraction
    gone = sorted(unanalysed.music.rglob("*.flac"))[:2]

    def plan_and_lose(*args: object, **how: object) -> object:
        planned = plan(*args, **how)  # type: ignore[arg-type]
        for file in gone:
            file.unlink()
        return planned

    monkeypatch.setattr("cfaudio_core.pipeline.extract.plan_extraction", plan_and_lose)
    ran = unanalysed.embed()
    assert ran.code == 0, ran
    assert ran.err.count("skipping") == 2
    assert len(unanalysed.field("cf_embedding")) == 38


def test_a_second_cfembed_says_that_it_waits_and_then_runs(analysed: Home) -> None:
    with hold_lock(analysed.beetsdir / "cfaudio", "cfembed"):
        second = subprocess.Popen(
            [sys.executable, "-m", "beets", "cfembed", "-j", "1"],
            env={**analysed.environment, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
        )
        assert second.stdout is not None
        assert second.stdout.readline() == b"Waiting for another cfembed to end; ctrl-C stops waiting.\n"
    assert b"Nothing new" in second.communicate()[0]
    assert second.returncode == 0


def test_ctrl_c_keeps_what_was_analysed_and_the_next_run_goes_on(unanalysed: Home) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "beets", "cfembed", "-j", "1"],
        env=unanalysed.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )

    def something_is_kept() -> bool:
        if unanalysed.store.exists():
            with contextlib.closing(sqlite3.connect(unanalysed.store)) as store, contextlib.suppress(sqlite3.Error):
                return bool(store.execute("SELECT count(*) FROM features").fetchone()[0])
        return process.poll() is not None

    wait_until(something_is_kept, lambda: "nothing is kept")
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    assert said.startswith(b"Stopped. Tracks analysed so far are kept"), said
    ran = unanalysed.embed()
    assert ran.code == 0, ran
    assert len(unanalysed.field("cf_embedding")) == 40


def test_forgetting_leaves_the_library_as_if_cfaudio_had_never_been(analysed: Home, collection: Home) -> None:
    (analysed.beetsdir / "cfaudio" / "mine.txt").write_text("not cfaudio's")
    (analysed.beetsdir / "cfaudio" / ".cfaudio-x").write_text("left by a killed cfplaylists")
    ran = analysed.embed("--forget", "-y")
    assert ran.code == 0
    assert "fields of 40 tracks" in ran.out
    assert analysed.sql("SELECT * FROM item_attributes WHERE key LIKE 'cf%'") == []
    assert analysed.dump() == collection.dump()
    assert [file.name for file in (analysed.beetsdir / "cfaudio").iterdir()] == ["mine.txt"]
    assert analysed.embed("--forget", "-y").fine.out == "There is nothing to forget.\n"


def test_forgetting_takes_a_history_elsewhere_too_and_asks_first(analysed: Home) -> None:
    history = analysed.folder / "else.db"
    analysed.configure({"history": f"sqlite:///{history}"})
    assert analysed.embed().code == 0
    assert history.exists()
    before = analysed.files()
    assert analysed.embed("--forget", "-p").code == 0
    assert analysed.beet("cfembed", "--forget").code == 1  # there is nobody to say yes
    assert analysed.files() == before
    assert analysed.embed("--forget", "-y").code == 0
    assert not history.exists()
    assert not analysed.store.parent.exists()


def test_forgetting_takes_no_query(analysed: Home) -> None:
    assert "--forget takes no query" in analysed.embed("--forget", "-y", "id:1").complaint


def test_a_model_of_an_earlier_version_is_trained_again_without_analysing_anything(
    analysed: Home, decoding_fails
) -> None:
    (about,) = analysed.models.glob("cf-*.json")
    older = about.read_text().replace(f'"format": {FORMAT}', f'"format": {FORMAT - 1}')
    assert older != about.read_text()
    about.write_text(older)
    decoding_fails()
    shutil.rmtree(analysed.music)
    ran = analysed.embed().fine
    assert "Analysed 0 new tracks (40 of 40 done)" in ran.out
    again = "Retrained: the model was made by an earlier version."
    assert ran.out.splitlines().count(again) == 1
    assert len(analysed.field("cf_score")) == 40
    assert "earlier version" not in analysed.embed().fine.out


def test_a_model_of_a_newer_version_is_refused_in_one_line(analysed: Home) -> None:
    (about,) = analysed.models.glob("cf-*.json")
    about.write_text(about.read_text().replace(f'"format": {FORMAT}', '"format": 99'))
    assert "was written by a newer version of cfaudio (format 99)" in analysed.embed().complaint


@pytest.mark.parametrize("command", ["cfembed", "cfplaylists"])
def test_waiting_for_another_run_is_said_at_once_and_ends_by_ctrl_c(analysed: Home, command: str) -> None:
    analysed.configure({"playlists": [{"name": "mine"}], "playlist_dir": str(analysed.folder)})
    with hold_lock(analysed.beetsdir / "cfaudio", command):
        waiting = subprocess.Popen(
            [sys.executable, "-m", "beets", command],
            env=analysed.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert waiting.stdout is not None
        assert waiting.stdout.readline().startswith(f"Waiting for another {command} to end".encode())
        waiting.send_signal(signal.SIGINT)
        said = waiting.communicate()[1].splitlines()
    assert (waiting.returncode, len(said)) == (130, 1), said
    assert said[0].startswith(b"Stopped. ")


def test_no_command_to_the_terminal_is_printed(analysed: Home) -> None:
    shell = "a\x1b]0;owned\x07\x9b2J\u202e"
    analysed.sql("UPDATE items SET title = ?, artist = ?", shell, shell)
    analysed.configure({"playlists": [{"name": "mine"}], "playlist_dir": str(analysed.folder)})
    for command in (["cfplays"], ["cfplaylists", "-p"], ["cflike", "-p", "id:1"], ["cfrecommend", "--explain"]):
        lines = analysed.beet_here(*command).out.split("\n")
        printed = [line for line in lines if "owned" in line and (command[0] != "cfrecommend" or line[:4] == "    ")]
        assert printed
        assert all(line.isprintable() for line in printed), printed
    as_asked = analysed.beet_here("cfrecommend", "-n", "1", "-f", "$title").out
    assert shell in as_asked
