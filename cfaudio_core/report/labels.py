"""What the tracks of a list have in common that the library has not: tags, genres and artists by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scipy.stats import hypergeom

from cfaudio_core.util.arrays import FloatArray

MOST_TAGS = 3
_SURE = 0.05
"""A label is told where so many of a list have it by accident more seldom than this, whatever label one looks at."""

_LIFT = 1.5  # a label that half of the library has says nothing
_ONE_ARTIST = 0.6  # of a list


class Label(NamedTuple):
    """A label, and how many of a list have it."""

    name: str
    kind: str
    share: float


@dataclass(frozen=True)
class Labels:
    """What each of n tracks is called, by kind: "sound", "genre", "artist"; each a tuple of texts a track."""

    of: dict[str, list[tuple[str, ...]]]
    _counts: dict[str, Counter[str]] = field(init=False)

    def __post_init__(self) -> None:
        counts = {kind: Counter(name for names in rows for name in set(names)) for kind, rows in self.of.items()}
        object.__setattr__(self, "_counts", counts)

    def __len__(self) -> int:
        return len(next(iter(self.of.values()), []))

    def common(self, chosen: Sequence[int], kind: str, most: int = 3) -> list[Label]:
        """Labels that are over-represented among the chosen tracks, the least accidental first.

        By the hypergeometric test: as likely as drawing so many of them from the library blindly.
        """
        rows, counts, n, k = self.of[kind], self._counts[kind], len(self), len(chosen)
        found = []
        for name, hits in Counter(name for i in chosen for name in set(rows[i])).items():
            lift = (hits / k) / (counts[name] / n)
            chance = float(hypergeom.sf(hits - 1, n, counts[name], k))
            if hits > 1 and lift > _LIFT and chance * len(counts) < _SURE:
                found.append((chance, -hits, name))
        return [Label(name, kind, -hits / k) for _, hits, name in sorted(found)[:most]]

    def only_artist(self, chosen: Sequence[int]) -> str:
        """The artist who made most of the chosen tracks, "" where there is none."""
        names = Counter(name for i in chosen for name in self.of["artist"][i] if name)
        name, hits = names.most_common(1)[0] if names else ("", 0)
        return name if hits >= _ONE_ARTIST * len(chosen) and len(chosen) > 2 else ""


def telling_tags(probabilities: FloatArray, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Up to three sound tags a track: those it has most more of than the library has.

    Parameters
    ----------
    probabilities
        float32 (n, t): mean over each track.
    names
        t texts.

    Returns
    -------
    list of tuple of str
        Best first; only tags that the net believes to be there at least twice as much as on the average track, or
        more than half.
    """
    if not probabilities.shape[1]:
        return [()] * len(probabilities)
    usual = probabilities.mean(axis=0)
    gain = probabilities - usual
    believed = ((probabilities > 2 * usual) & (probabilities > 0.05)) | (probabilities > 0.5)
    gain[~believed | (gain <= 0)] = -1
    best = (-gain).argsort(axis=1, kind="stable")[:, :MOST_TAGS]
    return [tuple(names[j] for j in row if gains[j] > 0) for row, gains in zip(best.tolist(), gain, strict=True)]
