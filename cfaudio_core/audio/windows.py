"""A music file to a few evenly spread 3 s windows at 16 kHz mono, whatever the file is.

Only the windows are decoded, not the track.  A header is never believed: lengths are tried, not allocated,
and a window that turns out to be missing, silent or not a number is left out.  When the file is
shorter than it says, or than a window, and none is left, its beginning is decoded as one piece and the
windows are spread over that.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from math import gcd
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from cfaudio_core.audio.decoders.av import open_av
from cfaudio_core.audio.decoders.base import Source, UndecodableError
from cfaudio_core.audio.decoders.sndfile import open_sndfile
from cfaudio_core.audio.decoders.vorbis import open_vorbis
from cfaudio_core.audio.melspec import SAMPLE_RATE, WINDOW_SAMPLES
from cfaudio_core.audio.stereo import stereo_width
from cfaudio_core.errors import AudioError

# Samples at 16 kHz read on both sides of a window (32 ms), so that the resampler has settled where it begins.
_MARGIN = 512
_SHORTEST_SECONDS = 0.5
# Frames that are decoded as one piece at most, 64 MiB of float32: three minutes at 44.1 kHz.
_LONGEST_PIECE = 1 << 23
# Full scale is 1.0.  Below -80 dBFS is dither; above +60 dBFS are numbers, not sound.
_SILENT_PEAK = 1e-4
_ABSURD_PEAK = 1e3

CUT_SHORT = "cut short"

Opener = Callable[[str], contextlib.AbstractContextManager[Source]]


class Window(NamedTuple):
    """One stretch of a track; shorter where sound is missing.

    Attributes
    ----------
    sound
        float32 (WINDOW_SAMPLES,): the mean of the channels at `logmel.SAMPLE_RATE`, full scale 1.0.
    width
        float32 (N_WIDTHS,), see `stereo.stereo_width`.
    """

    sound: NDArray[np.float32]
    width: NDArray[np.float32]


class Windows(NamedTuple):
    """k windows in the order of the track: float32 (k, WINDOW_SAMPLES) and float32 (k, N_WIDTHS), see `Window`."""

    sound: NDArray[np.float32]
    width: NDArray[np.float32]


def read_windows(path: bytes | str | os.PathLike[str] | os.PathLike[bytes], n_windows: int = 10) -> Windows:
    """Return up to `n_windows` windows, spread evenly over the track.

    The centre of window i lies at (i + 0.5) / n of the track.  A track shorter than n windows gives as many
    as fit side by side, one shorter than a window is repeated to fill it.

    Parameters
    ----------
    path : bytes, str or path-like
        A regular file (or a link to one); anything else is refused without being opened.
    n_windows : int
        How many windows are wanted, at least 1.

    Returns
    -------
    Windows
        1 <= k <= n_windows of them.

    Raises
    ------
    AudioError
        If the file has no window that can be heard; the message says why.
    ValueError
        If `n_windows` is less than 1.
    """
    if n_windows < 1:
        raise ValueError(f"n_windows must be at least 1, not {n_windows}")
    with audio_errors():
        name = regular_file(path)
        # The sums of absurd numbers overflow; the windows they are in are dropped.
        *others, last = openers(name)
        with np.errstate(all="ignore"):
            for opener in others:
                with contextlib.suppress(UndecodableError), opener(name) as source:
                    return _hear(source, n_windows)
            with last(name) as source:
                return _hear(source, n_windows)


def openers(name: str) -> list[Opener]:
    """Return the decoders to try for a file, one after the other.

    libsndfile is exact in its seeks and quick, but for Vorbis and Opus, for which it takes twice as long as ffmpeg.
    """
    with Path(name).open("rb") as file:
        packet = file.read(36)[28:]
    if packet == b"OpusHead":
        return [open_av, open_sndfile]
    return [*([open_vorbis] if packet.startswith(b"\x01vorbis") else []), open_sndfile, open_av]


@contextlib.contextmanager
def audio_errors() -> Iterator[None]:
    """Make an `AudioError` of whatever a decoder throws at a hostile file: it costs that file alone."""
    try:
        yield
    except AudioError:
        raise
    except OSError as error:
        raise AudioError(f"cannot be opened: {error.strerror or error}") from error
    except Exception as error:
        raise UndecodableError(f"{type(error).__name__} {error}") from error


def regular_file(path: bytes | str | os.PathLike[str] | os.PathLike[bytes]) -> str:
    """Return the name of a file that is fit to be opened."""
    name = os.fsdecode(path)
    if not stat.S_ISREG(Path(name).stat().st_mode):
        raise AudioError("not a regular file")
    return name


def _hear(source: Source, n_windows: int) -> Windows:
    windows = _spread(source, n_windows)
    faults = [fault_of(window) for window in windows]
    if None not in faults and (not faults or CUT_SHORT in faults):
        windows = spread_over_the_beginning(source, n_windows)
        faults = [fault_of(window) for window in windows]
    return audible(windows, faults)


def audible(windows: Sequence[Window], faults: Sequence[str | None]) -> Windows:
    """Stack the windows without a fault, or raise an `AudioError` with the first fault."""
    heard = [window for window, fault in zip(windows, faults, strict=True) if fault is None]
    if not heard:
        raise AudioError(next(fault for fault in faults if fault))
    return Windows(*map(np.stack, zip(*heard, strict=True)))


def _spread(source: Source, n_windows: int) -> list[Window]:
    """Cut the windows where the length of the source puts them; none if it is shorter than one."""
    length = source.frames * SAMPLE_RATE // source.rate
    n_windows = min(n_windows, length // WINDOW_SAMPLES)
    centres = ((2 * i + 1) * length // (2 * n_windows) for i in range(n_windows))
    return [cut(source, min(centre - WINDOW_SAMPLES // 2, length - WINDOW_SAMPLES))[0] for centre in centres]


def spread_over_the_beginning(source: Source, n_windows: int) -> list[Window]:
    """Decode the first minutes as one piece and cut the windows from that."""
    piece = _Piece(source.read(0, _LONGEST_PIECE), source.rate)
    if piece.frames < _SHORTEST_SECONDS * piece.rate:
        raise UndecodableError("too short")
    if windows := _spread(piece, n_windows):
        return windows
    middle = np.resize(_resample(piece.sound[0], piece.rate), WINDOW_SAMPLES)
    return [Window(middle, stereo_width(piece.sound, piece.rate))]


class _Piece:
    """Sound in memory as a `Source`, one that knows its length."""

    def __init__(self, sound: NDArray[np.float32], rate: int) -> None:
        self.sound, self.rate, self.frames = sound, rate, sound.shape[1]

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        return self.sound[:, start : start + count]


def cut(source: Source, start: int, count: int = 1) -> list[Window]:
    """Return windows side by side, from sample `start` of the track at 16 kHz on; short where sound is missing."""
    # Reading begins where a source frame and a 16 kHz sample coincide, so that the window lies on the
    # sample grid of the whole track: every 10 ms at 44.1 kHz, every second at the oddest rate.
    shared = gcd(source.rate, SAMPLE_RATE)
    frame_step, sample_step = source.rate // shared, SAMPLE_RATE // shared
    step = max(0, start - _MARGIN) // sample_step
    skipped = start - step * sample_step
    frames = -(-(skipped + count * WINDOW_SAMPLES + _MARGIN) * source.rate // SAMPLE_RATE)
    sound = source.read(step * frame_step, frames)
    middle = _resample(sound[0], source.rate)
    windows = []
    for first in range(skipped, skipped + count * WINDOW_SAMPLES, WINDOW_SAMPLES):
        last = first + WINDOW_SAMPLES
        here = slice(first * source.rate // SAMPLE_RATE, last * source.rate // SAMPLE_RATE)
        windows.append(Window(middle[first:last], stereo_width(sound[:, here], source.rate)))
    return windows


def _resample(sound: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    if rate == SAMPLE_RATE or not len(sound):
        return sound
    return np.asarray(soxr.resample(sound, rate, SAMPLE_RATE, quality="HQ"), dtype=np.float32)


def fault_of(window: Window) -> str | None:
    """Return what keeps the window from being heard, None if nothing does."""
    if len(window.sound) < WINDOW_SAMPLES:
        return CUT_SHORT
    low, high = float(window.sound.min()), float(window.sound.max())
    if not max(-low, high) <= _ABSURD_PEAK:  # nan compares false
        return "no finite samples"
    # Around their middle: a constant is silent however large it is.
    return "silent" if high - low < 2 * _SILENT_PEAK else None
