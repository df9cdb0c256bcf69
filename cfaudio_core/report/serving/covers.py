"""Covers of albums: pictures that a browser may be given, known by their first bytes and of bounded size."""

from __future__ import annotations

import os
from pathlib import Path

MAX_BYTES = 8_000_000
"""Bytes of a picture: a larger one is not sent."""

_KINDS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"GIF8", "image/gif"))


def read_picture(file: bytes | None) -> tuple[str, bytes] | None:
    """Read a picture, with its media type; None where there is none, or the file is no picture of a common kind."""
    path = None if file is None else Path(os.fsdecode(file))
    try:
        if path is None or not path.is_file() or path.stat().st_size > MAX_BYTES:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp", content
    return next(((kind, content) for begin, kind in _KINDS if content.startswith(begin)), None)
