"""Labels that a list of tracks has more of than the library: tags, genres and artists by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scipy.stats import hypergeom

from cfaudio_core.util.arrays import FloatArray

MAX_TAGS = 3
_SIGNIFICANCE = 0.05  # after Bonferroni's correction
_MIN_LIFT = 1.5  # a label that half of the library has means nothing
_ONE_ARTIST_SHARE = 0.6  # of a list
_VARIED_TRACKS = 50  # of an order, among which other artists are looked for


class Label(NamedTuple):
    """A label, and the share of a list that has it."""

    name: str
    kind: str
    share: float


@dataclass(frozen=True)
class Labels:
    """Labels of n tracks, by kind: "audio", "genre", "artist"; each a tuple of texts a track."""

    of: dict[str, list[tuple[str, ...]]]
    _counts: dict[str, Counter[str]] = field(init=False)

    def __post_init__(self) -> None:
        counts = {kind: Counter(name for names in rows for name in set(names)) for kind, rows in self.of.items()}
        object.__setattr__(self, "_counts", counts)

    def __len__(self) -> int:
        return len(next(iter(self.of.values()), []))

    def common(self, chosen: Sequence[int], kind: str, most: int = 3) -> list[Label]:
        """Find labels that are over-represented among the chosen tracks, the most significant first.

        By the hypergeometric test: the probability of drawing so many of them from the library at random.
        """
        rows, counts, n, k = self.of[kind], self._counts[kind], len(self), len(chosen)
        significant = []
        for name, hits in Counter(name for i in chosen for name in set(rows[i])).items():
            lift = (hits / k) / (counts[name] / n)
            chance = float(hypergeom.sf(hits - 1, n, counts[name], k))
            if hits > 1 and lift > _MIN_LIFT and chance * len(counts) < _SIGNIFICANCE:
                significant.append((chance, -hits, name))
        return [Label(name, kind, -hits / k) for _, hits, name in sorted(significant)[:most]]

    def only_artist(self, chosen: Sequence[int]) -> str:
        """The artist who made most of the chosen tracks, "" where there is none."""
        names = Counter(name for i in chosen for name in self.of["artist"][i] if name)
        name, hits = names.most_common(1)[0] if names else ("", 0)
        return name if hits >= _ONE_ARTIST_SHARE * len(chosen) and len(chosen) > 2 else ""

    def varied(self, order: list[int], most: int) -> list[int]:
        """The first tracks of an order, no two of one artist while the first fifty of its nearer half have others."""
        order = order[: min(_VARIED_TRACKS, len(order) // 2)]
        first: dict[object, int] = {}
        for i in order:
            first.setdefault(self.of["artist"][i] or i, i)
        chosen = list(first.values())[:most]
        passed = [i for i in order if i not in chosen][: most - len(chosen)]
        return sorted([*chosen, *passed], key=order.index)


def distinctive_tags(probabilities: FloatArray, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Choose up to three of t audio tags a track, best first: those it has most more of than the library has.

    Of mean probabilities, float32 (n, t), only those of twice the average count, or of more than half.
    """
    if not probabilities.shape[1]:
        return [()] * len(probabilities)
    usual = probabilities.mean(axis=0)
    gain = probabilities - usual
    likely = ((probabilities > 2 * usual) & (probabilities > 0.05)) | (probabilities > 0.5)
    gain[~likely | (gain <= 0)] = -1
    best = (-gain).argsort(axis=1, kind="stable")[:, :MAX_TAGS]
    return [tuple(names[j] for j in row if gains[j] > 0) for row, gains in zip(best.tolist(), gain, strict=True)]
