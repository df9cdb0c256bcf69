"""Models on disk: arrays as safetensors, everything else as JSON; whole or not at all, and nothing ever unpickled.

What is written are the fields of `HybridModel` and of its parts, and what is read is checked against their types.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cfaudio_core.errors import StoreError
from cfaudio_core.models.hybrid_model import HybridModel
from cfaudio_core.util.files import write_whole
from cfaudio_core.util.fingerprint import fingerprint

FORMAT = 8
"""Version of the files. Those of earlier versions are not read: the model is fitted again from cached features."""

MAX_MODELS = 3
"""Number of models that stay on disk: the newest, and those one may want to go back to."""

# What reading a file raises that is damaged, or that something else wrote.
_OF_DAMAGE = OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError

Arrays = dict[str, np.ndarray[Any, Any]]


def save_model(folder: Path, model: HybridModel) -> None:
    """Write a model and remove the oldest beyond the last three; one that is written again keeps its date.

    The JSON file is written last: a model is there when its JSON is.

    Raises
    ------
    StoreError
        If the folder cannot be written to.
    """
    arrays: Arrays = {}
    tree, content = _encode(model, "model", arrays), save(arrays)
    file = folder / f"{model.id}.json"
    fitted = int(fitted_at(file) if file.exists() else time.time())
    text = {"format": FORMAT, "fitted": fitted, "checksum": _checksum(tree, content), "model": tree}
    try:
        write_whole(folder / f"{model.id}.safetensors", content, private=True)
        write_whole(file, json.dumps(text, indent=1).encode(), private=True)
        _make_newest(folder, model.id)
        kept = kept_models(folder)[:MAX_MODELS]
        for file in sorted(folder.glob("cf-*.*")):  # the JSON first, and what killed processes have left too
            if file.stem not in kept:
                file.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}") from error


def load_model(folder: Path, model_id: str) -> HybridModel:
    """Read a model by its id.

    Raises
    ------
    StoreError
        If there is no such model, it cannot be read, or it was written by another version of cfaudio.
    """
    file = folder / f"{model_id}.json"
    try:
        text = json.loads(file.read_bytes())
        if text["format"] > FORMAT:
            raise StoreError(f"{file} was written by a newer version of cfaudio (format {text['format']})")
        if text["format"] < FORMAT:
            raise StoreError(f"model {model_id} was made by an earlier version of cfaudio; cfembed makes a new one")
        content = file.with_suffix(".safetensors").read_bytes()
        # Without it nothing would tell a number that has rotted on the disk.
        if text["checksum"] != _checksum(text["model"], content):
            raise ValueError("it is damaged")
        model: HybridModel = _decode(HybridModel, text["model"], load(content))
        return model
    except (*_OF_DAMAGE, SafetensorError) as error:
        raise StoreError(f"{file}: cannot be read ({error}); cfembed --retrain makes a new model") from error


def find_model(folder: Path, model_id: str) -> HybridModel | None:
    """Read a model by its id; None where that cannot be done."""
    try:
        return load_model(folder, model_id)
    except StoreError:
        return None


def is_outdated(folder: Path, model_id: str) -> bool:
    """Whether a model was written by an earlier version of cfaudio."""
    try:
        return bool(json.loads((folder / f"{model_id}.json").read_bytes())["format"] < FORMAT)
    except _OF_DAMAGE:
        return False


def fitted_at(file: Path) -> float:
    """Read from its JSON file when a model was fitted: UTC, seconds."""
    try:
        return float(json.loads(file.read_bytes())["fitted"])
    except _OF_DAMAGE:
        return file.stat().st_mtime  # of one that was written before dates were


def kept_models(folder: Path) -> list[str]:
    """Ids of the models that are kept, the one in force first."""
    files = sorted(folder.glob("cf-*.json"), key=lambda file: (file.stat().st_mtime_ns, file.name), reverse=True)
    return [file.stem for file in files]


def require_model(folder: Path, model_id: str) -> None:
    """Make sure that a model is kept.

    Raises
    ------
    StoreError
        If it is not; names those that are.
    """
    kept = kept_models(folder)
    if model_id not in kept:
        others = f"there are: {', '.join(kept)}" if kept else "there is none yet"
        raise StoreError(f"there is no model {model_id} ({others})")


def _checksum(tree: Any, content: bytes) -> str:
    return fingerprint(json.dumps(tree, sort_keys=True), content)


def _make_newest(folder: Path, model_id: str) -> None:
    """Have a model be the newest, though the clock may have been put back since another one was saved."""
    file = folder / f"{model_id}.json"
    others = [other.stat().st_mtime_ns for other in folder.glob("cf-*.json") if other != file]
    if others and max(others) >= file.stat().st_mtime_ns:
        newest = max(others) + 1_000_000_000
        os.utime(file, ns=(newest, newest))


def _encode(value: Any, name: str, arrays: Arrays) -> Any:
    """Put the arrays of a value into `arrays` and return the rest as JSON holds it, with their names in their place."""
    if isinstance(value, np.ndarray):
        arrays[name] = np.ascontiguousarray(value)
        return name
    if hasattr(value, "_asdict"):
        value = value._asdict()
    elif is_dataclass(value):
        value = {part.name: getattr(value, part.name) for part in fields(value)}
    if isinstance(value, dict):
        return {key: _encode(part, f"{name}.{key}", arrays) for key, part in value.items()}
    if isinstance(value, list):
        return [_encode(part, f"{name}.{i}", arrays) for i, part in enumerate(value)]
    return value


def _decode(kind: Any, tree: Any, arrays: Arrays) -> Any:
    """Make a value of some type of what `_encode` made of it.

    Raises
    ------
    KeyError, TypeError, ValueError
        If anything is missing or of another type.
    """
    origin = get_origin(kind)
    if origin is np.ndarray or origin is npt.NDArray:  # from numpy 2.5 on the latter is an alias that keeps its name
        dtype = get_args(get_args(kind)[1])[0] if origin is np.ndarray else get_args(kind)[0]
        if arrays[tree].dtype != dtype:
            raise TypeError(f"{tree} is {arrays[tree].dtype}")
        return arrays[tree]
    if origin is dict:
        return {key: _decode(get_args(kind)[1], part, arrays) for key, part in tree.items()}
    if origin is list:
        if not isinstance(tree, list):
            raise TypeError(f"{tree!r} is no list")
        inner = get_args(kind)[0]
        return tree if inner is str else [_decode(inner, part, arrays) for part in tree]
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        hints = get_type_hints(kind)
        names = [part.name for part in fields(kind)] if is_dataclass(kind) else kind._fields
        return kind(**{name: _decode(hints[name], tree[name], arrays) for name in names})
    if not isinstance(tree, kind):
        raise TypeError(f"{tree!r} is no {kind.__name__}")
    return tree
