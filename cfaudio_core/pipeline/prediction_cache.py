"""Cache of predictions on disk: they take minutes to compute for a large library, and new plays do not change them.

Deleting it loses nothing but computing time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from scipy import sparse

from cfaudio_core.errors import StoreError
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.models.hybrid_model import HybridModel, TrackPredictions
from cfaudio_core.util.files import write_whole

_DTYPES = {"float32": "F32", "int32": "I32", "int64": "I64", "uint8": "U8"}


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
    texts = {"made_of": made_of, "keys": "\n".join(keys)}
    arrays = {
        **dict(zip(TrackPredictions._fields, predictions[:3], strict=False)),
        "graph.data": graph.data,
        "graph.indices": graph.indices,
        "graph.indptr": graph.indptr,
        **{name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()},
    }
    try:
        write_whole(file, _packed(arrays), private=True)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}") from error


def _read(file: Path, made_of: str) -> tuple[list[str], TrackPredictions | None]:
    """Read content keys and predictions, if they are whole and made of that."""
    try:
        with safe_open(file, framework="numpy") as opened:
            if opened.get_tensor("made_of").tobytes().decode() != made_of:
                return [], None
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (it is no mapping)
        keys = arrays["keys"].tobytes().decode().split("\n")
        parts = tuple(arrays[f"graph.{part}"] for part in ("data", "indices", "indptr"))
        graph = sparse.csr_array(parts, shape=(len(keys), len(keys)))
        graph.check_format(full_check=True)  # what multiplies by it trusts its indices
        rows = [arrays[name] for name in TrackPredictions._fields[:3]]
        if not all(np.isfinite(part).all() for part in (*rows, graph.data)):
            return [], None
    except (OSError, TypeError, ValueError, KeyError, SafetensorError):
        return [], None
    whole = {len(part) for part in rows} == {len(keys)}
    return (keys, TrackPredictions(rows[0], rows[1], rows[2], graph)) if whole else ([], None)


def _packed(arrays: Mapping[str, np.ndarray[Any, Any]]) -> Iterator[bytes | memoryview]:
    """Yield a safetensors file part by part: `safetensors.save` holds all of it twice, which is too much here."""
    header, end = {}, 0
    for name, array in arrays.items():
        header[name] = {
            "dtype": _DTYPES[array.dtype.name],
            "shape": array.shape,
            "data_offsets": (end, end + array.nbytes),
        }
        end += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for array in arrays.values():
        yield np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
