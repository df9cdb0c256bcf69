"""The demo's two dozen pieces: artists, albums and titles, and their files.

Four styles, three artists each, an album of two pieces an artist, so that an artist predicts a part of a style alone.
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


class Style(NamedTuple):
    """A genre, its composer, and its albums: artist, title and pieces of each."""

    genre: str
    compose: Composer
    albums: tuple[tuple[str, str, tuple[str, ...]], ...]


STYLES = (
    Style(
        "Solo Piano",
        piano_piece,
        (
            ("Ida Velling", "Rooms Facing North", ("Morning Stairs", "Paper Boats")),
            ("Tomas Harrow", "Small Hours", ("Letter to a Lighthouse", "Snow on the Sill")),
            ("Mirela Anton", "Unsent", ("The Empty Ballroom", "Waltz for Nobody")),
        ),
    ),
    Style(
        "Techno",
        electronic_piece,
        (
            ("Voltage Orchard", "Night Bus", ("Sodium Lights", "Ring Road")),
            ("Pulsar Kiosk", "Four Floors Down", ("Concrete Dance", "Machine Sunday")),
            ("Kilo Delta", "Carrier Wave", ("Parallel Ports", "Strobe Theory")),
        ),
    ),
    Style(
        "Hard Rock",
        rock_piece,
        (
            ("The Rusted Anchors", "Dry Dock", ("Burn the Harbour", "Iron Weather")),
            ("Gravel Saints", "Loud for a Living", ("Highway Teeth", "No Brakes Left")),
            ("Copper Wolves", "Howl", ("Thunder Tax", "Black Diesel")),
        ),
    ),
    Style(
        "Ambient",
        ambient_piece,
        (
            ("Slow Meridian", "Tidelines", ("Glacier, Receding", "Low Cloud")),
            ("Halden Drift", "Weather Maps", ("Harbour in Fog", "A Field at Dusk")),
            ("Ouranos Library", "Long Exposure", ("Distant Stations", "Star Atlas")),
        ),
    ),
)


N_PIECES = sum(len(pieces) for style in STYLES for _, _, pieces in style.albums)


def write_pieces(folder: Path, seed: int, seconds: float = 60.0) -> Iterator[Path]:
    """Compose every piece, of `seconds` on average, and write it as a tagged FLAC file under artist/album.

    The same seed writes the same music. Yields each file once it is complete.
    """
    for style_number, style in enumerate(STYLES):
        tracks = [(*album[:2], k + 1, title) for album in style.albums for k, title in enumerate(album[2])]
        for number, (artist, album, track, title) in enumerate(tracks):
            # A stream of its own for every piece: a change to one leaves all others as they were.
            rng = np.random.default_rng((seed, style_number, number))
            audio = style.compose(rng, seconds * rng.uniform(0.875, 1.125))
            path = folder / artist / album / f"{track:02d} {title}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, audio, RATE, subtype="PCM_16")
            tags: Any = FLAC(path)
            tags["title"] = title
            tags["artist"] = tags["albumartist"] = artist
            tags["album"] = album
            tags["genre"] = style.genre
            tags["tracknumber"] = str(track)
            tags.save()
            yield path
