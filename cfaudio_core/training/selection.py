"""Selection between the kernel machine alone and a trained net beside it.

A net gets a weight only as far as it makes the model better on tracks that neither has seen, so that a worse model
never takes the place of a better one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import TrainingSet
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.models.kernel_machine import KernelMachine
from cfaudio_core.models.stacking import apply_stack, fit_stack
from cfaudio_core.training.cross_validation import MAX_TRACKS, compare_baselines, hold_out_albums
from cfaudio_core.util.arrays import FloatArray

if TYPE_CHECKING:
    from cfaudio_core.finetuning.track_windows import TrackWindows


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
    trains = windows is not None and settings.fine_tune != "none"
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
