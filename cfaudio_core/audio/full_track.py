"""A music file as all its 3 s windows, one after the other, a minute at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.audio.decoders.base import NO_SOUND, Source, UndecodableError
from cfaudio_core.audio.melspec import SAMPLE_RATE, WINDOW_SAMPLES
from cfaudio_core.audio.windows import (
    CUT_SHORT,
    Windows,
    audible,
    audio_errors,
    cut,
    fault_of,
    openers,
    regular_file,
    spread_over_the_beginning,
)

# Windows a block: a minute of sound is 4 MB, however long the track.
_BLOCK = 20
# Blocks without any sound to them, in a row, after which the file is taken to be shorter than it says.
_PATIENCE = 2


def read_whole(path: bytes | str | os.PathLike[str] | os.PathLike[bytes]) -> Iterator[Windows]:
    """Read a whole track in windows that touch; what does not fill a window is left out, half at either end.

    Parameters
    ----------
    path : bytes, str or path-like
        As `decode.read_windows` takes it.

    Yields
    ------
    Windows
        The next ones that can be heard, at least one, as from `decode.read_windows`.

    Raises
    ------
    AudioError
        If the file has no window that can be heard; the message says why.
    """
    with audio_errors():
        name = regular_file(path)
        *others, last = openers(name)
        for opener in others:
            # It comes before the first window or not at all.
            with contextlib.suppress(UndecodableError), opener(name) as source:
                yield from _blocks(source)
                return
        with last(name) as source:
            yield from _blocks(source)


def _blocks(source: Source) -> Iterator[Windows]:
    source = _Forward(source)
    count, rest = divmod(source.frames * SAMPLE_RATE // source.rate, WINDOW_SAMPLES)
    faults: list[str | None] = []
    any_heard, barren = False, 0
    for first in range(0, count, _BLOCK):
        with np.errstate(all="ignore"):
            windows = cut(source, rest // 2 + first * WINDOW_SAMPLES, min(_BLOCK, count - first))
            faults = [fault_of(window) for window in windows]
        if None in faults:
            any_heard = True
            yield audible(windows, faults)
        barren = barren + 1 if all(fault == CUT_SHORT for fault in faults) else 0
        if barren == _PATIENCE:
            break
    if not any_heard:
        # Too short for a window, or for what it says; or silent throughout, and then so is the beginning.
        with np.errstate(all="ignore"):
            windows = spread_over_the_beginning(source, max(1, count))
            found = audible(windows, [fault_of(window) for window in windows])
        yield found


class _Forward:
    """A source that is read from the beginning to the end, and keeps what overlaps with the next block.

    A seek a little way back costs time, and in mp3 some sound: frames lean on those before them.
    """

    def __init__(self, source: Source) -> None:
        self.rate, self.frames = source.rate, source.frames
        self._source = source
        self._kept, self._end = NO_SOUND, 0

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        overlap = self._end - start
        kept = self._kept[:, -overlap:] if 0 < overlap <= self._kept.shape[1] and overlap < count else NO_SOUND
        if not kept.shape[1]:
            self._end = start
        new = self._source.read(self._end, count - kept.shape[1])
        self._end += new.shape[1]
        self._kept = np.concatenate([kept, new], axis=1)
        return self._kept
