"""Read TensorFlow's checkpoint format without TensorFlow.

A checkpoint ("tensor bundle", version 2) is two files. The *index* is a LevelDB table whose values are small
protobuf messages: a header under the empty key, then one entry per variable with the place of its bytes. The
*data* holds those bytes. The checksums of blocks and variables are passed over: the archive that both files come in
is known by its SHA-256. What is damaged all the same is refused, or gives other numbers, but reads nothing outside.

The format is described by LevelDB's ``doc/table_format.md`` and TensorFlow's ``tensor_bundle.proto``. What no
published musicnn checkpoint has (compressed blocks, several shards, partitioned variables) is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.errors import WeightsError

_FOOTER_BYTES = 48
_BLOCK_TRAILER_BYTES = 5  # one byte of compression type, four of a checksum
_TABLE_MAGIC = 0xDB4775248B80FB57
_MAX_KEY_BYTES = 1024  # keys are delta-coded: without a bound a small file could spell out a huge one
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # protobuf wire types
# Numbers of tensorflow.DataType.
_DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 3: np.dtype("<i4"), 9: np.dtype("<i8")}

Field = int | bytes
Tensor = NDArray[Any]


class _Entry(NamedTuple):
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    size: int


def read_bundle(index: bytes, data: bytes, keep: Callable[[str], bool] | None = None) -> dict[str, Tensor]:
    """Read the variables of a checkpoint.

    Parameters
    ----------
    index : bytes
        Content of ``NAME.index``.
    data : bytes
        Content of ``NAME.data-00000-of-00001``.
    keep : callable, optional
        Decides by its name whether a variable is read; all are by default.

    Returns
    -------
    dict of str to numpy.ndarray
        float32, int32 or int64 arrays of the variables' own shapes, in the order of their names. Together
        they are never larger than `data`.

    Raises
    ------
    WeightsError
        If either file is damaged, cut short or of an unknown kind.
    """
    table = _table(index)
    try:
        _, header = next(table)
    except StopIteration:
        raise WeightsError("checkpoint index is empty") from None
    _check_header(header)
    tensors: dict[str, Tensor] = {}
    unread = len(data)
    for key, value in table:
        try:
            name = key.decode("utf-8")
        except UnicodeDecodeError:
            raise WeightsError("checkpoint has a variable whose name is not UTF-8") from None
        if keep is not None and not keep(name):
            continue
        entry = _entry(name, value)
        unread -= entry.size
        # Also keeps entries that share bytes from making a large result of a small file.
        if unread < 0:
            raise WeightsError("checkpoint data is shorter than the variables that its index lists")
        tensors[name] = _tensor(name, entry, data)
    return tensors


def _tensor(name: str, entry: _Entry, data: bytes) -> Tensor:
    raw = memoryview(data)[entry.offset : entry.offset + entry.size]
    if len(raw) != entry.size:
        raise WeightsError(f"variable {name!r} lies outside the checkpoint's data")
    values = np.frombuffer(raw, entry.dtype).astype(entry.dtype.newbyteorder("="))
    try:
        return values.reshape(entry.shape)
    except ValueError:  # more dimensions, or longer ones beside a 0, than numpy allows
        raise WeightsError(f"variable {name!r} has a shape that is not read") from None


def _check_header(header: bytes) -> None:
    fields = _message(header)
    if _number(fields, 1) != 1:
        raise WeightsError("checkpoint has several shards; only one is read")
    if _number(fields, 2) != 0:
        raise WeightsError("checkpoint is big-endian")


def _entry(name: str, message: bytes) -> _Entry:
    fields = _message(message)
    if fields.get(7):
        raise WeightsError(f"variable {name!r} is partitioned")
    if _number(fields, 3) != 0:
        raise WeightsError(f"variable {name!r} lies in another shard")
    dtype = _DTYPES.get(_number(fields, 1))
    if dtype is None:
        raise WeightsError(f"variable {name!r} has a type that is not read")
    shape = _shape(fields.get(2, []))
    size = _number(fields, 5)
    if math.prod(shape) * dtype.itemsize != size:
        raise WeightsError(f"shape of variable {name!r} does not fit its size")
    return _Entry(dtype, shape, _number(fields, 4), size)


def _shape(messages: list[Field]) -> tuple[int, ...]:
    dimensions = [part for message in messages for part in _message(_as_bytes(message)).get(2, [])]
    return tuple(_number(_message(_as_bytes(dimension)), 1) for dimension in dimensions)


def _table(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of a LevelDB table, in the order of the keys, which must rise."""
    if len(table) < _FOOTER_BYTES:
        raise WeightsError("checkpoint index is cut short")
    footer = table[-_FOOTER_BYTES:]
    if int.from_bytes(footer[-8:], "little") != _TABLE_MAGIC:
        raise WeightsError("checkpoint index is not a LevelDB table, or is cut short")
    _, position = _handle(footer, 0)  # of the meta index, which holds nothing that is needed
    block_index, _ = _handle(footer, position)
    last: bytes | None = None
    for _, handle in _block(table, block_index):
        for key, value in _block(table, _handle(handle, 0)[0]):
            if last is not None and key <= last:  # also ends a table that lists one block over and over
                raise WeightsError("keys of the checkpoint index are out of order")
            last = key
            yield key, value


def _handle(buffer: bytes, position: int) -> tuple[tuple[int, int], int]:
    offset, position = _varint(buffer, position)
    size, position = _varint(buffer, position)
    return (offset, size), position


def _block(table: bytes, handle: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    offset, size = handle
    block = table[offset : offset + size + _BLOCK_TRAILER_BYTES]
    if len(block) != size + _BLOCK_TRAILER_BYTES or size < 4:
        raise WeightsError("a block lies outside the checkpoint index")
    if block[size] != 0:
        raise WeightsError("checkpoint index is compressed")
    # The entries end where the restart points begin: 4 bytes each, then their number. A search needs them.
    end = size - 4 * (1 + int.from_bytes(block[size - 4 : size], "little"))
    if end < 0:
        raise WeightsError("a block of the checkpoint index is damaged")
    return _entries(block[:end])


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    key, position = b"", 0
    while position < len(block):
        shared, position = _varint(block, position)
        fresh, position = _varint(block, position)
        length, position = _varint(block, position)
        value_at = position + fresh
        if shared > len(key) or value_at + length > len(block) or shared + fresh > _MAX_KEY_BYTES:
            raise WeightsError("an entry of the checkpoint index is damaged")
        key = key[:shared] + block[position:value_at]
        position = value_at + length
        yield key, block[value_at:position]


def _message(message: bytes) -> dict[int, list[Field]]:
    """Parse a protobuf message into the values of its fields, by field number."""
    fields: dict[int, list[Field]] = {}
    position = 0
    value: Field
    while position < len(message):
        tag, position = _varint(message, position)
        wire_type = tag & 7
        if wire_type == _VARINT:
            value, position = _varint(message, position)
        else:
            if wire_type == _BYTES:
                length, position = _varint(message, position)
            elif wire_type in (_FIXED32, _FIXED64):
                length = 4 if wire_type == _FIXED32 else 8
            else:
                raise WeightsError("a message of the checkpoint index is damaged")
            value, position = message[position : position + length], position + length
            if position > len(message):
                raise WeightsError("a message of the checkpoint index is cut short")
            if wire_type != _BYTES:
                value = int.from_bytes(value, "little")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _number(fields: dict[int, list[Field]], field: int) -> int:
    value = fields.get(field, [0])[-1]  # protobuf: absent is zero, and the last one wins
    if not isinstance(value, int):
        raise WeightsError("a message of the checkpoint index has text where a number belongs")
    return value


def _as_bytes(value: Field) -> bytes:
    if not isinstance(value, bytes):
        raise WeightsError("a message of the checkpoint index has a number where a message belongs")
    return value


def _varint(buffer: bytes, position: int) -> tuple[int, int]:
    """Decode a base-128 integer: its value (64 bits at most) and the position after it."""
    value = 0
    for shift in range(0, 64, 7):
        if position >= len(buffer):
            raise WeightsError("checkpoint index is cut short")
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise WeightsError("a number of the checkpoint index is too long")
