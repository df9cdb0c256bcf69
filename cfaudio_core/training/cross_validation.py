"""What a model has to be better than: the same tracks held out, foretold by simpler means and by nonsense.

Tracks of one album sound alike, are liked alike and were recorded alike, so that a track is easily told by the rest of
its album. Here whole albums are held out, where there are any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import Lesson, Targets
from cfaudio_core.features.feature_matrix import Landscape
from cfaudio_core.models.kernel_machine import fit_kernel
from cfaudio_core.models.tag_effects import Held, fit_effects
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

MOST = 2000
"""Known tracks that are compared on."""

_HALF = 1.0  # known tracks of an artist that weigh as much as the mean of all


def hold_albums_apart(tracks: Tracks, lesson: Lesson, seed: int, most: int | None = MOST) -> Lesson:
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
    if most is not None and len(lesson.known) > most:
        rows = np.sort(np.random.default_rng([seed, 2]).choice(len(lesson.known), most, replace=False))
        lesson = lesson.subset(rows)
    albums: dict[str, list[int]] = defaultdict(list)
    for row, at in enumerate(lesson.known):
        albums[tracks.albums[at] or f"\0{row}"].append(row)
    parts = int(lesson.fold.max()) + 1
    largest = max(map(len, albums.values()))
    if largest == 1 or largest * parts > 2 * len(lesson.known):
        return lesson
    # The largest first, each into what is smallest so far: the parts come out about even.
    shuffled = np.random.default_rng(seed).permutation(len(albums))
    rows_of = list(albums.values())
    divided, sizes = np.empty(len(lesson.known), np.int64), np.zeros(parts, np.int64)
    for i in sorted(shuffled, key=lambda i: -len(rows_of[i])):
        part = int(sizes.argmin())
        divided[rows_of[i]] = part
        sizes[part] += len(rows_of[i])
    return lesson._replace(fold=divided)


def compare(
    tracks: Tracks,
    landscape: Landscape,
    lesson: Lesson,
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
    listeners = lesson.targets.preference.shape[1]
    liking = Targets(lesson.targets.preference, lesson.targets.known, lesson.targets.direction[:, :0])
    alone = lesson._replace(targets=liking, groups=lesson.groups[:listeners])
    held = Held(together[:, :listeners], liking.values, liking.weights, lesson.fold)
    said = {
        "model": fit_effects(tracks, lesson.known, held, alone.groups)[1],
        "kernel": by_kernel[:, :listeners],
        "artist": _artist_means([tracks.artists[i] for i in lesson.known], liking, lesson.fold),
        "shuffled": _by_shuffled_sound(landscape, alone, seed),
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


def _by_shuffled_sound(landscape: Landscape, lesson: Lesson, seed: int) -> FloatArray:
    """float32 (m, outputs): what the kernel machine foretells when every track has the sound of another."""
    anywhere = np.random.default_rng([seed, 1]).permutation(len(landscape))[: len(lesson.known)]
    return fit_kernel(lesson._replace(features=landscape.at(anywhere), known=anywhere), seed)[1]
