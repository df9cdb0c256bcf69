"""Named arrays in one safetensors file with a checksum: there as they were written, or not at all."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from cfaudio_core.util.files import write_whole

Arrays = Mapping[str, np.ndarray[Any, Any]]

_DTYPES = {"float32": "F32", "int32": "I32", "int64": "I64", "uint8": "U8", "uint64": "U64"}


def write_arrays(file: Path, arrays: Arrays, about: Mapping[str, Any]) -> None:
    """Write arrays, and what JSON can hold about them, to a file for its owner alone.

    Raises
    ------
    OSError
        If it cannot be written; a file that was there before is there still.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    text = json.dumps(about)
    write_whole(file, _packed(arrays, {"about": text, "crc32": _checksum(arrays, text)}), private=True)


def read_arrays(file: Path) -> tuple[Arrays, dict[str, Any]] | None:
    """Read arrays and what was written about them; None for a file that is missing, damaged or another program's."""
    try:
        with safe_open(file, framework="numpy") as content:
            metadata = content.metadata()
            arrays = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 (it is no mapping)
        about = json.loads(metadata["about"])
        whole = metadata["crc32"] == _checksum(arrays, metadata["about"])
    except (OSError, TypeError, ValueError, KeyError, RecursionError, SafetensorError):
        return None
    return (arrays, about) if whole and isinstance(about, dict) else None


def _packed(arrays: Arrays, metadata: Mapping[str, str]) -> Iterator[bytes | memoryview]:
    """Give the content of the file part by part: `safetensors.save` holds all of it twice."""
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, array in arrays.items():
        start, end = end, end + array.nbytes
        header[name] = {"dtype": _DTYPES[array.dtype.name], "shape": array.shape, "data_offsets": (start, end)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    yield from map(_bytes, arrays.values())


def _checksum(arrays: Arrays, text: str) -> str:
    """CRC-32 of the text, and of the names, types and contents of the arrays."""
    crc = zlib.crc32(text.encode())
    for name, array in sorted(arrays.items()):
        crc = zlib.crc32(_bytes(array), zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc))
    return f"{crc:08x}"


def _bytes(array: np.ndarray[Any, Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
