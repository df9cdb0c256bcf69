"""The demo's pieces: artists, albums and titles, and their files.

Six styles of four artists, who play on instruments of their own. The files have no genre, so that of an artist who was
never played nothing is known but the audio.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from mutagen.flac import FLAC

from cfaudio_core.demo.instruments import RATE
from cfaudio_core.demo.pieces import Ensemble, ambient_ensemble, piano_player, rock_band, techno_act

SECONDS = 6.8
"""Length of a piece, on average."""

N_TRACKS = 3
"""Pieces on an album."""


class Style(NamedTuple):
    """A style: who plays it, the albums of each artist, and the words that titles are made of."""

    name: str
    ensemble: Ensemble
    albums: dict[str, tuple[str, ...]]
    first: str
    second: str

    def titles(self, rng: np.random.Generator) -> Iterator[str]:
        """Yield titles in a random order, none of them twice."""
        titles = [f"{first} {second}" for first in self.first.split() for second in self.second.split()]
        yield from (titles[i] for i in rng.permutation(len(titles)))


STYLES = (
    Style(
        "Solo Piano",
        piano_player,
        {
            "Ida Velling": ("Rooms Facing North", "Keys Under the Mat"),
            "Tomas Harrow": ("Small Hours", "Leaving the Light On"),
            "Mirela Anton": ("Unsent", "A Drawer of Stamps"),
            "Jonas Weir": ("Winter Recital", "Without Pedal"),
        },
        "Morning Paper Empty Quiet Little",
        "Stairs Boats Ballroom Letter Window",
    ),
    Style(
        "Ragtime",
        partial(piano_player, bpm=(132, 180)),
        {
            "Eben Tuttle": ("Pickle Barrel", "Nickel a Dance"),
            "Clara Boone": ("Sarsaparilla", "Straw Hats Only"),
            "The Parlour Kings": ("Open Till Two", "House Rules"),
            "Otis Fairweather": ("Riverboat Hands", "Left Hand Trouble"),
        },
        "Pepper Clover Sassafras Barrel Peacock",
        "Rag Stomp Two-Step Cakewalk Shuffle",
    ),
    Style(
        "Techno",
        techno_act,
        {
            "Voltage Orchard": ("Night Bus", "Return Ticket"),
            "Pulsar Kiosk": ("Four Floors Down", "Fire Exit"),
            "Kilo Delta": ("Carrier Wave", "Sideband"),
            "Relay Unit Nine": ("Switchgear", "Load Test"),
        },
        "Sodium Concrete Parallel Strobe Machine",
        "Lights Road Dance Ports Theory",
    ),
    Style(
        "Hard Rock",
        rock_band,
        {
            "The Rusted Anchors": ("Dry Dock", "Salt and Diesel"),
            "Gravel Saints": ("Loud for a Living", "No Encore"),
            "Copper Wolves": ("Howl", "Den of Thieves"),
            "Black Ledger": ("Overdrawn", "Paid in Full"),
        },
        "Iron Highway Thunder Diesel Burning",
        "Harbour Weather Teeth Brakes Engine",
    ),
    Style(
        "Doom Metal",
        partial(rock_band, bpm=(56, 84)),
        {
            "Sable Monolith": ("The Weight", "The Lesser Weight"),
            "Ossuary Choir": ("Vespers", "Compline"),
            "Leaden Sun": ("Tar Pit", "Noon Eclipse"),
            "Grave Tithe": ("Nine Candles", "The Tenth"),
        },
        "Buried Hollow Sunken Burnt Endless",
        "Altar Procession Bell Kingdom Winter",
    ),
    Style(
        "Ambient",
        ambient_ensemble,
        {
            "Slow Meridian": ("Tidelines", "Salt Marsh"),
            "Halden Drift": ("Weather Maps", "Dew Point"),
            "Ouranos Library": ("Long Exposure", "First Light"),
            "Lumen Field": ("Half Asleep", "Low Sun"),
        },
        "Distant Receding Low Slow Northern",
        "Glacier Cloud Fog Stations Atlas",
    ),
)

STYLE_OF = {artist: style.name for style in STYLES for artist in style.albums}
N_PIECES = sum(len(albums) * N_TRACKS for style in STYLES for albums in style.albums.values())


def write_pieces(folder: Path, seed: int, seconds: float = SECONDS) -> Iterator[Path]:
    """Compose every piece, of `seconds` on average, and write it as a tagged FLAC file under artist/album.

    The same seed writes the same music. Yields each file once it is complete.
    """
    for style_number, style in enumerate(STYLES):
        titles = style.titles(np.random.default_rng((seed, style_number)))
        for artist_number, (artist, albums) in enumerate(style.albums.items()):
            # A stream of its own for every artist and piece: a change to one leaves all others as they were.
            own = (seed, style_number, artist_number)
            compose = style.ensemble(np.random.default_rng((*own, 0)))
            for number in range(len(albums) * N_TRACKS):
                rng = np.random.default_rng((*own, 1 + number))
                audio = compose(rng, seconds * rng.uniform(0.9, 1.1))
                album, track, title = albums[number // N_TRACKS], 1 + number % N_TRACKS, next(titles)
                path = folder / artist / album / f"{track:02d} {title}.flac"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, audio, RATE, subtype="PCM_16")
                tags: Any = FLAC(path)
                tags["title"] = title
                tags["artist"] = tags["albumartist"] = artist
                tags["album"] = album
                tags["tracknumber"] = str(track)
                tags.save()
                yield path
