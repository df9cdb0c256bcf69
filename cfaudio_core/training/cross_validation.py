"""Baselines that a model has to be better than: the same held-out tracks, predicted by simpler means and by chance.

Tracks of one album sound alike, are liked alike and were recorded alike, so that a track is easily predicted by the
rest of its album. Here whole albums are held out, where there are any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import Targets, TrainingSet
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.models.kernel_machine import KernelMachine
from cfaudio_core.models.tag_effects import TagEffects
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

MAX_TRACKS = 2000
"""Number of known tracks that baselines are compared on, at most."""

_HALF_TRACKS = 1.0  # known tracks of an artist that weigh as much as the mean of all


def hold_out_albums(
    tracks: Tracks, training_set: TrainingSet, seed: int, n_max: int | None = MAX_TRACKS
) -> TrainingSet:
    """Change the folds of a training set to whole albums; it stays as it is where there are too few albums.

    Of more known tracks than `n_max` only some are taken, so that the cost of a comparison is bounded.
    """
    if n_max is not None and len(training_set.known) > n_max:
        rows = np.sort(np.random.default_rng([seed, 2]).choice(len(training_set.known), n_max, replace=False))
        training_set = training_set.subset(rows)
    albums: dict[str, list[int]] = defaultdict(list)
    for row, at in enumerate(training_set.known):
        albums[tracks.albums[at] or f"\0{row}"].append(row)
    n_folds = int(training_set.fold.max()) + 1
    largest = max(map(len, albums.values()))
    if largest == 1 or largest * n_folds > 2 * len(training_set.known):
        return training_set
    # The largest first, each into the fold that is smallest so far: folds come out about even.
    shuffled = np.random.default_rng(seed).permutation(len(albums))
    rows_of = list(albums.values())
    fold, sizes = np.empty(len(training_set.known), np.int64), np.zeros(n_folds, np.int64)
    for i in sorted(shuffled, key=lambda i: -len(rows_of[i])):
        smallest = int(sizes.argmin())
        fold[rows_of[i]] = smallest
        sizes[smallest] += len(rows_of[i])
    return training_set._replace(fold=fold)


def compare_baselines(
    tracks: Tracks,
    feature_matrix: FeatureMatrix,
    training_set: TrainingSet,
    by_kernel: FloatArray,
    by_net: FloatArray | None,
    stacked: FloatArray,
    seed: int,
) -> dict[str, FloatArray]:
    """Predict every known track without its fold, in several ways, float32 (m, listeners) each.

    Parameters
    ----------
    tracks, feature_matrix, training_set
        n tracks, their features, and the m known ones, with the folds that are held out.
    by_kernel, by_net, stacked
        float32 (m, outputs): held-out predictions from audio, of the kernel machine, of a trained net if there is one,
        and of their stack.

    Returns
    -------
    dict
        `model`, the stack with the effects of tags; `net`, `kernel`, `artist` and `shuffled`; and the `truth`, NaN
        where it is not known.
    """
    targets, n_listeners = training_set.targets, training_set.targets.preference.shape[1]
    preferences = Targets(targets.preference, targets.known, targets.direction[:, :0])
    without_factors = training_set._replace(targets=preferences, groups=training_set.groups[:n_listeners])
    predictions = {
        "model": TagEffects.fit(tracks, without_factors, stacked[:, :n_listeners])[1],
        "kernel": by_kernel[:, :n_listeners],
        "artist": _artist_means([tracks.artists[i] for i in training_set.known], preferences, training_set.fold),
        "shuffled": _by_shuffled_features(feature_matrix, without_factors, seed),
        "truth": float32(np.where(preferences.known, preferences.preference, np.nan)),
    }
    return predictions if by_net is None else {**predictions, "net": np.nan_to_num(by_net[:, :n_listeners])}


def _artist_means(artists: Sequence[str], targets: Targets, fold: IntArray) -> FloatArray:
    """float32 (m, listeners): the mean preference for each track's artist, without the track's own fold.

    An artist of whom little is known is drawn towards 0, the listener's mean.
    """
    number = {artist: j for j, artist in enumerate(dict.fromkeys(artists))}
    of = np.array([number[artist] for artist in artists])
    means = np.zeros_like(targets.preference)
    named = np.array([bool(artist) for artist in artists])
    for k in np.unique(fold):
        outside = fold == k
        seen = targets.known & ~outside[:, None]
        total, count = (np.zeros((len(number), seen.shape[1])) for _ in range(2))
        np.add.at(total, of, np.where(seen, targets.preference, 0))
        np.add.at(count, of, seen)
        means[outside] = (total / (count + _HALF_TRACKS))[of[outside]]
    return float32(np.where(named[:, None], means, 0))


def _by_shuffled_features(feature_matrix: FeatureMatrix, training_set: TrainingSet, seed: int) -> FloatArray:
    """float32 (m, outputs): predictions of the kernel machine where every track has the features of another."""
    others = np.random.default_rng([seed, 1]).permutation(len(feature_matrix))[: len(training_set.known)]
    return KernelMachine.fit(training_set._replace(features=feature_matrix.rows(others), known=others), seed)[1]
