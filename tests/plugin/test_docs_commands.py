"""Every command that README and manual show is run on a small library, or at least read by the program it is for."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from beets import ui
from beets.ui.commands import default_commands
from pages import MANUAL, ROOT, code_in_prose, command_lines
from user_home import Home

from beetsplug.cfaudio import CfAudioPlugin
from cfaudio_core.cli import main
from cfaudio_core.history.formats import FORMATS

COMMANDS = {command.name: command for command in CfAudioPlugin().commands()}
OF_OTHER_PLUGINS = {"mpdstats", "plexsync", "splupdate"}
OF_OTHERS = {"apk", "beet", "cfaudio", "dask", "docker", "flock", "journalctl", "loginctl", "make", "mpc", "nice"}
OF_OTHERS |= {"pip", "pipx", "sh", "ssh", "systemctl", "which", "chmod", "crontab"}
BEFORE_ANOTHER = {  # programs that run the rest of their line, and how many words are theirs
    "nice": 1,
    "flock": 3,
    "docker exec": 5,
    "docker compose": 7,
    "pipx runpip": 2,
}
NEEDS = re.compile(r"--(?:play|queue|follow|serve)\b|https?://|cfimport -?\S* ?\S+ /")  # a player, a server, its files
TAKES_LONG = re.compile(r"beet (?:cfembed(?! -p)|cfevaluate|cfreport|cfdoctor)")  # and has tests of its own


def simple_commands(line: str) -> Iterator[list[str]]:
    """Split a line for a shell into the commands in it, those inside of others too, without assignments."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.commenters, lexer.whitespace_split = "#", True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if re.fullmatch("[;&|]+", word):
            if words:
                yield from _unwrapped(words)
            words = []
        elif words or not re.fullmatch(r"\w+=.*", word):
            words.append(word)


def _unwrapped(words: list[str]) -> Iterator[list[str]]:
    yield words
    if words[:2] == ["sh", "-c"]:
        yield from simple_commands(words[2])
    for name, theirs in BEFORE_ANOTHER.items():
        if words[: len(name.split())] == name.split() and words[theirs:]:
            inner = words[theirs:]
            yield from _unwrapped(["pip", *inner[1:]] if name == "pipx runpip" else inner)


def every_command() -> list[tuple[str, list[str]]]:
    """All commands in blocks, and those within lines that have words behind them, with their pages."""
    found = []
    for page in MANUAL:
        inline = [code for code in code_in_prose(page) if code.split()[0] in OF_OTHERS and " " in code]
        for line in (*command_lines(page), *inline):
            found += [(page, words) for words in simple_commands(line)]
    return found


EVERY = every_command()


def beet_parser() -> ui.SubcommandsOptionParser:
    """beets' own parser, with all its commands and ours."""
    parser = ui.SubcommandsOptionParser()
    parser.add_option("-v", "--verbose", action="count")
    parser.add_option("-h", "--help", action="store_true", default=False)
    parser.add_option("--version", action="store_true", default=False)
    parser.add_subcommand(*default_commands, *COMMANDS.values())
    return parser


def read_beet(words: list[str]) -> None:
    _, words = beet_parser().parse_global_options(words)
    if not words or words[0] in OF_OTHER_PLUGINS:
        return
    if words[0] == "cfimport" and [word for word in words[1:] if word.islower() and "-" not in word]:
        assert FORMATS.keys() & set(words), "names no format"
    beet_parser().parse_subcommand(words)


def read_cfaudio(words: list[str]) -> None:
    main.commands[words[0]].make_context(words[0], words[1:])


def read_make(words: list[str]) -> None:
    assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), "no such target"


def read_pip(words: list[str]) -> None:
    from pip._internal.commands import create_command

    options, named = create_command(words[0]).parser.parse_args(words[1:])
    assert all((ROOT / file).is_file() for file in options.constraints or ())
    assert {name for name in named if "==" in name} <= set((ROOT / "constraints.txt").read_text().split("\n"))
    setup = (ROOT / "setup.cfg").read_text()
    for extra in re.findall(r"(?:beets-cfaudio|^\.)\[(.*?)\]", " ".join(named)):
        assert all(re.search(rf"^{one} =$", setup, re.MULTILINE) for one in extra.split(",")), f"no extra {extra}"


def read_dask(words: list[str]) -> None:
    distributed = pytest.importorskip("distributed.cli")
    module = __import__(f"{distributed.__name__}.dask_{words[0]}", fromlist=["main"])
    module.main.make_context(words[0], words[1:])


def read_ssh(words: list[str]) -> None:
    if shutil.which("ssh"):
        assert subprocess.run(["ssh", "-G", *words], capture_output=True, check=False).returncode == 0


READERS: dict[str, Callable[[list[str]], None]] = {
    "beet": read_beet,
    "cfaudio": read_cfaudio,
    "make": read_make,
    "pip": read_pip,
    "dask": read_dask,
    "ssh": read_ssh,
}


@pytest.mark.parametrize(("page", "words"), EVERY, ids=lambda part: part if isinstance(part, str) else " ".join(part))
def test_the_program_that_a_line_is_for_can_read_it(
    page: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert words[0] in OF_OTHERS, f"{page}: {words[0]} is no program that is known here"
    try:
        READERS.get(words[0], len)(words[1:])
    except (SystemExit, ui.UserError) as error:
        pytest.fail(f"{page}: {shlex.join(words)}: {error} {capsys.readouterr().err}")


def test_every_command_of_ours_is_shown_somewhere() -> None:
    assert {words[1] for _, words in EVERY if words[0] == "beet"} >= set(COMMANDS)
    assert {words[1] for _, words in EVERY if words[0] == "cfaudio"} == set(main.commands)


@pytest.mark.parametrize(
    "wrong",
    [
        "beet cfrecommend --colour",
        "beet cfrecommend -n many",
        "beet cfplay",
        "beet cfimport spotfy x.json",
        "sh -c 'beet cfembed && beet cfplaylist'",
        "cfaudio show",
        "cfaudio demo --kep x",
        "make tests",
        "pip instal .",
        "pip install '.[reports]'",
    ],
)
def test_a_wrong_line_is_not_read(wrong: str) -> None:
    with pytest.raises((SystemExit, ui.UserError, AssertionError, KeyError, click.ClickException)):
        for words in simple_commands(wrong):
            READERS.get(words[0], len)(words[1:])


def runnable() -> list[str]:
    """The lines in blocks that need nothing but a library, each once, without remarks."""
    lines = {
        shlex.join(words): None
        for page in MANUAL
        for line in command_lines(page)
        for words in simple_commands(line)
        if words[0] == "beet" and words[1] in {*COMMANDS, "ls", "modify"}
    }
    return [line for line in lines if not NEEDS.search(line) and not TAKES_LONG.search(line)]


@pytest.fixture
def theirs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A library that has what the manual's examples ask for, in a folder with the files that they import."""
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    kept = factory.getbasetemp() / "as in the manual"  # made once, as that takes longer than all else
    if not kept.exists():
        made = request.getfixturevalue("placed")
        _rename(made)
        _write_histories(made.folder)
        made.copy(kept)
    home = Home(kept).copy(tmp_path / "copy")
    home.configure({"playlist_dir": str(home.folder / "lists"), "playlists": [{"kind": "discover", "n": 3}]})
    monkeypatch.setenv("HOME", str(home.folder))
    monkeypatch.chdir(home.folder)
    return home


def _rename(home: Home) -> None:
    """Give tracks the artists, albums, titles, genres and tags that the manual asks for."""
    with home.library() as lib:
        names = {"Bell Anna": "Can", "Bell Berta": "Neu!"}
        titles = iter(["Halleluhwah", "Oh Yeah", "Jingle Bells"])
        for item in lib.items():
            artist = names.get(item.artist, item.artist)
            if artist == "Can":
                item.update({"album": "Tago Mago", "title": next(titles, item.title)})
            item.update({"artist": artist, "albumartist": artist, "genres": ["jazz"], "added": 1.8e9})
            item.store()
    home.set("cf_tags", dict.fromkeys(home.ids("1"), "ambient, mellow"))


def _write_histories(folder: Path) -> None:
    """Write a listening history in each of the formats that the manual imports from a file."""
    (folder / "plays.csv").write_text("Band,Song,Date\nCan,Oh Yeah,2026-01-01 12:00\n", encoding="utf-8")
    names = {"master_metadata_album_artist_name": "Can", "master_metadata_track_name": "Oh Yeah"}
    play = {"ts": "2026-01-02T12:00:00Z", "ms_played": 200_000, **names, "reason_start": "x", "reason_end": "trackdone"}
    (folder / "Streaming_History_Audio_2026.json").write_text(json.dumps([play]))
    listen = {"listened_at": 1_767_400_000, "track_metadata": {"artist_name": "Can", "track_name": "Oh Yeah"}}
    with zipfile.ZipFile(folder / "listenbrainz_NAME_1700000000.zip", "w") as export:
        export.writestr("listens/2026/1.jsonl", json.dumps(listen) + "\n")


@pytest.mark.parametrize("line", runnable())
def test_a_line_that_needs_nothing_but_a_library_runs(theirs: Home, line: str) -> None:
    words: list[str] = []
    for word in shlex.split(line)[1:]:  # as a shell does it
        found = sorted(map(str, Path().glob(word))) if "*" in word else []
        words += found or [str(Path(word).expanduser()) if word.startswith("~") else word]
    ran = theirs.beet_here(*words)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out
