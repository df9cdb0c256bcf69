"""The files in `containers`: what they run and what they configure. `.ci/container` runs the steps of the image."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import confuse
import pytest
import yaml
from waiting import LONG_SECONDS, wait_until

from beetsplug.cfaudio import CfAudioPlugin
from beetsplug.cfaudio.config.settings import DEFAULTS, read_settings

FOLDER = Path(__file__).parents[2] / "containers"
NIGHTLY = FOLDER / "nightly.sh"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shell scripts")


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The calls of a `beet` that does nothing else; cfembed fails where there is a file of that name."""
    program, log = tmp_path / "bin" / "beet", tmp_path / "calls"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\n! [ -e {tmp_path}/"$1" ]\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("IMPORT", raising=False)
    return log


def test_a_night_trains_and_writes_lists(calls: Path) -> None:
    assert subprocess.run([NIGHTLY, "--once"], check=False).returncode == 0
    assert calls.read_text().splitlines() == ["cfembed", "cfplaylists"]


def test_a_night_begins_with_the_import_that_is_asked_for(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPORT", "navidrome /navidrome/navidrome.db")
    assert subprocess.run([NIGHTLY, "--once"], check=False).returncode == 0
    assert calls.read_text().splitlines()[0] == "cfimport navidrome /navidrome/navidrome.db"


def test_lists_stay_where_training_fails(calls: Path) -> None:
    (calls.parent / "cfembed").touch()
    assert subprocess.run([NIGHTLY, "--once"], check=False).returncode == 1
    assert calls.read_text().splitlines() == ["cfembed"]


def test_it_waits_for_the_next_night_and_ends_when_the_container_does(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AT", "04:00")
    with subprocess.Popen([NIGHTLY], stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "The next run is at 04:00.\n"
        wait_until(lambda: "cfplaylists" in calls.read_text(), calls.read_text)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(LONG_SECONDS) == 0


def test_the_configuration_is_taken() -> None:
    config = yaml.safe_load((FOLDER / "config.yaml").read_text())
    assert config["plugins"] == ["cfaudio"]
    view = confuse.RootView([confuse.ConfigSource.of({"cfaudio": {**DEFAULTS, **config["cfaudio"]}})])
    assert {target for one in read_settings(view["cfaudio"]).playlists for target in one.targets} == {
        "m3u",
        "mpd",
        "subsonic",
    }


def test_the_services_see_the_same_music_and_the_configuration_names_them() -> None:
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    config = yaml.safe_load((FOLDER / "config.yaml").read_text())
    assert config["cfaudio"]["subsonic"]["url"] == "http://navidrome:4533"
    assert config["cfaudio"]["mpd"]["host"] == "mpd"
    assert set(services) == {"cfaudio", "navidrome", "mpd"}
    for service in services.values():
        assert f"/path/to/music:{config['directory']}:ro" in service["volumes"]
    (build,) = [service["build"] for name, service in services.items() if name == "cfaudio"]
    assert (FOLDER / build["context"] / build["dockerfile"]).samefile(FOLDER / "Containerfile")


def test_the_image_s_steps_are_such_as_the_check_runs() -> None:
    lines = (FOLDER / "Containerfile").read_text().splitlines()
    known = re.findall(r"^        ([A-Z].*?)\)", (FOLDER.parent / ".ci" / "container").read_text(), re.MULTILINE)
    words = {word for words in known for word in re.findall(r"[A-Z]{3,}", words)}
    assert {line.split()[0] for line in lines if not line.startswith("#")} <= words
    assert not [line for line in lines if line.endswith("\\")]


def test_commands_of_these_files_are_there() -> None:
    text = "\n".join(file.read_text() for file in FOLDER.iterdir())
    commands = {command.name for command in CfAudioPlugin().commands()}
    assert {"cfimport", "cfembed", "cfplaylists"} <= set(re.findall(r"beet (cf\w+)", text)) <= commands
