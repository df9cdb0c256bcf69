"""Writes TensorFlow tensor bundles, and damaged ones, for tests of the reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
TYPES = {"float32": 1, "int32": 3, "int64": 9}
HEADER = b"\x08\x01"  # one shard


def varint(n: int) -> bytes:
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*out, n])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


NO_CHECKSUM = bytes(4)  # none is looked at


def entry(array: np.ndarray, offset: int, **changes: int) -> bytes:
    """Encode where a variable lies; `changes` overrides its type or size."""
    shape = b"".join(message(2, number(1, length)) for length in array.shape)
    return (
        number(1, changes.get("type", TYPES[array.dtype.name]))
        + message(2, shape)
        + number(4, offset)
        + number(5, changes.get("size", array.nbytes))
        + varint(6 << 3 | 5)
        + NO_CHECKSUM
    )


def block(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Delta-code keys and values, with a restart at every third entry."""
    content, restarts, last = b"", [], b""
    for i, (key, value) in enumerate(pairs):
        shared = 0
        if i % 3 == 0:
            restarts.append(len(content))
        else:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        content += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    restarts = restarts or [0]
    return content + b"".join(n.to_bytes(4, "little") for n in (*restarts, len(restarts)))


def table(blocks: Iterable[bytes], compression: int = 0, repeat: int = 1) -> bytes:
    """Assemble a table of blocks; its index lists each block `repeat` times."""
    out, handles = b"", []

    def put(content: bytes, kind: int = 0) -> bytes:
        nonlocal out
        handle = varint(len(out)) + varint(len(content))
        out += content + bytes([kind]) + NO_CHECKSUM
        return handle

    for content in blocks:
        handles += [put(content, compression)] * repeat
    meta = put(block([]))
    index = put(block((b"%04d" % i, handle) for i, handle in enumerate(handles)))
    return out + (meta + index).ljust(40, b"\0") + MAGIC


def bundle(tensors: Mapping[str, np.ndarray], per_block: int = 4) -> tuple[bytes, bytes]:
    """Encode tensors as the two files of a bundle."""
    data, pairs = b"", [(b"", HEADER)]
    for name in sorted(tensors, key=str.encode):
        array = tensors[name]
        pairs.append((name.encode(), entry(array, len(data))))
        data += array.tobytes()
    return table(block(pairs[i : i + per_block]) for i in range(0, len(pairs), per_block)), data
