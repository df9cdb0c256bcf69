"""Selection between the kernel machine alone and a trained net beside it, and comparison with baselines.

A net gets a weight only as far as it makes the model better on tracks that neither has seen, so that a worse model
never takes the place of a better one. The same tracks are predicted by simpler means and by chance, which a model has
to be better than. Tracks of one album sound alike, are liked alike and were recorded alike, so that a track is easily
predicted by the rest of its album. Here whole albums are held out, where there are any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import Targets, TrainingSet, fold_groups
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.models.kernel_machine import KernelMachine
from cfaudio_core.models.stacking import apply_stack, fit_stack
from cfaudio_core.models.tag_effects import TagEffects
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

if TYPE_CHECKING:
    from cfaudio_core.finetuning.track_windows import TrackWindows

MAX_TRACKS = 2000
"""Number of known tracks that baselines are compared on, at most."""

_HALF_TRACKS = 1.0  # known tracks of an artist that weigh as much as the mean of all


def select_net(
    tracks: Tracks,
    training_set: TrainingSet,
    by_audio: FloatArray,
    feature_matrix: FeatureMatrix,
    windows: TrackWindows | None,
    settings: NetSettings,
    seed: int,
) -> tuple[FloatArray, FloatArray, list[dict[str, FloatArray]], dict[str, FloatArray]]:
    """Train a net if one is asked for, and weigh it against the kernel machine.

    Parameters
    ----------
    tracks, feature_matrix, training_set
        n tracks, their features, and the m known ones.
    by_audio
        float32 (m, outputs): predictions of the kernel machine for each, without its fold.
    windows, settings, seed
        Of the training; no windows, no net.

    Returns
    -------
    tuple
        float32 (m, outputs): held-out predictions of what was selected; the stack's weights, float32 (2, outputs); the
        trained nets, none where they have no weight; and how it compares, see `compare_baselines`.
    """
    trains = windows is not None and settings.fine_tune not in {"none", "auto"}
    by_albums = hold_out_albums(tracks, training_set, seed, n_max=None if trains else MAX_TRACKS)
    by_kernel = by_audio if by_albums is training_set else KernelMachine.fit(by_albums, seed)[1]
    stacked, by_net = by_kernel, None
    stack_weights, nets = np.zeros((2, by_audio.shape[1]), np.float32), []
    stack_weights[0] = 1
    if trains:
        from cfaudio_core.finetuning.fine_tune import train_net

        assert windows is not None
        known_keys = [tracks.keys[i] for i in training_set.known]
        trained = train_net(by_albums, known_keys, windows, feature_matrix.space, settings, seed)
        if trained:
            states, by_net = trained
            weights, stacked = fit_stack(by_kernel, by_net, by_albums)
            if weights[1].any():
                by_audio = apply_stack(weights, by_audio, by_net)
                stack_weights, nets = weights, states
    baselines = compare_baselines(tracks, feature_matrix, by_albums, by_kernel, by_net, stacked, seed)
    return by_audio, stack_weights, nets, baselines


def hold_out_albums(
    tracks: Tracks, training_set: TrainingSet, seed: int, n_max: int | None = MAX_TRACKS
) -> TrainingSet:
    """Change the folds of a training set to whole albums; it stays as it is where there are too few albums.

    Of more known tracks than `n_max` only some are taken, so that the cost of a comparison is bounded.
    """
    if n_max is not None and len(training_set.known) > n_max:
        rows = np.sort(np.random.default_rng([seed, 2]).choice(len(training_set.known), n_max, replace=False))
        training_set = training_set.subset(rows)
    albums = [tracks.albums[at] or f"\0{row}" for row, at in enumerate(training_set.known)]
    n_folds = int(training_set.fold.max()) + 1
    largest = max(Counter(albums).values())
    if largest == 1 or largest * n_folds > 2 * len(training_set.known):
        return training_set
    fold = fold_groups(albums, n_folds, seed)
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
