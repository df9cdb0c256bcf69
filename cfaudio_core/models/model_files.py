"""Models on disk: arrays as safetensors, everything else as JSON; whole or not at all, and nothing ever unpickled."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cfaudio_core.errors import StoreError
from cfaudio_core.util.files import write_whole

FORMAT = 5
KEPT = 3
"""So many models stay on disk: the newest, and those one may want to go back to."""


@dataclass(frozen=True)
class Model:
    """What was learnt in one run.

    Attributes
    ----------
    id
        Short and the same for the same data and settings; the value of `cf_model`.
    arrays
        Everything numeric, by name.
    about
        Settings, data sizes, held-out figures: all that JSON can hold.
    """

    id: str
    arrays: dict[str, np.ndarray[Any, Any]]
    about: dict[str, Any]

    @property
    def nets(self) -> list[dict[str, np.ndarray[Any, Any]]]:
        """The arrays of each trained net, by name."""
        found: dict[str, dict[str, np.ndarray[Any, Any]]] = {}
        for name, array in self.arrays.items():
            if name.startswith("net."):
                _, number, own = name.split(".", 2)
                found.setdefault(number, {})[own] = array
        return [found[number] for number in sorted(found, key=int)]


def save_model(folder: Path, model: Model) -> None:
    """Write a model and forget the oldest beyond the last three.

    The JSON file is written last: a model is there when its JSON is.

    Raises
    ------
    StoreError
        If the folder cannot be written to.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in model.arrays.items()}
    about, content = {"format": FORMAT, "id": model.id, **model.about}, save(arrays)
    about["checksum"] = _checksum(about, content)
    try:
        write_whole(folder / f"{model.id}.safetensors", content, private=True)
        write_whole(folder / f"{model.id}.json", json.dumps(about, indent=1, sort_keys=True).encode(), private=True)
        _make_newest(folder, model.id)
        kept = kept_models(folder)[:KEPT]
        for file in sorted(folder.glob("cf-*.*")):  # the JSON first, and what killed processes have left too
            if file.stem not in kept:
                file.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}") from error


def latest_model(folder: Path) -> Model | None:
    """The model in force, the one that was saved last; None before the first.

    Raises
    ------
    StoreError
        If it cannot be read or was written by a newer version of cfaudio.
    """
    there = _by_age(folder)
    return load_model(folder, there[0].stem) if there else None


def kept_models(folder: Path) -> list[str]:
    """Ids of the models that are kept, the one in force first."""
    return [file.stem for file in _by_age(folder)]


def require_model(folder: Path, model_id: str) -> None:
    """Nothing, if a model is among those that are kept.

    Raises
    ------
    StoreError
        If it is not; names those that are.
    """
    there = kept_models(folder)
    if model_id not in there:
        others = f"there are: {', '.join(there)}" if there else "there is none yet"
        raise StoreError(f"there is no model {model_id} ({others})")


def load_model(folder: Path, model_id: str) -> Model:
    """A model by its id.

    Raises
    ------
    StoreError
        If there is no such model, or it cannot be read.
    """
    file = folder / f"{model_id}.json"
    try:
        about = json.loads(file.read_bytes())
        if about["format"] > FORMAT:
            raise StoreError(f"{file} was written by a newer version of cfaudio (format {about['format']})")
        content = file.with_suffix(".safetensors").read_bytes()
        # Without it nothing would tell a number that has rotted on the disk.
        if about["format"] == FORMAT and about.pop("checksum") != _checksum(about, content):
            raise ValueError("it is damaged")
        return Model(model_id, load(content), about)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise StoreError(f"{file}: cannot be read ({error}); cfembed --retrain makes a new model") from error


def _checksum(about: dict[str, Any], content: bytes) -> str:
    told = json.dumps(about, sort_keys=True).encode()
    return hashlib.blake2b(told + content, digest_size=16).hexdigest()


def _make_newest(folder: Path, model_id: str) -> None:
    """Have a model be the newest, though the clock may have been put back since another one was saved."""
    file = folder / f"{model_id}.json"
    others = [other.stat().st_mtime_ns for other in folder.glob("cf-*.json") if other != file]
    if others and max(others) >= file.stat().st_mtime_ns:
        newest = max(others) + 1_000_000_000
        os.utime(file, ns=(newest, newest))


def _by_age(folder: Path) -> list[Path]:
    """The models' JSON files, newest first."""
    return sorted(folder.glob("cf-*.json"), key=lambda file: (file.stat().st_mtime_ns, file.name), reverse=True)
