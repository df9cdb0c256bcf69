"""An audio file to a few evenly spread 3 s waveform windows at 16 kHz mono, whatever its format.

Only the windows are decoded, not the track. A header is never trusted: lengths are tried, not allocated, and a window
that turns out to be missing, silent or not a number is left out. When the file is shorter than its header claims, or
than a window, and none is left, its beginning is decoded as one piece and the windows are spread over that.
"""

from __future__ import annotations

import contextlib
import functools
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from math import gcd
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.audio.decoders.base import MAX_PIECE_FRAMES, Source, UndecodableError
from cfaudio_core.audio.decoders.opening import openers
from cfaudio_core.audio.melspec import SAMPLE_RATE, WINDOW_SAMPLES
from cfaudio_core.audio.stereo import stereo_width
from cfaudio_core.errors import AudioError

# Samples at 16 kHz read on both sides of a window (32 ms), so that the resampler has settled where it begins.
_MARGIN_SAMPLES = 512
_MIN_LENGTH_S = 0.5
_PASS_BAND = 0.913  # of soxr's "HQ"
# Full scale is 1.0. Below -80 dBFS is dither; above +60 dBFS are numbers, not audio.
_SILENT_PEAK = 1e-4
_MAX_PEAK = 1e3

CUT_SHORT = "cut short"

Window = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Waveform and stereo width of one stretch of a track; the waveform is shorter where audio is missing."""


class Windows(NamedTuple):
    """Windows of a track, in its order.

    Attributes
    ----------
    waveform
        float32 (k, WINDOW_SAMPLES): the mean of the channels at `melspec.SAMPLE_RATE`, full scale 1.0.
    width
        float32 (k, N_WIDTHS), see `stereo.stereo_width`.
    """

    waveform: NDArray[np.float32]
    width: NDArray[np.float32]


def read_windows(path: bytes | str | os.PathLike[str] | os.PathLike[bytes], n_windows: int = 10) -> Windows:
    """Read up to `n_windows` windows, spread evenly over the track.

    The centre of window i lies at (i + 0.5) / n of the track.  A track shorter than n windows gives as many
    as fit side by side, one shorter than a window is repeated to fill it.

    Parameters
    ----------
    path : bytes, str or path-like
        A regular file (or a link to one); anything else is refused without being opened.
    n_windows : int
        Number of windows requested, at least 1.

    Returns
    -------
    Windows
        1 <= k <= n_windows of them.

    Raises
    ------
    AudioError
        If the file has no window that can be analysed, with the reason.
    ValueError
        If `n_windows` is less than 1.
    """
    if n_windows < 1:
        raise ValueError(f"n_windows must be at least 1, not {n_windows}")
    with audio_errors():
        name = regular_file(path)
        # The sums of absurd numbers overflow; the windows they are in are dropped.
        first, second = openers(name)
        with np.errstate(all="ignore"):
            with contextlib.suppress(UndecodableError), first(name) as source:
                return _read(source, n_windows)
            with second(name) as source:
                return _read(source, n_windows)


@contextlib.contextmanager
def audio_errors() -> Iterator[None]:
    """Raise an `AudioError` in place of whatever a decoder raises on a hostile file: it costs that file alone."""
    try:
        yield
    except AudioError:
        raise
    except OSError as error:
        raise AudioError(f"cannot be opened: {error.strerror or error}") from error
    except Exception as error:
        raise UndecodableError(f"{type(error).__name__} {error}") from error


def regular_file(path: bytes | str | os.PathLike[str] | os.PathLike[bytes]) -> str:
    """Return the name of a regular file; raise an `AudioError` for anything else."""
    name = os.fsdecode(path)
    if not stat.S_ISREG(Path(name).stat().st_mode):
        raise AudioError("not a regular file")
    return name


def _read(source: Source, n_windows: int) -> Windows:
    """Read the windows that can be analysed."""
    windows = _spread(source, n_windows)
    faults = [fault_of(window) for window in windows]
    if None not in faults and (not faults or CUT_SHORT in faults):
        windows = spread_over_the_beginning(source, n_windows)
        faults = [fault_of(window) for window in windows]
    return audible(windows, faults)


def audible(windows: Sequence[Window], faults: Sequence[str | None]) -> Windows:
    """Stack the windows without a fault, or raise an `AudioError` with the first fault."""
    kept = [window for window, fault in zip(windows, faults, strict=True) if fault is None]
    if not kept:
        raise AudioError(next(fault for fault in faults if fault))
    return Windows(*map(np.stack, zip(*kept, strict=True)))


def _spread(source: Source, n_windows: int) -> list[Window]:
    """Cut the windows where the length of the source puts them; none if it is shorter than one."""
    length = source.frames * SAMPLE_RATE // source.rate
    n_windows = min(n_windows, length // WINDOW_SAMPLES)
    centres = ((2 * i + 1) * length // (2 * n_windows) for i in range(n_windows))
    return [cut(source, min(centre - WINDOW_SAMPLES // 2, length - WINDOW_SAMPLES))[0] for centre in centres]


def spread_over_the_beginning(source: Source, n_windows: int) -> list[Window]:
    """Decode the first minutes as one piece and cut the windows from that."""
    piece = _Piece(source.read(0, MAX_PIECE_FRAMES), source.rate)
    if piece.frames < _MIN_LENGTH_S * piece.rate:
        raise UndecodableError("too short")
    if windows := _spread(piece, n_windows):
        return windows
    middle = np.resize(_resample(piece.audio[0], piece.rate), WINDOW_SAMPLES)
    return [(middle, stereo_width(piece.audio, piece.rate))]


class _Piece:
    """Decoded audio as a `Source`, one that knows its length."""

    def __init__(self, audio: NDArray[np.float32], rate: int) -> None:
        self.audio, self.rate, self.frames = audio, rate, audio.shape[1]

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        return self.audio[:, start : start + count]


def cut(source: Source, start: int, count: int = 1) -> list[Window]:
    """Cut windows side by side, from sample `start` of the track at 16 kHz on; short where audio is missing."""
    # Reading begins where a source frame and a 16 kHz sample coincide, so that the window lies on the
    # sample grid of the whole track: every 10 ms at 44.1 kHz, every second at the oddest rate.
    shared = gcd(source.rate, SAMPLE_RATE)
    frame_step, sample_step = source.rate // shared, SAMPLE_RATE // shared
    step = max(0, start - _MARGIN_SAMPLES) // sample_step
    skipped = start - step * sample_step
    frames = -(-(skipped + count * WINDOW_SAMPLES + _MARGIN_SAMPLES) * source.rate // SAMPLE_RATE)
    audio = source.read(step * frame_step, frames)
    middle = _resample(audio[0], source.rate)
    windows = []
    for first in range(skipped, skipped + count * WINDOW_SAMPLES, WINDOW_SAMPLES):
        last = first + WINDOW_SAMPLES
        here = slice(first * source.rate // SAMPLE_RATE, last * source.rate // SAMPLE_RATE)
        windows.append((middle[first:last], stereo_width(audio[:, here], source.rate)))
    return windows


def _resample(waveform: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    if rate == SAMPLE_RATE or not len(waveform):
        return waveform
    return np.asarray(_resampler()(waveform, rate), dtype=np.float32)


@functools.cache
def _resampler() -> Callable[[NDArray[np.float32], int], NDArray[np.float32]]:
    """Load soxr, or what takes its place where it cannot be had."""
    try:
        import soxr
    except ImportError:
        return resample_by_scipy
    return lambda waveform, rate: soxr.resample(waveform, rate, SAMPLE_RATE, quality="HQ")


def resample_by_scipy(waveform: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Resample to `SAMPLE_RATE` by a polyphase filter with the pass band of soxr's, and 90 dB of damping above it."""
    from scipy import signal

    shared = gcd(rate, SAMPLE_RATE)
    up, down = SAMPLE_RATE // shared, rate // shared
    taps, beta = signal.kaiserord(90.0, (1 - _PASS_BAND) / max(up, down))
    band = signal.firwin(taps | 1, (1 + _PASS_BAND) / 2 / max(up, down), window=("kaiser", beta))
    resampled: NDArray[np.float32] = signal.resample_poly(waveform, up, down, window=band.astype(np.float32))
    return resampled


def fault_of(window: Window) -> str | None:
    """Tell why a window cannot be analysed, None if it can."""
    waveform, _ = window
    if len(waveform) < WINDOW_SAMPLES:
        return CUT_SHORT
    low, high = float(waveform.min()), float(waveform.max())
    if not max(-low, high) <= _MAX_PEAK:  # nan compares false
        return "no finite samples"
    # Around their middle: a constant is silent however large it is.
    return "silent" if high - low < 2 * _SILENT_PEAK else None
