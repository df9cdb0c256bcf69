"""The units and crontabs of the manual are what they say they are; test_docs_commands reads the commands in them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from needs import needs
from pages import MANUAL, PAGES, blocks

DOC = PAGES["scheduling"]


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


@pytest.mark.parametrize("page", [page for page in MANUAL if "```cron" in PAGES[page]])
def test_lines_of_a_crontab_have_five_fields_and_a_command(page: str) -> None:
    jobs = [line for block in blocks(page, "cron") for line in block.splitlines() if not re.match(r"\w+=", line)]
    assert len(jobs) == (2 if page == "scheduling" else 1)
    for line in jobs:
        assert re.fullmatch(r"(?:[\d*]+ ){5} (?:flock|docker) .*beet cfembed && beet cfplaylists'", line)
        assert "%" not in line, "which is a line break to cron"
