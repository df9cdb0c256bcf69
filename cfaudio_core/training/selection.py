"""The choice among what could foretell liking from sound: the kernel machine alone, or a trained net beside it.

A net gets a say only as far as it makes the model better on tracks that neither has seen, so that a worse model never
takes the place of a better one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import TrainingSet
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.models.kernel_machine import fit_kernel
from cfaudio_core.models.stacking import apply_stack, fit_stack
from cfaudio_core.training.cross_validation import MOST, compare_baselines, hold_out_albums
from cfaudio_core.util.arrays import FloatArray

if TYPE_CHECKING:
    from cfaudio_core.finetuning.fine_tune import Windows


class Selected(NamedTuple):
    """What was chosen.

    Attributes
    ----------
    held_out
        float32 (m, outputs): what is foretold by sound of each known track, without its fold.
    arrays
        For the model: how it compares with simpler means, and the trained nets with their shares where they have any.
    """

    held_out: FloatArray
    arrays: dict[str, np.ndarray[Any, Any]]


def select(
    tracks: Tracks,
    training_set: TrainingSet,
    held_out: FloatArray,
    feature_matrix: FeatureMatrix,
    windows: Windows | None,
    settings: NetSettings,
    seed: int,
) -> Selected:
    """Train a net if one is wanted, and weigh it against the kernel machine.

    Parameters
    ----------
    tracks
        n tracks.
    lesson
        What is to be learnt of the m known ones.
    held_out
        float32 (m, outputs): what the kernel machine says of each without its fold.
    landscape
        Where all tracks lie in the space of sound.
    windows
        Where the windows of tracks are read from; needed where a net is to be trained.
    settings, seed
        How to train.
    """
    trains = windows is not None and settings.fine_tune != "none"
    apart = hold_out_albums(tracks, training_set, seed, most=None if trains else MOST)
    by_kernel = held_out if apart is training_set else fit_kernel(apart, seed)[1]
    together, by_net = by_kernel, None
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    if trains:
        from cfaudio_core.finetuning.fine_tune import train_net

        assert windows is not None
        trained = train_net(
            apart, [tracks.keys[i] for i in training_set.known], windows, feature_matrix.space, settings, seed
        )
        if trained:
            by_net = trained.held_out
            shares, together = fit_stack(by_kernel, by_net, training_set.targets, training_set.groups, apart.fold)
            if shares[1].any():
                held_out = apply_stack(shares, held_out, by_net)
                arrays["stack.shares"] = shares
                arrays |= {f"net.{k}.{name}": a for k, state in enumerate(trained.states) for name, a in state.items()}
    compared = compare_baselines(tracks, feature_matrix, apart, by_kernel, by_net, together, seed)
    return Selected(held_out, arrays | {f"compared.{name}": said for name, said in compared.items()})
