"""`beet cfdoctor` and `cfaudio doctor`: a line for each thing looked at, and 1 where something has to be done."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from click.testing import CliRunner
from user_home import Home, Ran

from cfaudio_core import __version__
from cfaudio_core.cli import main
from cfaudio_core.doctor import machine

PASSWORD, TOKEN = "hunter2 ünd", "5ebe2294-sesame"
weights = pytest.mark.weights


def findings(ran: Ran) -> dict[str, tuple[str, str]]:
    """What was looked at, to its level and the rest of its line."""
    assert ran.err == "", ran
    return {about: (level, text) for level, about, text in (line.split(maxsplit=2) for line in ran.lines)}


def levels(ran: Ran) -> set[str]:
    return {level for level, _ in findings(ran).values()}


@weights
def test_where_all_is_well_every_line_is_ok(analysed: Home) -> None:
    before = analysed.files()
    ran = analysed.beet_here("cfdoctor")
    found = findings(ran)
    assert (ran.code, levels(ran)) == (0, {"ok"})
    assert [*found] == [
        *("cfaudio", "packages", "torch", "librosa", "ffmpeg", "libsndfile", "weights"),
        *("tracks", "folder", "disk", "library", "features", "history", "models"),
    ]
    assert found["cfaudio"][1].startswith(f"{__version__}, Python 3.")
    assert "Opus" in found["ffmpeg"][1] and "FLAC" in found["libsndfile"][1]
    assert found["tracks"][1] == "40 tracks, 40 analysed, 0 that cannot be"
    assert found["models"][1].endswith(", in use")
    assert analysed.files() == before


def test_before_the_first_run_nothing_has_to_be_done(home: Home) -> None:
    ran = home.beet_here("cfdoctor")
    assert ran.code == 0
    assert "made by the first `beet cfembed`" in findings(ran)["folder"][1]


@weights
@pytest.mark.parametrize(
    ("name", "about", "advice"),
    [
        ("cfaudio/features.db", "features", "move it away: the next `beet cfembed` analyses again"),
        ("cfaudio/models/cf-*.safetensors", "models", "`beet cfembed` trains a new one"),
    ],
)
def test_a_damaged_store_is_found_with_what_to_do(analysed: Home, name: str, about: str, advice: str) -> None:
    (file,) = analysed.beetsdir.glob(name)
    file.write_bytes(b"nothing that anybody could read" * 1000)
    ran = analysed.beet_here("cfdoctor")
    level, text = findings(ran)[about]
    assert (ran.code, level) == (1, "fix")
    assert text.endswith(advice)


def test_a_wrong_setting_is_found(home: Home) -> None:
    home.configure({"windows": "ten"})
    ran = home.beet_here("cfdoctor")
    assert ran.code == 1
    assert findings(ran)["config"] == (
        "fix",
        "cfaudio.windows: must be a whole number from 1 to 1000, or all, not 'ten'",
    )


def test_a_folder_that_others_can_read_is_a_note(home: Home) -> None:
    (home.beetsdir / "cfaudio").mkdir(mode=0o755)
    ran = home.beet_here("cfdoctor")
    assert ran.code == 0
    assert findings(ran)["folder"][0] == "note"
    assert findings(ran)["folder"][1].endswith("chmod 700 hides what you play")


def test_a_disk_without_room_for_what_is_left_to_analyse_is_found(
    unanalysed: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 9 * 10**8, 10**8))
    ran = unanalysed.beet_here("cfdoctor")
    assert ran.code == 1
    assert findings(ran)["disk"] == ("fix", "0.1 GB free, 0.2 needed; make room")


def test_weights_that_are_not_there_yet_are_a_note_and_cannot_be_fetched_without_a_network(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.delenv("CFAUDIO_WEIGHTS", raising=False)
    ran = home.beet_here("cfdoctor")
    assert ran.code == 0
    assert findings(ran)["weights"] == (
        "note",
        "musicnn: not fetched yet; the first `beet cfembed` fetches them (29 MB), or `--fetch` does",
    )
    ran = home.beet_here("cfdoctor", "--fetch")
    assert ran.code == 1
    level, text = findings(ran)["weights"]
    assert level == "fix"
    assert "give the wheel of musicnn 0.1.0 as a file by `weights` in the config or by CFAUDIO_WEIGHTS" in text


def test_a_package_that_cannot_be_loaded_is_found(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("libtorch_cpu.so: cannot open\nshared object file")

    monkeypatch.setattr(machine, "_torch", broken)
    ran = home.beet_here("cfdoctor")
    assert ran.code == 1
    assert findings(ran)["torch"] == (
        "fix",
        "cannot be loaded: libtorch_cpu.so: cannot open shared object file; install its package again",
    )


def test_a_package_that_is_not_installed_is_a_note_that_says_what_is_lost(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "missing_packages", lambda: ["librosa", "soxr"])
    ran = home.beet_here("cfdoctor")
    assert ran.code == 0
    assert findings(ran)["soxr"][0] == findings(ran)["librosa"][0] == "note"
    assert "no tempo, key, energy and timbre" in findings(ran)["librosa"][1]


def test_it_has_no_secret_to_tell(home: Home) -> None:
    home.configure(
        {
            "history": f"postgresql+psycopg://me:{TOKEN}@127.0.0.1:9/music",
            "subsonic": {"url": "http://127.0.0.1:9", "user": "anna", "password": PASSWORD},
            "jellyfin": {"url": "http://127.0.0.1:9", "token": TOKEN},
            "playlist_dir": str(home.folder / "lists"),
            "playlists": [{"name": "One", "targets": ["subsonic", "jellyfin"]}],
        }
    )
    ran = home.beet_here("-vv", "cfdoctor")
    assert ran.code == 1
    assert "127.0.0.1" in ran.out  # the history that cannot be reached
    assert not [secret for secret in ("hunter2", TOKEN, "sesame") if secret in ran.out + ran.err]


def test_a_query_is_refused(home: Home) -> None:
    assert home.beet_here("cfdoctor", "artist:Can").complaint == "error: cfdoctor takes no query: artist:Can"


@pytest.mark.parametrize("plugins", [("cfaudio",), ()])
def test_cfaudio_doctor_says_the_same_and_names_a_plugin_that_is_not_enabled(
    home: Home, monkeypatch: pytest.MonkeyPatch, plugins: tuple[str, ...]
) -> None:
    home.configure(plugins=plugins)
    monkeypatch.setenv("BEETSDIR", str(home.beetsdir))
    done = CliRunner().invoke(main, ["doctor"])
    *others, last = done.output.splitlines()
    assert others[0] == home.beet_here("cfdoctor").lines[0] if plugins else others[0].startswith("ok    cfaudio")
    if plugins:
        assert (done.exit_code, last) == (0, "ok    models    none yet: `beet cfembed` trains one")
    else:
        assert done.exit_code == 1
        assert last.startswith("fix   beets     `beet cfdoctor` fails: unknown command 'cfdoctor'; `plugins` in")
