"""A throwaway beets library, and the real `beet` commands run on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cfaudio_core.errors import CfAudioError
from cfaudio_core.util.arrays import FloatArray
from cfaudio_core.util.vector_codec import decode

_CONFIG = """\
plugins: [types, cfaudio]
types: {{play_count: int, skip_count: int}}
directory: {music}
library: {database}
threaded: no
create_backup_before_migrations: no
import: {{copy: no, write: no, autotag: no, resume: no, quiet: yes, duplicate_action: keep}}
ui: {{color: no}}
"""

_FIELDS = ("path", "artist", "album", "title", "genres", "play_count", "skip_count", "cf_embedding")
_BETWEEN, _AFTER = "\x1f", "\x1e"  # between fields and after a track; no tag has these, many have tabs


class Song(NamedTuple):
    """A track of the library.

    `title` is the file's name where there is none, `genre` the first of several; other texts are "" and
    counts 0 where the library has none; `embedding` is float32 (dim,) of unit length, None before
    `beet cfembed`.
    """

    id: int
    artist: str
    album: str
    title: str
    genre: str
    plays: int = 0
    skips: int = 0
    embedding: FloatArray | None = None


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
        """Run one `beet` command; return its output, or "" if it is `shown` in the terminal, progress and all."""
        environment = {**os.environ, "BEETSDIR": str(self.folder), "PYTHONIOENCODING": "utf-8"}
        finished = subprocess.run(
            [sys.executable, "-P", "-m", "beets", *arguments],  # -P: no module of the current folder
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=not shown,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if finished.returncode:
            errors = (finished.stderr or "").strip().splitlines()[-1:]
            why = "see above" if shown else errors[0] if errors else "without an error message"
            raise CfAudioError(f"beet {arguments[0]} failed (exit status {finished.returncode}): {why}")
        return finished.stdout or ""

    def add_music(self) -> None:
        """Import the music where it lies: no file is copied, moved, looked up or written to."""
        self.beet("import", "-A", "-C", "-q", str(self.music))

    def songs(self) -> list[Song]:
        """Read all tracks, in the order of their ids."""
        # A field that a track lacks would print as its own name.
        fields = ["$id", *(f"%ifdef{{{field},${field}}}" for field in _FIELDS)]
        printed = self.beet("ls", "-f", _BETWEEN.join(fields) + _AFTER, "id+")
        return [_song(line.lstrip("\n").split(_BETWEEN)) for line in printed.split(_AFTER)[:-1]]

    def set_counts(self, plays: Mapping[int, int], skips: Mapping[int, int]) -> None:
        """Write play and skip counts by track id, as a player's plugin would; 0 or no entry leaves the field unset."""
        alike: dict[tuple[int, int], list[int]] = defaultdict(list)
        for track in sorted({*plays, *skips}):
            alike[plays.get(track, 0), skips.get(track, 0)].append(track)
        # One call for all tracks with equal counts: starting beets takes longest.
        for counts, tracks in alike.items():
            changes = zip(("play_count", "skip_count"), counts, strict=True)
            assignments = [f"{field}={count}" for field, count in changes if count]
            if assignments:
                self.beet("modify", "-y", "-M", "-W", f"id::^({'|'.join(map(str, tracks))})$", *assignments)

    def embed(self) -> None:
        """Run `beet cfembed` and show its output."""
        self.beet("cfembed", shown=True)

    def recommend(self, n: int) -> list[tuple[int, float]]:
        """Run `beet cfrecommend`: ids and scores of at most `n` tracks, in the recommended order."""
        printed = self.beet("cfrecommend", "-n", str(n), "--json")
        try:
            return [(int(entry["id"]), float(entry["score"])) for entry in json.loads(printed)]
        except (ValueError, KeyError, TypeError) as error:
            raise CfAudioError(f"beet cfrecommend --json printed something unexpected: {error!r}") from error


def _song(values: list[str]) -> Song:
    number, path, artist, album, title, genres, plays, skips, embedding = values
    return Song(
        int(number),
        artist,
        album,
        title or Path(path).stem,
        # Where a file has no genre, beets prints the error of its formatting instead: "<...>".
        genre="" if genres.startswith("<") else genres.split(";")[0].strip(),
        plays=int(plays or 0),
        skips=int(skips or 0),
        embedding=_vector(embedding) if embedding else None,
    )


def _vector(text: str) -> FloatArray:
    try:
        return decode(text)
    except ValueError as error:
        raise CfAudioError(f"beet ls printed a cf_embedding that is none: {error}") from error
