"""One fingerprint for everything that is kept: what is kept stores the fingerprint of what it was made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

Prints = npt.NDArray[np.uint64]
"""One number a text, the same for the same text; 0 for none."""

_PLAIN = frozenset({str, int})
_SHORT_ITEMS = 100
_BLOCK_ITEMS = 10_000  # of a long list, encoded at a time: as one text, a large library's would fill the memory


def fingerprint(*parts: object, size: int = 16) -> str:
    """Fingerprint of some parts: equal parts have equal ones, on any machine; anything else has another.

    Parameters
    ----------
    *parts
        None, texts, bytes, paths, numbers, booleans, NumPy arrays and scalars, dataclasses, and sequences, sets and
        mappings of these. A tuple counts as a list; an array's dtype and shape count; the order of a set or of a
        mapping's keys does not.
    size
        Bytes of the digest.

    Returns
    -------
    str
        Hexadecimal, 2 * `size` digits.

    Raises
    ------
    TypeError
        If a part is of another type: its text could change from run to run.
    """
    digest = hashlib.blake2b(b"l%d;" % len(parts), digest_size=size)
    for chunk in _encoded_items(parts):
        digest.update(chunk)
    return digest.hexdigest()


def prints(texts: Iterable[str]) -> Prints:
    """uint64 (n,): 64 bits of a digest of each text."""
    nothing = bytes(8)
    digests = (
        hashlib.blake2b(t.encode("utf-8", "surrogatepass"), digest_size=8).digest() if t else nothing for t in texts
    )
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def _encoded(part: object) -> Iterator[bytes | memoryview]:
    """Bytes that no other value has: each begins with its type, and whatever has a length with its length."""
    if isinstance(part, np.ndarray):
        if part.dtype.hasobject:
            raise TypeError("an array of Python objects has no fingerprint")
        yield f"a{part.dtype.str}{part.shape};".encode()
        yield np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
    elif isinstance(part, np.generic):
        yield from _encoded(part.item())
    elif part is None or isinstance(part, bool | int | float | str):
        text = json.dumps(part).encode()
        yield b"j%d;" % len(text)
        yield text
    elif isinstance(part, bytes):
        yield b"b%d;" % len(part)
        yield part
    elif isinstance(part, Path):
        yield from _encoded(str(part))
    elif is_dataclass(part) and not isinstance(part, type):
        yield from _encoded({field.name: getattr(part, field.name) for field in fields(part)})
    elif isinstance(part, Mapping):
        yield b"m%d;" % len(part)
        yield from sorted(b"".join([*_encoded(key), *_encoded(value)]) for key, value in part.items())
    elif isinstance(part, Set):
        yield b"s%d;" % len(part)
        yield from sorted(b"".join(_encoded(item)) for item in part)
    elif isinstance(part, Sequence):
        yield b"l%d;" % len(part)
        yield from _encoded_items(part)
    else:
        raise TypeError(f"a {type(part).__name__} has no fingerprint")


def _encoded_items(items: Sequence[object]) -> Iterator[bytes | memoryview]:
    """Items one after another; texts, whole numbers and short lists of them by JSON, in a tenth of the time."""
    for start in range(0, len(items), _BLOCK_ITEMS):
        block = items[start : start + _BLOCK_ITEMS]
        if _is_plain(block):
            text = json.dumps(list(block)).encode()
            yield b"t%d;" % len(text)
            yield text
        else:
            for item in block:
                yield from _encoded(item)


def _is_plain(items: Sequence[object]) -> bool:
    """Whether all items are texts, whole numbers, or short lists of such, as the genres of a track are."""
    if _PLAIN.issuperset(map(type, items)):
        return True
    lists = [item for item in items if isinstance(item, tuple | list)]
    rest = (item for item in items if not isinstance(item, tuple | list))
    short = max(map(len, lists), default=0) <= _SHORT_ITEMS
    return short and _PLAIN.issuperset(map(type, chain(rest, *lists)))
