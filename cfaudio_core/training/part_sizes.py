"""Sizes of the parts of the feature space, chosen by what they are worth for artists that nothing is known of.

One listener goes by rhythm and another by timbre, and a stereo image that tells albums apart may say nothing about the
music of others. So each part gets the size with which kernel ridge regression predicts a listener's preferences best
for tracks of artists that it has not seen: one part after the other (coordinate descent), and drawn half-way back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from cfaudio_core.data.training_set import Targets
from cfaudio_core.features.feature_space import TUNED_PART
from cfaudio_core.features.summaries import NET_PART
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray

MIN_TRACKS = 100
"""Known tracks below which the sizes stay as they are: there would be more luck in them than sense."""

MAX_TRACKS = 1000
"""Known tracks that the sizes are chosen by, at most."""

GRID: Mapping[str, tuple[float, ...]] = {
    NET_PART: (0.25, 0.5, 1.0),
    "stereo": (0.0, 0.15, 0.3, 0.6),
    "timbre": (0.0, 0.25, 0.5, 1.0, 1.5),
    "rhythm": (0.0, 0.25, 0.5, 1.0),
    "harmony": (0.0, 0.2, 0.35, 0.7, 1.0),
    TUNED_PART: (0.0, 0.5, 1.0),
}
"""Sizes that are tried."""

_ROUNDS = 2
_RIDGE = 0.3

SquaredDistances = Callable[[str, int], FloatArray]
"""Squared distances between the tracks, float32 (m, m), in a part of size 1 that was fitted without a fold."""


def choose_sizes(
    distances: SquaredDistances, sizes: Mapping[str, float], targets: Targets, fold: IntArray
) -> tuple[dict[str, float], dict[str, float]]:
    """Choose the sizes of the parts.

    Parameters
    ----------
    distances
        Squared distances between m known tracks by the name of a part and the number of a fold; only the adapter's
        part depends on the fold.
    sizes
        Where the choice begins.
    targets
        Of the m tracks; their preferences count.
    fold
        int64 (m,): tracks of one artist have one number.

    Returns
    -------
    tuple
        The sizes; and the mean squared error of the preferences of held-out artists, by `chosen` sizes and `without`
        each part, all others being as chosen.
    """
    chosen = dict(sizes)
    errors: dict[tuple[tuple[str, float], ...], float] = {}

    def error(some: Mapping[str, float]) -> float:
        key = tuple(some.items())
        if key not in errors:
            errors[key] = _held_out_error(distances, some, targets, fold)
        return errors[key]

    for _ in range(_ROUNDS):
        before = dict(chosen)
        for part in chosen:
            chosen = min(({**chosen, part: size} for size in (chosen[part], *GRID[part])), key=error)
        if chosen == before:
            break
    # Half-way to where it began: some of what a choice among so many gains is luck.
    drawn = {part: float(np.sqrt((size**2 + sizes[part] ** 2) / 2)) for part, size in chosen.items()}
    without = {part: error({**drawn, part: 0.0}) for part in drawn if part != NET_PART}
    return drawn, {"chosen": error(drawn), **without}


def _held_out_error(distances: SquaredDistances, sizes: Mapping[str, float], targets: Targets, fold: IntArray) -> float:
    """Mean squared error of the preferences of held-out folds, in the listeners' variances."""
    total = np.sum(np.square(list(sizes.values())))
    squared, count = 0.0, 0
    for k in np.unique(fold):
        apart = sum(size**2 / total * distances(part, int(k)) for part, size in sizes.items() if size)
        similarity = np.exp(-np.asarray(apart, np.float64))
        outside = fold == k
        for listener in range(targets.preference.shape[1]):
            inside, asked = (targets.known[:, listener] & rows for rows in (~outside, outside))
            if not inside.any() or not asked.any():
                continue
            residuals = _residuals(similarity, targets.preference[:, listener].astype(np.float64), inside, asked)
            squared, count = squared + float(residuals @ residuals), count + len(residuals)
    return squared / max(count, 1)


def _residuals(similarity: FloatArray, preference: FloatArray, inside: BoolArray, asked: BoolArray) -> FloatArray:
    """Preferences of the tracks asked for, less their predictions by those inside."""
    inner = similarity[np.ix_(inside, inside)]
    inner[np.diag_indices_from(inner)] += _RIDGE
    mean = preference[inside].mean()
    coefficients = cho_solve(cho_factor(inner, overwrite_a=True), preference[inside] - mean)
    return np.asarray(preference[asked] - mean - similarity[np.ix_(asked, inside)] @ coefficients)
