"""The representation of a library: the pretrained net's features, adapted to it, and descriptors beside them.

An adapter is trained on what the library itself knows of its tracks: which are of one artist, album, genre or playlist,
and which are played together. How much of the space it gets is chosen on artists that neither the adapter nor the
prediction has seen; how much the other parts get, by what explains preferences across artists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import Targets, fold_groups
from cfaudio_core.errors import TooLittleMemoryError
from cfaudio_core.features.adapter import Adapter
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.feature_space import SIZES, TUNED_PART, FeatureSpace
from cfaudio_core.features.summaries import NET_PART
from cfaudio_core.training.part_sizes import MAX_TRACKS, MIN_TRACKS, likeliest_sizes, with_tuned_size
from cfaudio_core.util.arrays import FloatArray, IntArray, float32
from cfaudio_core.util.memory import within_memory

if TYPE_CHECKING:
    from cfaudio_core.finetuning.adapter_training import AdapterData
    from cfaudio_core.finetuning.track_windows import TrackWindows

MAX_ADAPTER_TRACKS = 5000
"""Tracks that an adapter is trained on, at most: with its fixed number of steps, they bound the time it takes."""

_REMASTERED_TRACKS, _REMASTERED_SHARE = 1000, 0.1
"""So many tracks, and this share of the library beside, are mastered anew: 0.1 s of CPU each, which is most of the time
that fine-tuning takes. With two cores that makes two minutes for 10,000 tracks, and five for 100,000."""

MIN_ADAPTER_TRACKS = 50

_MAX_WINDOWS = 10
_FOLDS = 3
_SAMPLE_TRACKS = 2000  # that the parts are measured on
_EMPTY = 1e-9  # a part that nothing is known of
_TUNED_SIZE = 0.75  # of the adapter's part, where the choice begins, and where too little is known for one
_GROUP_WEIGHTS = {"artist": 0.015, "album": 0.015, "genre": 0.0025, "playlist": 0.0075}
"""Weights of sharing a group, against 1 for being the same track. Most of what a group does is that its tracks are not
driven apart; drawn together with more weight, what artists of liked and disliked music share is lost on the score."""


class Representation(NamedTuple):
    """A feature space adapted to a library, and what each part of it is worth.

    Attributes
    ----------
    space
        The feature space.
    errors
        Mean squared error of preferences of held-out artists by the `chosen` sizes and without each part; empty where
        too little is known.
    """

    space: FeatureSpace
    errors: dict[str, float]


def fit_representation(
    tracks: Tracks,
    known: IntArray,
    targets: Targets,
    feature_matrix: FeatureMatrix,
    windows: TrackWindows | None,
    seed: int,
) -> Representation:
    """Train an adapter and choose the sizes of the parts.

    Parameters
    ----------
    tracks, feature_matrix
        n tracks and their features, in a space as it is fitted to a library.
    known, targets
        int64 (m,): the known tracks, and their targets.
    windows
        Reads windows of tracks; None: no adapter is trained.
    seed
        Starts everything random.
    """
    space = feature_matrix.space
    squares = np.square(feature_matrix.sample(_SAMPLE_TRACKS, seed))
    shares = {name: float(squares[:, own].sum(axis=1).mean()) for name, own in space.columns().items()}
    sizes = {name: SIZES[name] for name in space.parts if shares[name] > _EMPTY}
    rng = np.random.default_rng([seed, 7])
    judged = np.sort(rng.permutation(len(known))[:MAX_TRACKS])
    positions = known[judged]
    names = [tracks.artists[i] or tracks.albums[i] for i in positions]
    if max(Counter(names).values(), default=0) > len(names) / 2:  # hold out tracks: there are no other artists
        names = [""] * len(names)
    fold = fold_groups(names, _FOLDS, seed)
    adapters: list[Adapter] = []
    if windows is not None and len(tracks) >= MIN_ADAPTER_TRACKS and _torch_loads():
        rows, data = adapter_data(tracks, known, targets, space, windows, rng)
        adapters = _train(data, rows, positions, fold, names, tracks, len(known) >= MIN_TRACKS, seed)
        space = space.with_adapter(adapters[-1]) if adapters else space
    tuned_size = {TUNED_PART: _TUNED_SIZE} if adapters else {}
    if not sizes or len(known) < MIN_TRACKS:
        return Representation(_resized(space, sizes | tuned_size, shares), {})
    features = feature_matrix.rows(positions)
    squared = {name: _distances(_unit_mean(features[:, own])) for name, own in feature_matrix.space.columns().items()}
    net = features[:, : space.parts[NET_PART]]
    tuned = [_distances(_unit_mean(one.transform(net))) for one in adapters[:-1]]
    targets = targets.subset(judged)
    sizes, errors = with_tuned_size(
        lambda part, k: tuned[k] if part == TUNED_PART else squared[part],
        likeliest_sizes(squared, sizes, targets, names) | tuned_size,
        targets,
        fold,
    )
    return Representation(_resized(space, sizes, shares), errors)


def adapter_data(
    tracks: Tracks,
    known: IntArray,
    targets: Targets,
    space: FeatureSpace,
    windows: TrackWindows,
    rng: np.random.Generator,
) -> tuple[IntArray, AdapterData]:
    """Read what an adapter is trained on: int64 (k,) positions of the tracks, and their data."""
    from cfaudio_core.finetuning.adapter_training import AdapterData
    from cfaudio_core.finetuning.track_windows import MASTERINGS

    rows = np.sort(rng.permutation(len(tracks))[:MAX_ADAPTER_TRACKS])
    keys = [tracks.keys[i] for i in rows]
    n_net = space.parts[NET_PART]
    of_windows = np.zeros((len(rows), _MAX_WINDOWS, n_net), np.float32)
    places: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        places.setdefault(key, []).append(row)
    for key, found in windows.store.read_parts(windows.net, list(places)):
        own = space.transform_windows(found)[:, :n_net]
        of_windows[places[key]] = own[np.arange(_MAX_WINDOWS) * len(own) // _MAX_WINDOWS]
    remastered = np.full((len(rows), MASTERINGS, n_net), np.nan, np.float32)
    n_remastered = _REMASTERED_TRACKS + int(_REMASTERED_SHARE * len(tracks))
    of_remastered = [keys[row] for row in np.sort(rng.permutation(len(rows))[:n_remastered])]
    for key, found in windows.remastered(list(dict.fromkeys(of_remastered))).items():
        remastered[places[key]] = space.transform_net(found).reshape(MASTERINGS, -1, n_net).mean(axis=1)
    directions = np.zeros((len(tracks), targets.direction.shape[1]), np.float32)
    directions[known] = targets.direction
    return rows, AdapterData(of_windows, remastered, label_groups(tracks.subset(rows)), directions[rows])


def label_groups(tracks: Tracks) -> sparse.csr_array:
    """float32 CSR (n, groups): roots of the weights of the artists, albums, genres and playlists of n tracks."""
    labels: dict[str, Sequence[tuple[str, ...]]] = {
        "artist": [(name,) if name else () for name in tracks.artists],
        "album": [
            (artist + "\0" + name,) if name else () for artist, name in zip(tracks.artists, tracks.albums, strict=True)
        ],
        "genre": tracks.genres,
        "playlist": tracks.playlists,
    }
    number: dict[tuple[str, str], int] = {}
    rows, columns, values = [], [], []
    for kind, names in labels.items():
        for row, own in enumerate(names):
            for name in dict.fromkeys(own):
                rows.append(row)
                columns.append(number.setdefault((kind, name), len(number)))
                values.append(np.sqrt(_GROUP_WEIGHTS[kind]))
    shape = (len(tracks), max(len(number), 1))
    return sparse.csr_array((np.array(values, np.float32), (np.array(rows, int), np.array(columns, int))), shape=shape)


def _train(
    data: AdapterData,
    rows: IntArray,
    positions: IntArray,
    fold: IntArray,
    names: Sequence[str],
    tracks: Tracks,
    judged: bool,
    seed: int,
) -> list[Adapter]:
    """Train an adapter without each fold's artists, where they are to be judged, and one on all tracks, the last.

    There are none if the memory does not suffice.
    """
    from cfaudio_core.finetuning.adapter_training import train_adapter
    from cfaudio_core.util.progress import progress

    adapters = []
    folds = np.unique(fold).tolist() if judged else []
    try:
        with within_memory("fine_tune"), progress("Fine-tuning", len(folds) + 1, "adapters") as advance:
            for k in folds:
                away = {name for name, one in zip(names, fold, strict=True) if one == k and name}
                held_out = set(positions[fold == k].tolist())
                seen = [
                    row
                    for row, i in enumerate(rows.tolist())
                    if i not in held_out and (tracks.artists[i] or tracks.albums[i]) not in away
                ]
                adapters.append(train_adapter(data.subset(np.array(seen)), seed))
                advance(1)
            adapters.append(train_adapter(data, seed))
            advance(1)
    except TooLittleMemoryError:
        return []
    return adapters


def _torch_loads() -> bool:
    """Whether there is a torch, and one made for this machine."""
    try:
        import torch  # noqa: F401
    except (ImportError, OSError):
        return False
    return True


def _resized(space: FeatureSpace, sizes: dict[str, float], shares: dict[str, float]) -> FeatureSpace:
    """Give the parts their sizes, so that the library's tracks have a mean squared length of 1 in all.

    `shares` has the mean squared length in each part as it is; the adapter's is 1.
    """
    total = np.sqrt(np.sum(np.square(list(sizes.values()))))
    return space.rescale({name: size / total / np.sqrt(shares.get(name, 1)) for name, size in sizes.items()})


def _unit_mean(features: FloatArray) -> FloatArray:
    """Scale rows so that their mean squared length is 1."""
    centred = features - features.mean(axis=0)
    length = np.sqrt(np.square(centred).sum(axis=1).mean())
    return float32(centred / (length if length > 1e-6 else 1))


def _distances(features: FloatArray) -> FloatArray:
    """float32 (m, m): squared distances between rows."""
    square = np.square(features).sum(axis=1)
    return float32(np.maximum(square[:, None] + square - 2 * features @ features.T, 0))
