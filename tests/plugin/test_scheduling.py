"""The examples of docs/scheduling.md are what they say they are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from needs import needs

from beetsplug.cfaudio import CfAudioPlugin

DOC = (Path(__file__).parents[2] / "docs" / "scheduling.md").read_text(encoding="utf-8")


@needs("systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    units = re.findall(r"/(cfaudio\.\w+)`:\n\n```ini\n(.*?)```", DOC, re.DOTALL)
    assert [name for name, _ in units] == ["cfaudio.service", "cfaudio.timer"]
    for name, text in units:
        (tmp_path / name).write_text(text.replace("%h/.local/bin/beet", str(shutil.which("true"))))
    files = [str(tmp_path / name) for name, _ in units]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    (when,) = re.findall(r"OnCalendar=(.*)", DOC)
    assert subprocess.run(["systemd-analyze", "calendar", when], capture_output=True, check=False).returncode == 0


def test_every_command_in_it_is_there() -> None:
    commands = {command.name for command in CfAudioPlugin().commands()}
    assert set(re.findall(r"beet (cf\w+)", DOC)) <= commands


def test_lines_of_a_crontab_have_five_fields_and_a_command() -> None:
    lines = [line for block in re.findall(r"```cron\n(.*?)```", DOC, re.DOTALL) for line in block.splitlines()]
    jobs = [line for line in lines if not re.match(r"\w+=", line)]
    assert len(jobs) == 2
    for line in jobs:
        assert re.fullmatch(r"(?:[\d*]+ ){5} (?:flock|docker) .*beet cfplaylists'", line)
        assert "%" not in line, "which is a line break to cron"
