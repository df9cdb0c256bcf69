"""XML as programs write it: letters that XML forbids cost a letter, and not the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import TextIOWrapper

from cfaudio_core.history.readers.encoding import WESTERN
from cfaudio_core.history.readers.files import Member, errors_named, first_bytes

_CHUNK = 1 << 16
_DECLARED = re.compile(rb"""<\?xml[^>]*\bencoding=["']([\w.-]+)""")
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9A-Fa-f]+);)")
_REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]{1,6})|(\d{1,7}));")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNFINISHED = re.compile(r"(?:&#\w{1,8};)?(?:&[#\w]{0,32})?$")  # what may go on in the next chunk


def xml_chunks(member: Member) -> Iterator[str]:
    """Read the text of an XML file in its declared encoding, without what a parser would refuse."""
    declared = _DECLARED.search(first_bytes(member))
    encoding = declared[1].decode().lower() if declared else "utf-8"
    if encoding.startswith("utf"):
        encoding = "utf-8-sig"  # see Member.open
    with errors_named(member.name), member.open() as raw:
        text = TextIOWrapper(raw, encoding, WESTERN if encoding == "utf-8-sig" else "replace", newline="")
        rest = ""
        while piece := text.read(_CHUNK):
            rest += piece
            end = _UNFINISHED.search(rest, max(0, len(rest) - 64)).start()  # type: ignore[union-attr]
            yield _allowed(rest[:end])
            rest = rest[end:]
        yield _allowed(rest)


def _allowed(text: str) -> str:
    text = _REFERENCE.sub(_to_allowed, _BARE_AMPERSAND.sub("&amp;", _FORBIDDEN.sub(" ", text)))
    if _SURROGATE.search(text):  # pairs are a letter
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _to_allowed(reference: re.Match[str]) -> str:
    code = int(reference[1], 16) if reference[1] else int(reference[2])
    if 0xD800 <= code < 0xE000:
        return chr(code)
    return " " if code > 0x10FFFF or _FORBIDDEN.match(chr(code)) else reference[0]
