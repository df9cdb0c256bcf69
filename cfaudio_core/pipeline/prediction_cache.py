"""Cache of predictions on disk: they take minutes to compute for a large library, and new plays do not change them.

Deleting it loses nothing but computing time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from cfaudio_core.data.training_set import unit
from cfaudio_core.errors import StoreError
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.models.hybrid_model import HybridModel, TrackPredictions
from cfaudio_core.util.array_file import read_arrays, write_arrays
from cfaudio_core.util.arrays import FloatArray

_GRAPH_PARTS = ("data", "indices", "indptr")


def cached_predictions(
    file: Path,
    made_of: str,
    model: HybridModel,
    keys: Sequence[str],
    features_of: Callable[[Sequence[str]], FeatureMatrix],
) -> TrackPredictions:
    """Predict tracks: from the cache as far as they are in it, and from their features else; then they are cached.

    Parameters
    ----------
    file, made_of
        The cache, which may be missing, damaged or of something else; fingerprint of the model and the features.
    model, keys
        The model that predicts, and n content keys.
    features_of
        Makes the feature matrix of the tracks with some keys.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    there, cached = _read(file, made_of)
    if cached is not None and there == list(keys):
        return cached
    at = {key: row for row, key in enumerate(there)}
    new = [key for key in dict.fromkeys(keys) if key not in at]
    if cached is None or len(new) == len(set(keys)):
        predictions = model.predict(features_of(keys))
    else:
        at |= {key: len(there) + row for row, key in enumerate(new)}
        rows = np.array([at[key] for key in keys], np.int64)
        predictions = model.predict_new(cached, features_of(new), rows)
    cache_predictions(file, made_of, keys, predictions)
    return predictions


def cache_predictions(file: Path, made_of: str, keys: Sequence[str], predictions: TrackPredictions) -> None:
    """Write predictions to the cache.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    graph = predictions.graph
    arrays = {
        **dict(zip(TrackPredictions._fields, predictions[:3], strict=False)),
        **{f"graph.{part}": getattr(graph, part) for part in _GRAPH_PARTS},
        "keys": np.frombuffer("\n".join(keys).encode(), np.uint8),
    }
    try:
        write_arrays(file, arrays, {"made_of": made_of})
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}") from error


def read_sounds(file: Path) -> tuple[list[str], FloatArray]:
    """Read from the cache, whatever it is of, content keys and what their audio is like, float32 (n, d), unit length.

    Nothing where there is no cache.
    """
    arrays, _ = read_arrays(file) or ({}, {})
    if "neighbor_features" not in arrays:
        return [], np.zeros((0, 0), np.float32)
    return arrays["keys"].tobytes().decode().split("\n"), unit(arrays["neighbor_features"])


def _read(file: Path, made_of: str) -> tuple[list[str], TrackPredictions | None]:
    """Read content keys and predictions, if they are whole and made of that."""
    arrays, about = read_arrays(file) or ({}, {})
    if about.get("made_of") != made_of:
        return [], None
    keys = arrays["keys"].tobytes().decode().split("\n")
    graph = sparse.csr_array(tuple(arrays[f"graph.{part}"] for part in _GRAPH_PARTS), shape=(len(keys), len(keys)))
    by_audio, vectors, projected = (arrays[name] for name in TrackPredictions._fields[:3])
    return keys, TrackPredictions(by_audio, vectors, projected, graph)
