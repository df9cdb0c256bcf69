"""Impressions kept on disk: they take minutes to compute for a large library, and new plays do not change them.

A cache: deleting it loses nothing but computing time.
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
from cfaudio_core.features.feature_matrix import FeatureMatrix, ReadSummaries
from cfaudio_core.models.model_files import Model
from cfaudio_core.models.track_predictions import TrackPredictions, space_of
from cfaudio_core.util.files import write_whole

_DTYPES = {"float32": "F32", "int32": "I32", "int64": "I64", "uint8": "U8"}


class PredictionCache:
    """The impressions of a library, kept in a file.

    Parameters
    ----------
    path
        The file; it may be missing, and what is in it may be damaged or of other features.
    made_for
        Names the model and the features.
    """

    def __init__(self, path: Path, made_for: str) -> None:
        self.path, self._made_for = path, made_for

    def current(
        self, model: Model, keys: Sequence[str], hear_of: Callable[[Sequence[str]], ReadSummaries]
    ) -> TrackPredictions:
        """The impressions of tracks: from the file as far as they are there, and for the next time left there.

        Parameters
        ----------
        model
            Whose they are.
        keys
            n content keys.
        hear_of
            What was heard of the tracks with some keys.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        there, kept = self._read()
        if kept is not None and there == list(keys):
            return kept
        at = {key: row for row, key in enumerate(there)}
        new = [key for key in dict.fromkeys(keys) if key not in at]
        if kept is None or len(new) == len(set(keys)):
            result = TrackPredictions.of(model, FeatureMatrix(space_of(model), len(keys), hear_of(keys)))
        else:
            at |= {key: len(there) + row for row, key in enumerate(new)}
            rows = np.array([at[key] for key in keys], np.int64)
            result = kept.joined_by(model, FeatureMatrix(space_of(model), len(new), hear_of(new)), rows)
        self.keep(keys, result)
        return result

    def keep(self, keys: Sequence[str], predictions: TrackPredictions) -> None:
        """Leave impressions for the next time.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        graph = predictions.graph
        texts = {"made_for": self._made_for, "keys": "\n".join(keys)}
        arrays = {
            **dict(zip(TrackPredictions._fields, predictions[:3], strict=False)),
            "graph.data": graph.data,
            "graph.indices": graph.indices,
            "graph.indptr": graph.indptr,
            **{name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()},
        }
        try:
            write_whole(self.path, _packed(arrays), private=True)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error

    def forget(self) -> None:
        """Start anew."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> tuple[list[str], TrackPredictions | None]:
        try:
            with safe_open(self.path, framework="numpy") as file:
                if file.get_tensor("made_for").tobytes().decode() != self._made_for:
                    return [], None
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
            keys = arrays["keys"].tobytes().decode().split("\n")
            parts = tuple(arrays[f"graph.{part}"] for part in ("data", "indices", "indptr"))
            graph = sparse.csr_array(parts, shape=(len(keys), len(keys)))
            graph.check_format(full_check=True)  # what multiplies by it trusts its indices
            predictions = TrackPredictions(arrays["said"], arrays["axes"], arrays["places"], graph)
        except (OSError, TypeError, ValueError, KeyError, SafetensorError):
            return [], None
        if not all(np.isfinite(part).all() for part in (*predictions[:3], graph.data)):
            return [], None
        return (keys, predictions) if {len(part) for part in predictions[:3]} == {len(keys)} else ([], None)


def _packed(arrays: Mapping[str, np.ndarray[Any, Any]]) -> Iterator[bytes | memoryview]:
    """A safetensors file, part by part: `safetensors.save` holds all of it twice, which is too much here."""
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
