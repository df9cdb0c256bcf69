"""Which decoder reads a file first, and which helps it out where it finds less audio than there should be."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.audio.decoders.av import open_av
from cfaudio_core.audio.decoders.base import EMPTY, Source
from cfaudio_core.audio.decoders.sndfile import open_sndfile

Opener = Callable[[str], contextlib.AbstractContextManager[Source]]


def openers(name: str) -> list[Opener]:
    """List what to open a file by, one after the other.

    libsndfile is fast and exact in its seeks, except for Vorbis and Opus: it takes twice as long as ffmpeg, some of its
    seeks in Vorbis are off by up to 20 ms, and from a damaged place it reads what comes after that. So it is helped out
    by ffmpeg, which goes by time stamps, and not the other way round.
    """
    with Path(name).open("rb") as file:
        packet = file.read(36)[28:]
    if packet.startswith((b"OpusHead", b"\x01vorbis")):
        return [open_av, open_sndfile]
    return [_open_both, open_av]


@contextlib.contextmanager
def _open_both(name: str) -> Iterator[Source]:
    with contextlib.ExitStack() as stack:
        yield _HelpedOut(stack.enter_context(open_sndfile(name)), lambda: stack.enter_context(open_av(name)))


class _HelpedOut:
    """A source, and another one to ask where it has less than its length promises; see `base.Source`."""

    def __init__(self, source: Source, open_other: Callable[[], Source]) -> None:
        self.rate, self.frames = source.rate, source.frames
        self._source, self._open_other = source, open_other

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Return middle and side of the frames from `start` on, of the decoder that gets more of them."""
        audio = self._source.read(start, count)
        if audio.shape[1] >= min(count, self.frames - start):
            return audio
        more = EMPTY
        with contextlib.suppress(Exception):  # whatever it raises, the first one's audio is as good as before
            more = self._other.read(start, count) if self._other.rate == self.rate else EMPTY
        return more if more.shape[1] > audio.shape[1] else audio

    @cached_property
    def _other(self) -> Source:
        return self._open_other()
