"""A worker process: files to features. It imports what that takes, and neither torch nor the store."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
from collections.abc import Callable
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from cfaudio_core.audio.decoders.base import UndecodableError
from cfaudio_core.audio.decoders.sndfile import silence_stderr
from cfaudio_core.audio.descriptors import N_DESCRIPTORS, describe_windows, load_librosa
from cfaudio_core.audio.full_track import read_whole
from cfaudio_core.audio.melspec import band_statistics, log_mel
from cfaudio_core.audio.windows import read_windows
from cfaudio_core.backbones.registry import Names, Net, load_extractor
from cfaudio_core.errors import AudioError
from cfaudio_core.features.jobs import FULL_TRACK, ExtractorConfig, FeatureResult, FileJob, file_state
from cfaudio_core.util.arrays import FloatArray
from cfaudio_core.util.optional import has_package

MAX_STRETCHES = 20
"""Stretches of a track that is analysed whole, whose means are kept: 28 kB, however long it is."""

HEADROOM_BYTES = 2 << 30
"""Memory that analysing a file may take in a worker process: several times what the longest piece does."""

_PIECE_BYTES = 1 << 24

Heartbeat = Callable[[], None]
"""Called as a sign of life."""

MakeReady = Callable[[ExtractorConfig, Heartbeat], Callable[[FileJob], FeatureResult]]
"""Prepares a process, and makes the function that analyses a file."""


def serve(pipe: Connection, config: ExtractorConfig, ready: MakeReady) -> None:
    """Run a worker process: analyse the files that come through the pipe, and answer for each by itself.

    Nothing that goes through it is ever long enough to wait for both ends. The process ends with the pipe. An exception
    that is no problem of a file is sent too, for the user's process to raise.
    """
    # Ctrl-C is for the user's own process to answer, which then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    silence_stderr()
    with contextlib.suppress(EOFError, OSError):  # the user's process is gone
        try:
            analyse = ready(config, lambda: pipe.send(None))
            pipe.send(None)
            while True:
                pipe.send(analyse(pipe.recv()))
        except (EOFError, OSError):
            raise
        except Exception as error:
            pipe.send(error)


def make_ready(config: ExtractorConfig, beat: Heartbeat) -> Callable[[FileJob], FeatureResult]:
    """Load the net and librosa, and set a limit to the memory that a decoder may take."""
    threadpool_limits(1)  # the processes are the parallelism
    _net(config.backbone, config.wheel)
    if has_package("librosa"):
        load_librosa()
    _limit_memory()
    return lambda file: extract_file(file, config, beat)


def _limit_memory() -> None:
    """Limit this process to the memory it has and `HEADROOM_BYTES`, where the system can see to that."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + HEADROOM_BYTES, hard))


def extract_file(file: FileJob, config: ExtractorConfig, beat: Heartbeat = lambda: None) -> FeatureResult:
    """Analyse one file; the result of a file that cannot be analysed has its problem.

    Only what a decoder refuses is remembered, and only if the file can be read from one end to the other.
    """
    state = file_state(file.path)
    try:
        key, features, descriptors = _extract(file, config, beat)
        if file.verify and key != file.key and not (file.net and file.descriptors):
            key, features, descriptors = _extract(FileJob(file.path, ""), config, beat)
        if features is not None and not np.isfinite(features).all():
            raise AudioError("its features are not finite")
        if features is not None and len(features) < config.windows:
            _read_through(file.path, beat)  # a bad sector looks like the end of the track
    except AudioError as error:
        if _may_pass(error):
            return FeatureResult(file.path, None, problem=str(error))
        try:
            _read_through(file.path, beat)
        except AudioError as unreadable:
            return FeatureResult(file.path, None, problem=str(unreadable))
        return FeatureResult(file.path, state, problem=str(error))
    except MemoryError:
        return FeatureResult(file.path, None, problem="it takes too much memory")
    if descriptors is not None and not np.isfinite(descriptors).all():
        descriptors = np.zeros((0, N_DESCRIPTORS), np.float32)
    key = key if file.verify else file.key or key
    return FeatureResult(file.path, state, key, _stored(features), descriptors=_stored(descriptors))


def _may_pass(error: AudioError) -> bool:
    """Tell whether the machine failed and not the file: a disk, a right or the memory."""
    cause = error.__cause__
    by_system = isinstance(cause, OSError) and cause.errno and not isinstance(error, UndecodableError)
    return isinstance(cause, MemoryError) or bool(by_system)


def _read_through(path: bytes, beat: Heartbeat) -> None:
    """Read a file to its end, if it is one; an `AudioError` where the disk cannot."""
    name = Path(os.fsdecode(path))
    try:
        if not name.is_file():
            return
        with name.open("rb", buffering=0) as file:
            while file.read(_PIECE_BYTES):
                beat()
    except OSError as error:
        raise AudioError(f"cannot be read: {error.strerror or error}") from error


def _stored(features: FloatArray | None) -> NDArray[np.float16] | None:
    return None if features is None else np.clip(features, -65504, 65504).astype(np.float16)


def _extract(
    file: FileJob, config: ExtractorConfig, beat: Heartbeat
) -> tuple[str, FloatArray | None, FloatArray | None]:
    """Compute content key, features and descriptors of a file, the last two where they are asked for.

    Features are pooled activations, band statistics and stereo width of each window. Of a track that is analysed whole,
    no more than a minute is in memory at a time.
    """
    describes = file.descriptors and has_package("librosa")
    whole, digest = config.windows == FULL_TRACK, hashlib.blake2b(digest_size=16)
    features: list[FloatArray] = []
    descriptors: list[FloatArray] = []
    for windows in read_whole(file.path) if whole else [read_windows(file.path, config.windows)]:
        digest.update(key_samples(windows.waveform))
        patches = log_mel(windows.waveform)
        if file.net:
            pooled = _net(config.backbone, config.wheel)(patches).pooled
            features.append(np.hstack([pooled, band_statistics(patches), windows.width]))
        if describes:
            descriptors.append(describe_windows(windows.waveform, patches))
        beat()
    most = MAX_STRETCHES if whole else config.windows
    of_net, described = (even_means(np.concatenate(rows), most) if rows else None for rows in (features, descriptors))
    return digest.hexdigest(), of_net, described


def key_samples(windows: FloatArray) -> bytes:
    """Convert waveforms, float32 (windows, samples), to the 16 bit samples of which the digest is the content key.

    The key depends neither on tags nor on the file's name.
    """
    samples = windows * np.float32(32767)
    np.rint(samples, out=samples)
    np.clip(samples, -32767, 32767, out=samples)
    return samples.astype("<i2").tobytes()


def even_means(rows: FloatArray, most: int) -> FloatArray:
    """Average `most` equal stretches of (n, dim) rows, or return the rows where there are no more of them.

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
    """Load the net or nets, once a process."""
    return load_extractor(backbone, wheel=wheel)
