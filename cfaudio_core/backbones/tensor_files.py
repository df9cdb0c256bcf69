"""Tensors in safetensors files that are whole and unchanged, or count as missing."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cfaudio_core.errors import WeightsError

Tensors = dict[str, NDArray[np.float32]]


def pack(tensors: Tensors, tags: str, about: Mapping[str, str]) -> bytes:
    """Make the content of a file, with a checksum over tensors and tags in its metadata."""
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}  # else `save` mixes it up
    return save(tensors, {**about, "tags": tags, "sha256": digest(tensors, tags)})


def read(path: Path) -> tuple[Tensors, str]:
    """Read tensors and tags.

    Raises
    ------
    WeightsError
        If there is no such file, or it is not as it was made.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be read: {error}") from error
    tags = metadata.get("tags", "")
    if digest(tensors, tags) != metadata.get("sha256"):
        raise WeightsError(f"{path} is damaged")
    return tensors, tags


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files NAME.safetensors so that another process sees each whole or not at all.

    Raises
    ------
    WeightsError
        If they cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            for name, content in files.items():
                file = Path(temporary) / f"{name}.safetensors"
                file.write_bytes(content)
                file.replace(folder / file.name)
    except OSError as error:
        raise WeightsError(f"cannot write musicnn's weights to {folder}: {error}") from error


def digest(tensors: Tensors, tags: str) -> str:
    """SHA-256 of the tensors, with their names and shapes, and the tags."""
    sha256 = hashlib.sha256(tags.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sha256.update(f"{name} {tensor.dtype} {tensor.shape} ".encode())
        sha256.update(tensor.tobytes())
    return sha256.hexdigest()
