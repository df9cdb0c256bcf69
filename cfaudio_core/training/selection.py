"""Selection between the kernel machine alone and a trained net beside it, and comparison with baselines.

A net gets a weight only as far as it makes the model better on tracks that neither has seen, so that a worse model
never takes the place of a better one. The same tracks are predicted by simpler means and by chance, which a model has
to be better than. Tracks of one artist sound alike, are liked alike and were recorded alike, so that a track is easily
predicted by the others. Here whole artists are held out, or whole albums where there are too few artists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import Targets, TrainingSet, fold_groups
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.models.frozen_kernel import frozen_features, frozen_kernel
from cfaudio_core.models.kernel_machine import KernelMachine
from cfaudio_core.models.stacking import apply_stack, fit_stack
from cfaudio_core.models.tag_effects import TagEffects
from cfaudio_core.util.arrays import FloatArray, IntArray, float32
from cfaudio_core.util.memory import within_memory
from cfaudio_core.util.optional import require_package

if TYPE_CHECKING:
    from cfaudio_core.finetuning.track_windows import TrackWindows

MAX_TRACKS = 2000
"""Number of known tracks that baselines are compared on, at most."""

_HALF_TRACKS = 1.0  # known tracks of an artist that weigh as much as the mean of all


def select_net(
    tracks: Tracks,
    listeners: Sequence[Listener],
    training_set: TrainingSet,
    by_audio: FloatArray,
    feature_matrix: FeatureMatrix,
    windows: TrackWindows | None,
    settings: NetSettings,
    seed: int,
) -> tuple[FloatArray, FloatArray, list[dict[str, FloatArray]], dict[str, FloatArray], str]:
    """Train a net if one is asked for, and weigh it against the kernel machine.

    Parameters
    ----------
    tracks, listeners, feature_matrix, training_set
        n tracks, the trained listeners over them, their features, and the m known ones.
    by_audio
        float32 (m, outputs): predictions of the kernel machine for each, without its fold.
    windows, settings, seed
        Of the training; no windows, no net.

    Returns
    -------
    tuple
        float32 (m, outputs): held-out predictions of what was selected; the stack's weights, float32 (2, outputs); the
        trained nets, none where they have no weight; how it compares, see `compare_baselines`; and what was held out
        as a whole for that, see `hold_out_groups`.
    """
    trains = windows is not None and settings.fine_tune not in {"none", "auto"}
    by_groups, kind = hold_out_groups(tracks, training_set, seed, n_max=None if trains else MAX_TRACKS)
    by_kernel = by_audio if by_groups is training_set else KernelMachine.fit(by_groups, seed)[1]
    stacked, by_net = by_kernel, None
    stack_weights, nets = np.zeros((2, by_audio.shape[1]), np.float32), []
    stack_weights[0] = 1
    if trains:
        require_package("torch", f"fine_tune: {settings.fine_tune}")
        from cfaudio_core.finetuning.fine_tune import train_net

        assert windows is not None
        known_keys = [tracks.keys[i] for i in training_set.known]
        with within_memory(f"cfaudio.fine_tune: {settings.fine_tune}"):
            trained = train_net(by_groups, known_keys, windows, feature_matrix.space, settings, seed)
        if trained:
            states, by_net = trained
            weights, stacked = fit_stack(by_kernel, by_net, by_groups, _units(tracks, by_groups, kind))
            if weights[1].any():
                by_audio = apply_stack(weights, by_audio, by_net)
                stack_weights, nets = weights, states
    baselines = compare_baselines(tracks, listeners, feature_matrix, by_groups, by_net, stacked, seed)
    return by_audio, stack_weights, nets, baselines, kind


def hold_out_groups(
    tracks: Tracks, training_set: TrainingSet, seed: int, n_max: int | None = MAX_TRACKS
) -> tuple[TrainingSet, str]:
    """Change the folds of a training set to whole "artists", or "albums"; with too few of both they stay "tracks".

    Of more known tracks than `n_max` only some are taken, so that the cost of a comparison is bounded.
    """
    if n_max is not None and len(training_set.known) > n_max:
        rows = np.sort(np.random.default_rng([seed, 2]).choice(len(training_set.known), n_max, replace=False))
        training_set = training_set.subset(rows)
    n_folds = int(training_set.fold.max()) + 1
    for kind, column in (("artists", tracks.artists), ("albums", tracks.albums)):
        names = _names(column, training_set)
        sizes = Counter(names)
        if len(sizes) >= n_folds and 1 < max(sizes.values()) <= 2 * len(names) / n_folds:
            return training_set._replace(fold=fold_groups(names, n_folds, seed)), kind
    return training_set, "tracks"


def _units(tracks: Tracks, training_set: TrainingSet, kind: str) -> IntArray:
    """int64 (m,): one number for the known tracks of an artist or album, as they were held out."""
    column = {"artists": tracks.artists, "albums": tracks.albums}.get(kind, [""] * len(tracks))
    return np.unique(_names(column, training_set), return_inverse=True)[1].astype(np.int64)


def _names(column: Sequence[str], training_set: TrainingSet) -> list[str]:
    """Names of the known tracks in a column of all tracks; each nameless one has a name of its own."""
    return [column[at] or f"\0{row}" for row, at in enumerate(training_set.known)]


def compare_baselines(
    tracks: Tracks,
    listeners: Sequence[Listener],
    feature_matrix: FeatureMatrix,
    training_set: TrainingSet,
    by_net: FloatArray | None,
    stacked: FloatArray,
    seed: int,
) -> dict[str, FloatArray]:
    """Predict every known track without its fold, in several ways, float32 (m, listeners) each.

    Parameters
    ----------
    tracks, listeners, feature_matrix, training_set
        n tracks, the trained listeners over them, their features, and the m known ones, with the folds that are held
        out.
    by_net, stacked
        float32 (m, outputs): held-out predictions from audio, of a trained net if there is one, and of its stack with
        the kernel machine.

    Returns
    -------
    dict
        `model`, the stack with the effects of tags; `net`; `kernel`, the frozen one; `artist` and `shuffled`; and the
        `truth`, NaN where it is not known.
    """
    targets, n_listeners = training_set.targets, training_set.targets.preference.shape[1]
    preferences = Targets(targets.preference, targets.known, targets.direction[:, :0])
    without_factors = training_set._replace(targets=preferences, groups=training_set.groups[:n_listeners])
    predictions = {
        "model": TagEffects.fit(tracks, without_factors, stacked[:, :n_listeners])[1],
        "kernel": _by_frozen_kernel(listeners, feature_matrix, training_set, seed),
        "artist": _artist_means([tracks.artists[i] for i in training_set.known], preferences, training_set.fold),
        "shuffled": _by_shuffled_features(feature_matrix, without_factors, seed),
        "truth": float32(np.where(preferences.known, preferences.preference, np.nan)),
    }
    return predictions if by_net is None else {**predictions, "net": np.nan_to_num(by_net[:, :n_listeners])}


def _by_frozen_kernel(
    listeners: Sequence[Listener], feature_matrix: FeatureMatrix, training_set: TrainingSet, seed: int
) -> FloatArray:
    """float32 (m, listeners): what the frozen kernel predicts of each track without its own fold."""
    predicted = np.zeros((len(training_set.known), len(listeners)), np.float32)
    features = frozen_features(feature_matrix, training_set.known, seed)
    for j, listener in enumerate(listeners):
        plays, known = listener.plays[training_set.known], listener.known[training_set.known]
        for k in np.unique(training_set.fold):
            outside = training_set.fold == k
            inside = known & ~outside
            predicted[outside, j] = frozen_kernel(features[outside], features[inside], plays[inside], seed)
    return predicted


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
