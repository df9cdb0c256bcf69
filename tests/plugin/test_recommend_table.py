"""What `beet cfrecommend` prints on a terminal, and that nothing else has changed anywhere else."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios

import pytest
from user_home import Home

from cfaudio_core.report.listing import columns

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(home: Home, width: int, *args: str, **more: str) -> str:
    """Run `beet` on a terminal of its own, of so many columns."""
    child, terminal = pty.fork()
    if child == 0:  # the command
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        environment = {**home.environment, **more}
        environment.pop("COLUMNS", None)
        os.chdir(home.folder)
        os.execve(sys.executable, [sys.executable, "-m", "beets", *args], environment)
    printed = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux says so where the command has ended
            break
        if not part:
            break
        printed += part
    os.close(terminal)
    assert os.waitpid(child, 0)[1] == 0, printed
    return printed.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("width", [60, 100])
def test_on_a_terminal_a_list_is_a_table_that_fits(placed: Home, width: int) -> None:
    heading, *rows, total = on_terminal(placed, width, "cfrecommend", "-n", "6").splitlines()
    assert heading.split() == ["artist", "title", "plays", "score", "why"]
    assert len(rows) == 6
    assert max(map(columns, rows)) <= width
    assert sum(" new " in row for row in rows) == 3
    assert all(re.search("  (same artist|goes with|sounds lik)", row) for row in rows)
    assert re.fullmatch(r"6 tracks, 3 of them new, \d+ min", total)


def test_it_has_the_colours_of_beets_unless_the_user_wants_none(placed: Home) -> None:
    placed.configure(ui={"color": True})
    coloured = on_terminal(placed, 100, "cfrecommend", "-n", "4", TERM="xterm")
    plain = on_terminal(placed, 100, "cfrecommend", "-n", "4", NO_COLOR="1")
    assert "\x1b[1;32mnew" in coloured  # text_success
    assert COLOUR.sub("", coloured) == plain


def test_with_explain_each_row_has_its_reasons_below(placed: Home) -> None:
    lines = on_terminal(placed, 100, "cfrecommend", "-n", "4", "--explain").splitlines()
    assert len(lines) == 10
    assert all(line.startswith(("    New. ", "    Played ")) for line in lines[2:-1:2])


@pytest.mark.parametrize("options", [["-f", "$title / $artist"], ["-p"], ["--json"]])
def test_with_a_format_a_terminal_gets_what_a_pipe_gets(placed: Home, options: list[str]) -> None:
    words = ["cfrecommend", "-n", "4", *options]
    assert on_terminal(placed, 100, *words) == placed.beet(*words).fine.out


def test_a_pipe_gets_tracks_as_beet_ls_prints_them(placed: Home) -> None:
    listed = placed.beet("cfrecommend", "-n", "4").fine.lines
    assert set(listed) <= set(placed.beet("ls").fine.lines)


def test_on_a_terminal_a_playlist_is_said_to_be_written(placed: Home) -> None:
    file = placed.folder / "tonight.m3u"
    printed = on_terminal(placed, 200, "cfrecommend", "-n", "4", "-m", str(file))
    assert printed.splitlines()[-1] == f"cfaudio: wrote 4 tracks to {file}"
    assert placed.beet("cfrecommend", "-n", "4", "-m", str(file)).fine
