"""What a model has to be better than: the same tracks held out, foretold by simpler means and by nonsense.

Tracks of one album sound alike, are liked alike and were recorded alike, so that a track is easily told by the rest of
its album. Here whole albums are held out, where there are any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import Targets, TrainingSet
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.models.kernel_machine import fit_kernel
from cfaudio_core.models.tag_effects import HeldOutPredictions, fit_tag_effects
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

MOST = 2000
"""Known tracks that are compared on."""

_HALF = 1.0  # known tracks of an artist that weigh as much as the mean of all


def hold_out_albums(tracks: Tracks, training_set: TrainingSet, seed: int, most: int | None = MOST) -> TrainingSet:
    """The same lesson with whole albums held out; as it is where there are too few albums.

    Parameters
    ----------
    tracks
        n tracks.
    lesson
        What is to be learnt of them.
    seed
        For the order of the albums, and for the choice of tracks.
    most
        Of more known tracks than that only some are taken, so that what a comparison costs is bounded.
    """
    if most is not None and len(training_set.known) > most:
        rows = np.sort(np.random.default_rng([seed, 2]).choice(len(training_set.known), most, replace=False))
        training_set = training_set.subset(rows)
    albums: dict[str, list[int]] = defaultdict(list)
    for row, at in enumerate(training_set.known):
        albums[tracks.albums[at] or f"\0{row}"].append(row)
    parts = int(training_set.fold.max()) + 1
    largest = max(map(len, albums.values()))
    if largest == 1 or largest * parts > 2 * len(training_set.known):
        return training_set
    # The largest first, each into what is smallest so far: the parts come out about even.
    shuffled = np.random.default_rng(seed).permutation(len(albums))
    rows_of = list(albums.values())
    divided, sizes = np.empty(len(training_set.known), np.int64), np.zeros(parts, np.int64)
    for i in sorted(shuffled, key=lambda i: -len(rows_of[i])):
        part = int(sizes.argmin())
        divided[rows_of[i]] = part
        sizes[part] += len(rows_of[i])
    return training_set._replace(fold=divided)


def compare_baselines(
    tracks: Tracks,
    feature_matrix: FeatureMatrix,
    training_set: TrainingSet,
    by_kernel: FloatArray,
    by_net: FloatArray | None,
    together: FloatArray,
    seed: int,
) -> dict[str, FloatArray]:
    """What each way of foretelling says of every known track without its fold, float32 (m, listeners) each.

    Parameters
    ----------
    tracks, landscape
        n tracks, and where they lie in the space of sound.
    lesson
        What was learnt of them, with the folds that are held out.
    by_kernel, by_net, together
        float32 (m, outputs): held-out predictions from sound, of the kernel machine, of a trained net if there is one,
        and of their stack.
    seed
        For the shuffling.

    Returns
    -------
    dict
        `model`, the stack with the effects of tags; `net`, `kernel`, `artist` and `shuffled`; and the `truth`, NaN
        where it is not known.
    """
    listeners = training_set.targets.preference.shape[1]
    liking = Targets(training_set.targets.preference, training_set.targets.known, training_set.targets.direction[:, :0])
    alone = training_set._replace(targets=liking, groups=training_set.groups[:listeners])
    held = HeldOutPredictions(together[:, :listeners], liking.values, liking.weights, training_set.fold)
    said = {
        "model": fit_tag_effects(tracks, training_set.known, held, alone.groups)[1],
        "kernel": by_kernel[:, :listeners],
        "artist": _artist_means([tracks.artists[i] for i in training_set.known], liking, training_set.fold),
        "shuffled": _by_shuffled_sound(feature_matrix, alone, seed),
        "truth": float32(np.where(liking.known, liking.preference, np.nan)),
    }
    return said if by_net is None else {**said, "net": np.nan_to_num(by_net[:, :listeners])}


def _artist_means(artists: Sequence[str], targets: Targets, fold: IntArray) -> FloatArray:
    """float32 (m, listeners): the mean preference for each track's artist, without the track's own fold.

    An artist of whom little is known is drawn towards 0, the listener's mean.
    """
    number = {artist: j for j, artist in enumerate(dict.fromkeys(artists))}
    of = np.array([number[artist] for artist in artists])
    foretold = np.zeros_like(targets.preference)
    named = np.array([bool(artist) for artist in artists])
    for k in np.unique(fold):
        outside = fold == k
        seen = targets.known & ~outside[:, None]
        total, count = (np.zeros((len(number), seen.shape[1])) for _ in range(2))
        np.add.at(total, of, np.where(seen, targets.preference, 0))
        np.add.at(count, of, seen)
        foretold[outside] = (total / (count + _HALF))[of[outside]]
    return float32(np.where(named[:, None], foretold, 0))


def _by_shuffled_sound(feature_matrix: FeatureMatrix, training_set: TrainingSet, seed: int) -> FloatArray:
    """float32 (m, outputs): what the kernel machine foretells when every track has the sound of another."""
    anywhere = np.random.default_rng([seed, 1]).permutation(len(feature_matrix))[: len(training_set.known)]
    return fit_kernel(training_set._replace(features=feature_matrix.at(anywhere), known=anywhere), seed)[1]
