"""A throwaway beets library, and the real `beet` commands run on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from cfaudio_core.errors import CfAudioError

_CONFIG = """\
plugins: [cfaudio]
directory: {music}
library: {database}
threaded: no
create_backup_before_migrations: no
import: {{copy: no, write: no, autotag: no, resume: no, quiet: yes, duplicate_action: keep}}
ui: {{color: no}}
"""

_FIELDS = ("path", "artist", "album", "title", "genres", "length", "cf_score")
_BETWEEN, _AFTER = "\x1f", "\x1e"  # between fields and after a track; no tag has these, many have tabs


class Song(NamedTuple):
    """A track of the library.

    `title` is the file's name where there is none, `genre` the first of several; other texts are "" where the library
    has none. `length` is in seconds, `score` from 0 to 100, None where there is none.
    """

    id: int
    path: str
    artist: str
    album: str
    title: str
    genre: str
    length: float = 0.0
    score: float | None = None


class Pick(NamedTuple):
    """A recommended track, how often it was played, and why it is there.

    `near` has artist and title of the loved tracks that it is nearest to; `by_sound` is the share of the score that
    comes from the audio.
    """

    id: int
    score: float
    plays: int
    near: list[tuple[str, str]]
    by_sound: float


class DemoLibrary:
    """A beets library of its own in a folder, with a configuration of its own: the user's are never touched.

    Every method raises CfAudioError if beets fails.

    Parameters
    ----------
    folder
        An empty folder for configuration, database and whatever cfaudio keeps; the value of BEETSDIR.
    music
        The folder the music lies in.
    """

    def __init__(self, folder: Path, music: Path) -> None:
        self.folder = folder
        self.music = music
        # A JSON text is a YAML text, whatever characters the path has.
        config = _CONFIG.format(music=json.dumps(str(music)), database=json.dumps(str(folder / "library.db")))
        (folder / "config.yaml").write_text(config, encoding="utf-8")

    def beet(self, *arguments: str, shown: bool = False) -> str:
        """Run one `beet` command and return its output; its progress and errors may be `shown` in the terminal."""
        environment = {**os.environ, "BEETSDIR": str(self.folder), "PYTHONIOENCODING": "utf-8"}
        finished = subprocess.run(
            [sys.executable, "-P", "-m", "beets", *arguments],  # -P: no module of the current folder
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if shown else subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if finished.returncode:
            errors = (finished.stderr or "").strip().splitlines()[-1:]
            why = "see above" if shown else errors[0] if errors else "without an error message"
            raise CfAudioError(f"beet {arguments[0]} failed (exit status {finished.returncode}): {why}")
        return finished.stdout

    def add_music(self) -> None:
        """Import the music where it lies: no file is copied, moved, looked up or written to."""
        self.beet("import", "-A", "-C", "-q", str(self.music))

    def songs(self) -> list[Song]:
        """Read all tracks, in the order of their ids."""
        # A field that a track lacks would print as its own name.
        fields = ["$id", *(f"%ifdef{{{field},${field}}}" for field in _FIELDS)]
        printed = self.beet("ls", "-f", _BETWEEN.join(fields) + _AFTER, "id+")
        return [_song(line.lstrip("\n").split(_BETWEEN)) for line in printed.split(_AFTER)[:-1]]

    def recommend(self, n: int) -> list[Pick]:
        """Run `beet cfrecommend`: at most `n` tracks, in the recommended order."""
        printed = self.beet("cfrecommend", "-n", str(n), "--explain", "--json")
        try:
            return [_pick(entry) for entry in json.loads(printed)]
        except (ValueError, KeyError, TypeError) as error:
            raise CfAudioError(f"beet cfrecommend --json printed something unexpected: {error!r}") from error


def _pick(entry: dict[str, Any]) -> Pick:
    reasons = entry["reasons"]
    near = [(str(one["artist"]), str(one["title"])) for one in reasons["near"]]
    return Pick(int(entry["id"]), float(entry["score"]), int(entry["plays"]), near, float(reasons["by_sound"]))


def _song(values: list[str]) -> Song:
    number, path, artist, album, title, genres, length, score = values
    minutes, _, seconds = length.rpartition(":")
    return Song(
        int(number),
        path,
        artist,
        album,
        title or Path(path).stem,
        # Where a file has no genre, beets prints the error of its formatting instead: "<...>".
        genre="" if genres.startswith("<") else genres.split(";")[0].strip(),
        length=60 * float(minutes or 0) + float(seconds or 0),
        score=float(score) if score else None,
    )
