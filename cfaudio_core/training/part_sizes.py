"""Sizes of the parts of the feature space, by how well they explain what is liked across artists.

One listener goes by rhythm and another by timbre, and a stereo image that tells albums apart may say nothing about the
music of others. So preferences are taken for a Gaussian process: one term of its covariance is the kernel of the audio,
in which each part has a size; one is an effect of the artist, so that what tracks of one artist share is not put down
to their audio; the rest is noise. The sizes are those under which the known preferences are most likely (Rasmussen and
Williams, "Gaussian Processes for Machine Learning", 2006, section 5.4.1), drawn half-way back. Unlike an error of
held-out tracks, the likelihood uses every track at once, and so is much less a matter of luck.

The part that an adapter makes was trained on artists' names, which a likelihood would be deceived by: its size is
chosen by the error of artists that neither the adapter nor the prediction has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import scipy

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
    "stereo": (0.0, 0.15, 0.3, 0.6, 0.9, 1.2),
    "timbre": (0.0, 0.25, 0.5, 1.0, 1.5),
    "rhythm": (0.0, 0.25, 0.5, 1.0),
    "harmony": (0.0, 0.2, 0.35, 0.7, 1.0),
    TUNED_PART: (0.0, 0.25, 0.5, 0.75, 1.0),
}
"""Sizes that are tried."""

_ROUNDS = 2
_RIDGE = 0.3  # variance of the noise, against 1 for the audio
_ARTIST_VARIANCE = 1.0

Sizes = Mapping[str, float]
HeldOutDistances = Callable[[str, int], FloatArray]
"""Squared distances between the tracks, float32 (m, m), in a part of size 1 that was fitted without a fold."""


def likeliest_sizes(
    distances: Mapping[str, FloatArray], sizes: Sizes, targets: Targets, artists: Sequence[str]
) -> dict[str, float]:
    """Choose the sizes of parts that are not trained.

    Parameters
    ----------
    distances
        Name of a part to squared distances between m known tracks in it, float32 (m, m), when its size is 1.
    sizes
        Where the choice begins.
    targets
        Of the m tracks; their preferences count.
    artists
        Of the m tracks; "" is nobody's.
    """
    number = {name: i for i, name in enumerate(dict.fromkeys(artists))}
    of = np.array([number[name] if name else -1 - row for row, name in enumerate(artists)])
    same_artist = _ARTIST_VARIANCE * (of[:, None] == of)
    if np.count_nonzero(same_artist) == len(of):
        same_artist[:] = 0  # everybody has one track: that would be more noise
    return _descend(sizes, lambda some: _surprise(_similarity(distances, some) + same_artist, targets))


def with_tuned_size(
    distances: HeldOutDistances, sizes: Sizes, targets: Targets, fold: IntArray
) -> tuple[dict[str, float], dict[str, float]]:
    """Choose the size of the adapter's part, if there is one, and measure what each part is worth.

    Parameters
    ----------
    distances
        Between m known tracks, by the name of a part and the number of a fold; only the adapter's part depends on it.
    sizes
        Sizes of all parts, of the adapter's where its choice begins.
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

    def error(some: Sizes) -> float:
        return _held_out_error(distances, some, targets, fold)

    chosen = dict(sizes)
    if TUNED_PART in chosen:
        chosen = _descend(chosen, error, [TUNED_PART])
    without = {part: error({**chosen, part: 0.0}) for part in chosen if part != NET_PART}
    return chosen, {"chosen": error(chosen), **without}


def _descend(sizes: Sizes, cost: Callable[[Sizes], float], parts: Sequence[str] | None = None) -> dict[str, float]:
    """Minimise a cost of the sizes, one part after the other, and draw them half-way back to where they began.

    Some of what a choice among so many gains is luck.
    """
    chosen, costs = dict(sizes), {}

    def cost_of(some: Sizes) -> float:
        key = tuple(some.items())
        if key not in costs:
            costs[key] = cost(some)
        return costs[key]

    for _ in range(_ROUNDS):
        before = dict(chosen)
        for part in parts or list(chosen):
            chosen = min(({**chosen, part: size} for size in (chosen[part], *GRID[part])), key=cost_of)
        if chosen == before:
            break
    return {part: float(np.sqrt((size**2 + sizes[part] ** 2) / 2)) for part, size in chosen.items()}


def _similarity(distances: Mapping[str, FloatArray], sizes: Sizes) -> FloatArray:
    """float64 (m, m): the kernel of the audio by parts of some sizes, whose squares are taken to add up to 1."""
    total = np.sum(np.square(list(sizes.values())))
    apart = sum(size**2 / max(total, 1e-9) * distances[part] for part, size in sizes.items() if size)
    return np.exp(-np.asarray(apart, np.float64))


def _surprise(covariance: FloatArray, targets: Targets) -> float:
    """Negative log likelihood of all listeners' preferences, whose mean and scale are whatever is likeliest."""
    total = 0.0
    for listener in range(targets.preference.shape[1]):
        rows = np.flatnonzero(targets.known[:, listener])
        inner = covariance[np.ix_(rows, rows)] + 1.0  # a free mean
        inner[np.diag_indices_from(inner)] += _RIDGE
        root = scipy.linalg.cholesky(inner, lower=True, overwrite_a=True)
        white = scipy.linalg.solve_triangular(root, targets.preference[rows, listener].astype(np.float64), lower=True)
        total += len(rows) / 2 * np.log(max(white @ white, 1e-9)) + np.log(np.diag(root)).sum()
    return float(total)


def _held_out_error(distances: HeldOutDistances, sizes: Sizes, targets: Targets, fold: IntArray) -> float:
    """Mean squared error of the preferences of held-out folds, in the listeners' variances."""
    squared, count = 0.0, 0
    for k in np.unique(fold):
        similarity = _similarity({part: distances(part, int(k)) for part in sizes}, sizes)
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
    coefficients = scipy.linalg.cho_solve(scipy.linalg.cho_factor(inner, overwrite_a=True), preference[inside] - mean)
    return np.asarray(preference[asked] - mean - similarity[np.ix_(asked, inside)] @ coefficients)
