"""What a worker process does: files to features. It imports what that takes, and neither torch nor the store."""

from __future__ import annotations

import contextlib
import hashlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from cfaudio_core.audio.decoders.sndfile import silence_stderr
from cfaudio_core.audio.full_track import read_whole
from cfaudio_core.audio.melspec import band_statistics, log_mel
from cfaudio_core.audio.windows import read_windows
from cfaudio_core.backbones.registry import Names, Net, load_extractor
from cfaudio_core.errors import AudioError
from cfaudio_core.features.results import FeatureResult, file_state
from cfaudio_core.util.arrays import FloatArray

WHOLE = 0
"""In place of a number of windows: all of the track."""

MOST_KEPT = 20
"""Stretches of a track that is heard whole, whose means are kept: 28 kB, however long it is."""

HEADROOM = 2 << 30
"""Bytes that hearing a file may take in a worker process: several times what the longest piece does."""


@dataclass(frozen=True)
class ExtractorConfig:
    """What to listen with.

    Attributes
    ----------
    backbone
        Name of the pretrained net, or names of several.
    windows
        Windows of 3 s a track, or `WHOLE`.
    wheel
        A local wheel with the net's weights, or None to bring them through pip.
    """

    backbone: Names = "musicnn"
    windows: int = 10
    wheel: Path | None = None


class FileJob(NamedTuple):
    """A file to decode, and the content key that its audio already has ("": none yet)."""

    path: bytes
    key: str


Sign = Callable[[], None]
"""Called as a sign of life."""

MakeReady = Callable[[ExtractorConfig, Sign], Callable[[FileJob], FeatureResult]]
"""Makes what hears a file."""


def serve(pipe: Connection, ear: ExtractorConfig, ready: MakeReady) -> None:
    """Be a worker process: hear the files that come through the pipe, and answer for each by itself.

    Nothing that goes through it is ever long enough to wait for both ends. It ends with the pipe. An exception that is
    no problem of a file is answered too, for the user's process to raise.
    """
    # Ctrl-C is for the user's own process to answer, which then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    silence_stderr()
    with contextlib.suppress(EOFError, OSError):  # the user's process is gone
        try:
            hear = ready(ear, lambda: pipe.send(None))
            pipe.send(None)
            while True:
                pipe.send(hear(pipe.recv()))
        except (EOFError, OSError):
            raise
        except Exception as error:
            pipe.send(error)


def make_ready(ear: ExtractorConfig, sign: Sign) -> Callable[[FileJob], FeatureResult]:
    """Load the net, and set a limit to what a decoder may take."""
    threadpool_limits(1)  # the processes are the parallelism
    _net(ear.backbone, ear.wheel)
    _limit_memory()
    return lambda file: extract_file(file, ear, sign)


def _limit_memory() -> None:
    """Let this process take no more than it has and `HEADROOM`, where the system can see to that."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = pages * resource.getpagesize() + HEADROOM
        resource.setrlimit(resource.RLIMIT_AS, (wanted, most))


def extract_file(file: FileJob, ear: ExtractorConfig, sign: Sign = lambda: None) -> FeatureResult:
    """Hear one file; a file that cannot be heard comes back with its problem."""
    state = file_state(file.path)
    try:
        key, features = _listen(file.path, ear, sign)
        if not np.isfinite(features).all():
            raise AudioError("its sound is beyond all measure")
    except AudioError as error:
        return FeatureResult(file.path, state, problem=str(error))
    except MemoryError:
        return FeatureResult(file.path, state, problem="it takes too much memory")
    return FeatureResult(file.path, state, file.key or key, np.clip(features, -65504, 65504).astype(np.float16))


def _listen(path: bytes, ear: ExtractorConfig, sign: Sign) -> tuple[str, FloatArray]:
    """Content key and features of a file. Of a track heard whole, no more than a minute is in memory at a time."""
    net, sound, parts = _net(ear.backbone, ear.wheel), AudioKey(), []
    for windows in read_whole(path) if ear.windows == WHOLE else [read_windows(path, ear.windows)]:
        sound.add(windows.waveform)
        patches = log_mel(windows.waveform)
        parts.append(np.hstack([net(patches).pooled, band_statistics(patches), windows.width]))
        sign()
    features = np.concatenate(parts)
    return sound.key, even_means(features, MOST_KEPT) if ear.windows == WHOLE else features


class AudioKey:
    """A key of the sound itself, that neither tags nor the file's name enter."""

    def __init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=16)

    def add(self, windows: FloatArray) -> None:
        """Take in float32 (windows, samples) at 16 kHz; in 16 bits."""
        samples = windows * np.float32(32767)
        np.rint(samples, out=samples)
        np.clip(samples, -32767, 32767, out=samples)
        self._digest.update(samples.astype("<i2").data)

    @property
    def key(self) -> str:
        """32 hex digits."""
        return self._digest.hexdigest()


def even_means(rows: FloatArray, most: int) -> FloatArray:
    """Means of `most` equal stretches of (n, dim) rows, or the rows where there are no more of them.

    A row on a border counts in both stretches by its share, so that the mean of all stretches is that of all rows.
    """
    n = len(rows)
    if n <= most:
        return rows
    ends = np.linspace(0, n, most + 1)
    row = np.arange(n)
    shares = np.minimum(ends[1:, None], row + 1) - np.maximum(ends[:-1, None], row)
    weights: NDArray[np.float64] = np.clip(shares, 0, None) * (most / n)
    return np.asarray(weights @ rows, np.float32)


@lru_cache(maxsize=1)
def _net(backbone: Names, wheel: Path | None) -> Net:
    """The net or nets, loaded once a process."""
    return load_extractor(backbone, wheel=wheel)
