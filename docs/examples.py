"""Write the output that README and docs show, from real runs: `python docs/examples.py [LIBRARY]`.

The block behind `<!-- demo: beet ... -->` is what this command prints on a terminal, with the music and the plays of
`cfaudio demo`. A block behind `<!-- library: beet ... -->` is made with LIBRARY, the folder of a beets configuration,
and left as it is without one. Long lines are broken between words. tests/plugin/test_examples.py compares what is shown
with what the program prints.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Mapping
from pathlib import Path

import click

COLUMNS = 120
DOCS = Path(__file__).parent
PAGES = (DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md")))
SHOWN = re.compile(
    r"(?<=^<!-- )(demo|library): beet ([^\n]*)( -->\n\n?```text\n)(.*?)(?=^```)", re.MULTILINE | re.DOTALL
)
FIRST = ("cfimport csv listens.csv", "cfembed")  # what the others need, in this order
HOME = "~/.config/beets"  # as it is shown, wherever LIBRARY lies
LISTS = """
  playlist_dir: Playlists
  playlists:
    - kind: discover
    - kind: daily mix
"""


def on_terminal(arguments: list[str], environment: Mapping[str, str], folder: Path) -> str:
    """Run `beet` in a folder, with a terminal of `COLUMNS` columns for what it prints.

    Raises
    ------
    SystemExit
        The command fails.
    """
    ours, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "beets",
                *arguments,
            ],  # -P: a checkout that is the current folder comes not first
            env={name: value for name, value in environment.items() if name != "COLUMNS"} | {"NO_COLOR": "1"},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=errors,
        )
        os.close(terminal)
        printed = b""
        while part := _read(ours):
            printed += part
        os.close(ours)
        if process.wait():
            errors.seek(0)
            sys.exit(f"beet {shlex.join(arguments)}: {errors.read()}")
    return printed.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so where the command has ended
        return b""


def broken(printed: str) -> str:
    """Break long lines between words, as `cfaudio demo` does; those of tables are left."""
    lines = printed.splitlines()
    return "\n".join(x if "  " in x else click.wrap_text(x, COLUMNS, subsequent_indent="  ") for x in lines)


def make_demo(folder: Path) -> None:
    """Make the library of `cfaudio demo` in an empty folder, before its first command, with its listens in a table."""
    from cfaudio_core.demo import albums, library, listener

    for _ in albums.write_pieces(folder / "music", 1):
        pass
    made = library.DemoLibrary(folder, folder / "music")
    made.add_music()
    songs = [song._replace(genre=albums.STYLE_OF[song.artist]) for song in made.songs()]
    listener.simulate_history(songs, 1).write(folder / "listens.csv")
    with (folder / "config.yaml").open("a", encoding="utf-8") as config:
        config.write(f"cfaudio:{LISTS}")


def renew(kind: str, run: Callable[[str], str]) -> None:
    """Write the blocks of one kind again, each with what its command prints."""
    shown = [found for page in PAGES for found in SHOWN.findall(page.read_text(encoding="utf-8"))]
    first = FIRST if kind == "demo" else ()
    lines = dict.fromkeys((*first, *(line for which, line, *_ in shown if which == kind)))
    printed = {line: broken(run(line)) for line in lines}

    def block(found: re.Match[str]) -> str:
        which, line, between, old = found.groups()
        return f"{which}: beet {line}{between}{printed[line] + chr(10) if which == kind else old}"

    for page in PAGES:  # read again: a run takes minutes
        text = page.read_text(encoding="utf-8")
        if (new := SHOWN.sub(block, text)) != text:
            page.write_text(new, encoding="utf-8")


def main() -> None:
    """Write all blocks that can be made."""
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        make_demo(home)
        environment = {**os.environ, "BEETSDIR": temporary}
        renew("demo", lambda line: on_terminal(shlex.split(line), environment, home).replace(temporary, "~"))
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1]).absolute()
        environment["BEETSDIR"] = str(folder)
        renew("library", lambda line: on_terminal(shlex.split(line), environment, folder).replace(str(folder), HOME))


if __name__ == "__main__":
    main()
