"""Explains why each track of a list is on it, in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from beets.library import Library

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.library.listeners import find_listener
from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.library.tracks import read_tracks
from beetsplug.cfaudio.playlists.request import Chosen, Request
from cfaudio_core.models.model_files import find_model
from cfaudio_core.pipeline.scoring import score_shares

_MOSTLY = 0.5  # of a score


@dataclass(frozen=True)
class Near:
    """A loved track that a chosen one is near to, and how often it was played."""

    id: int
    artist: str
    title: str
    plays: int

    def __str__(self) -> str:
        return f'"{self.title}" by {self.artist or "an unknown artist"} ({_times(self.plays)})'

    @property
    def briefly(self) -> str:
        """Its title and plays, where the artist is named already."""
        return f'"{self.title}" ({_times(self.plays)})'


@dataclass(frozen=True)
class Explanation:
    """The explanation of a track on a list.

    Attributes
    ----------
    plays
        How often it was played.
    near
        The loved tracks that it is nearest to.
    mode, modes
        Which part of the taste it serves, from 1, of how many; 0 where none.
    mode_share
        The share of the listening which that part is, 0 to 1.
    mode_track
        The track of that part that is loved most.
    score
        Its match with the listener, 0 to 100; None where it has none.
    by_plays, by_sound, by_tags
        Shares of the score, 0 to 1, that come from its own plays, its audio, and its artist, album and genre.
    """

    plays: int
    near: list[Near]
    mode: int
    modes: int
    mode_share: float
    mode_track: str
    score: float | None
    by_plays: float
    by_sound: float
    by_tags: float

    def text(self, artist: str) -> str:
        """Explain why a track of an artist is on the list, in sentences."""
        sentences = [_times(self.plays).capitalize() if self.plays else "New"]
        if self.near:
            artists = {one.artist for one in self.near}
            if artists == {artist} and artist:
                sentences.append(f"Same artist as {' and '.join(one.briefly for one in self.near)}")
            else:
                alike = "Sounds like" if self.by_sound >= _MOSTLY else "Goes with"
                sentences.append(f"{alike} {' and '.join(map(str, self.near))}")
        if self.modes > 1 and self.mode and self.mode_track:
            sentences.append(f'From the taste around "{self.mode_track}"')
        if self.score is not None:
            shares = {"how much you play it": self.by_plays, "sound": self.by_sound, "artist and genre": self.by_tags}
            most = max(shares, key=lambda name: shares[name])
            because = f", {'mostly' if shares[most] >= _MOSTLY else 'most of it'} for {most}" if shares[most] else ""
            sentences.append(f"Score {self.score:.0f}{because}")
        return f"{'. '.join(sentences)}."


def explain(
    lib: Library, settings: Settings, data: RankingData, request: Request, chosen: Chosen
) -> dict[int, Explanation]:
    """Explain each track of a list, by its id."""
    listener = find_listener(data.listeners, request.user)
    modes = [mode.ids[0] for mode in chosen.modes]
    tracks = read_tracks(lib, [], sorted({*chosen.ids, *modes, *(i for reason in chosen.reasons for i in reason.near)}))
    position = {int(i): at for at, i in enumerate(tracks.ids)}
    reasons = [reason for reason in chosen.reasons if reason.id in position]
    listed = tracks.subset(np.array([position[reason.id] for reason in reasons], np.int64))
    own = listener.subset(data.at([reason.id for reason in reasons]))
    model = find_model(settings.models, next((m for m in listed.models if m), ""))
    parts = score_shares(model, listed, own)

    def near(ident: int) -> Near:
        k = position[ident]
        return Near(ident, tracks.artists[k], tracks.titles[k], int(listener.plays[data.at([ident])[0]]))

    explanations = {}
    for k, reason in enumerate(reasons):
        mode = chosen.modes[reason.mode] if reason.mode is not None else None
        explanations[reason.id] = Explanation(
            plays=reason.plays,
            near=[near(i) for i in reason.near if i in position],
            mode=0 if reason.mode is None else reason.mode + 1,
            modes=len(chosen.modes),
            mode_share=round(mode.share, 3) if mode else 0.0,
            mode_track=tracks.titles[position[mode.ids[0]]] if mode and mode.ids[0] in position else "",
            score=round(reason.score, 1) if np.isfinite(reason.score) else None,
            by_plays=round(float(parts["plays"][k]), 3),
            by_sound=round(float(parts["audio"][k]), 3),
            by_tags=round(float(parts["tags"][k]), 3),
        )
    return explanations


def _times(plays: int) -> str:
    return "never played" if not plays else "played once" if plays == 1 else f"played {plays} times"
