"""An audio file as all its 3 s windows, one after the other, a minute at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.audio.decoders.base import EMPTY, MAX_PIECE_FRAMES, Source, UndecodableError
from cfaudio_core.audio.decoders.opening import openers
from cfaudio_core.audio.melspec import SAMPLE_RATE, WINDOW_SAMPLES
from cfaudio_core.audio.windows import (
    CUT_SHORT,
    Window,
    Windows,
    audible,
    audio_errors,
    cut,
    fault_of,
    regular_file,
    spread_over_the_beginning,
)

# A minute of audio is 4 MB, however long the track; less of DSD, whose rates are above the usual ones.
_BLOCK_WINDOWS = 20
_USUAL_RATE_HZ = 768_000
# Blocks without any audio, in a row, after which the file counts as shorter than its header claims, unless one of some
# places in the rest has any: a hole of minutes may be a damaged disk's.
_MAX_EMPTY_BLOCKS = 2
_MORE_PLACES = 10


def read_whole(path: bytes | str | os.PathLike[str] | os.PathLike[bytes]) -> Iterator[Windows]:
    """Read a whole track in windows that touch; what does not fill a window is left out, half at either end.

    Parameters
    ----------
    path : bytes, str or path-like
        As `windows.read_windows` takes it.

    Yields
    ------
    Windows
        The next ones that can be analysed, at least one, as from `windows.read_windows`.

    Raises
    ------
    AudioError
        If the file has no window that can be analysed, with the reason.
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
    forward = _Forward(source)
    count, rest = divmod(source.frames * SAMPLE_RATE // source.rate, WINDOW_SAMPLES)
    begin = rest // 2
    faults: list[str | None] = []
    any_good, empty = False, 0
    block = min(_BLOCK_WINDOWS, max(1, _BLOCK_WINDOWS * _USUAL_RATE_HZ // source.rate))
    for first in range(0, count, block):
        with np.errstate(all="ignore"):
            windows = _cut_block(forward, source, begin + first * WINDOW_SAMPLES, min(block, count - first))
            faults = [fault_of(window) for window in windows]
        if None in faults:
            any_good = True
            yield audible(windows, faults)
        empty = empty + 1 if all(fault == CUT_SHORT for fault in faults) else 0
        if empty == _MAX_EMPTY_BLOCKS:
            if not _has_audio(source, begin, range(first + block, count)):
                break
            empty = 0
    if not any_good:
        # Shorter than a window, or than its header claims; or silent throughout, and then so is the beginning.
        with np.errstate(all="ignore"):
            # Of an unknown length, the beginning is all there is: as many as fit.
            windows = spread_over_the_beginning(source, max(1, count) if source.frames else MAX_PIECE_FRAMES)
            beginning = audible(windows, [fault_of(window) for window in windows])
        yield beginning


def _cut_block(forward: _Forward, source: Source, start: int, count: int) -> list[Window]:
    """Cut windows side by side from one read, and by themselves those that it lacks: it ends at the first damage."""
    windows = cut(forward, start, count)
    for i, (waveform, _) in enumerate(windows if count > 1 else []):
        if len(waveform) < WINDOW_SAMPLES:
            windows[i] = cut(source, start + i * WINDOW_SAMPLES)[0]
    return windows


def _has_audio(source: Source, begin: int, windows: range) -> bool:
    """Say whether any of a few windows that are spread over a range, the last one among them, is there."""
    some = windows[:: -max(1, len(windows) // _MORE_PLACES)]
    with np.errstate(all="ignore"):
        return any(fault_of(cut(source, begin + i * WINDOW_SAMPLES)[0]) != CUT_SHORT for i in some)


class _Forward:
    """A source that is read from the beginning to the end, and keeps what overlaps with the next block.

    A seek a little way back costs time, and in mp3 some audio: frames depend on those before them.
    """

    def __init__(self, source: Source) -> None:
        self.rate, self.frames = source.rate, source.frames
        self._source = source
        self._kept, self._end = EMPTY, 0

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        overlap = self._end - start
        kept = self._kept[:, -overlap:] if 0 < overlap <= self._kept.shape[1] and overlap < count else EMPTY
        if not kept.shape[1]:
            self._end = start
        new = self._source.read(self._end, count - kept.shape[1])
        self._end += new.shape[1]
        self._kept = np.concatenate([kept, new], axis=1)
        return self._kept
