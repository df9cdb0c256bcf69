"""The demo's two dozen pieces: who made them, what they are called, and how they become files.

Four styles, three artists each, an album of two pieces an artist: an artist says something of a style, never
everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from mutagen.flac import FLAC

from cfaudio_core.demo.instruments import RATE
from cfaudio_core.demo.pieces import Composer, ambient_piece, electronic_piece, piano_piece, rock_piece


class Album(NamedTuple):
    """An artist's one album."""

    artist: str
    title: str
    pieces: tuple[str, ...]


class Style(NamedTuple):
    """What the genre tag says, who composes in it, and what came of it."""

    genre: str
    compose: Composer
    albums: tuple[Album, ...]


STYLES = (
    Style(
        "Solo Piano",
        piano_piece,
        (
            Album("Ida Velling", "Rooms Facing North", ("Morning Stairs", "Paper Boats")),
            Album("Tomas Harrow", "Small Hours", ("Letter to a Lighthouse", "Snow on the Sill")),
            Album("Mirela Anton", "Unsent", ("The Empty Ballroom", "Waltz for Nobody")),
        ),
    ),
    Style(
        "Techno",
        electronic_piece,
        (
            Album("Voltage Orchard", "Night Bus", ("Sodium Lights", "Ring Road")),
            Album("Pulsar Kiosk", "Four Floors Down", ("Concrete Dance", "Machine Sunday")),
            Album("Kilo Delta", "Carrier Wave", ("Parallel Ports", "Strobe Theory")),
        ),
    ),
    Style(
        "Hard Rock",
        rock_piece,
        (
            Album("The Rusted Anchors", "Dry Dock", ("Burn the Harbour", "Iron Weather")),
            Album("Gravel Saints", "Loud for a Living", ("Highway Teeth", "No Brakes Left")),
            Album("Copper Wolves", "Howl", ("Thunder Tax", "Black Diesel")),
        ),
    ),
    Style(
        "Ambient",
        ambient_piece,
        (
            Album("Slow Meridian", "Tidelines", ("Glacier, Receding", "Low Cloud")),
            Album("Halden Drift", "Weather Maps", ("Harbour in Fog", "A Field at Dusk")),
            Album("Ouranos Library", "Long Exposure", ("Distant Stations", "Star Atlas")),
        ),
    ),
)


N_PIECES = sum(len(album.pieces) for style in STYLES for album in style.albums)


def write_pieces(folder: Path, seed: int, seconds: float = 60.0) -> Iterator[Path]:
    """Compose every piece and write it as a tagged FLAC file under artist/album.

    Parameters
    ----------
    folder
        Where the artists' folders go; made if missing.
    seed
        The same seed writes the same music.
    seconds
        Mean length; single pieces are up to an eighth shorter or longer.

    Yields
    ------
    pathlib.Path
        Each file, once it is complete.
    """
    for style_number, style in enumerate(STYLES):
        entries = [(album, track) for album in style.albums for track in range(len(album.pieces))]
        for number, (album, track) in enumerate(entries):
            # A stream of its own for every piece: a change to one leaves all others as they were.
            rng = np.random.default_rng((seed, style_number, number))
            audio = style.compose(rng, seconds * rng.uniform(0.875, 1.125))
            path = folder / album.artist / album.title / f"{track + 1:02d} {album.pieces[track]}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, audio, RATE, subtype="PCM_16")
            tags: Any = FLAC(path)
            tags["title"] = album.pieces[track]
            tags["artist"] = tags["albumartist"] = album.artist
            tags["album"] = album.title
            tags["genre"] = style.genre
            tags["tracknumber"] = str(track + 1)
            tags.save()
            yield path
