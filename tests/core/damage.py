"""Ways in which a file gets damaged, by chance and by intent, each the same for the same random numbers."""

from __future__ import annotations

from random import Random

_SIZES = (1, 4, 16, 255, 1024, 4096, 65536)
_NUMBERS = tuple(bytes.fromhex(number) for number in ("ffffffff", "7fffffff", "80000000", "00000000", "01000000"))
"""What a length or a count is not expected to be."""

_HEADER_BYTES = 8192


def damaged(content: bytes, other: bytes, random: Random) -> bytes:
    """Change a file in a few of the ways in which files are found, mostly near the beginning; `other` is a file too."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 3, 5, 12))):
        at = int(random.random() ** random.choice((1, 1, 4)) * len(data))
        here = slice(at, at + random.choice(_SIZES))
        part = bytes(data[here])
        match random.choice(("cut", "bits", "noise", "lost", "twice", "moved", "foreign", "zeros", "number", "joined")):
            case "cut" if random.random() < 0.4:
                del data[max(at, 16) :]
            case "bits":
                for _ in range(random.choice((1, 5, 50, 500))):
                    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
            case "noise":
                data[here] = random.randbytes(len(part))
            case "lost" if len(data) > len(part) + 64:
                del data[here]
            case "twice":
                data[at:at] = part * random.choice((1, 10, 100) if len(part) < 256 else (1,))
            case "moved":
                to = random.randrange(len(data))
                data[here] = b""
                data[to:to] = part
            case "foreign":
                data[at:at] = random.randbytes(len(part))
            case "zeros":
                data[here] = bytes(len(part))
            case "number":
                to = int(random.random() ** 2 * min(len(data), _HEADER_BYTES))
                number = random.choice(_NUMBERS)
                data[to : to + len(number)] = number
            case "joined":
                data[at:] = other[random.randrange(len(other)) :]
        if len(data) < 64:
            break
    return bytes(data)


def damaged_in_one_place(content: bytes, random: Random) -> tuple[bytes, float, float]:
    """Overwrite up to 2,000 bytes behind the header; return the file, and from where to where, in shares of it."""
    data = bytearray(content)
    length = random.choice((1, 16, 255, 2000))
    at = random.randrange(len(data) // 10, len(data) * 9 // 10)
    data[at : at + length] = random.choice((bytes(length), b"\xff" * length, random.randbytes(length)))
    return bytes(data), at / len(data), (at + length) / len(data)
