"""Files to features, in worker processes, kept as they come: what is heard once is never decoded again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import joblib
import numpy as np

from cfaudio_core.audio.decode import read_windows
from cfaudio_core.audio.logmel import band_statistics, log_mel
from cfaudio_core.audio.sndfile_reader import quiet_stderr, silence_stderr
from cfaudio_core.embedding.feature_store import FeatureStore, Heard, Known, file_state
from cfaudio_core.errors import AudioError
from cfaudio_core.nets.backbone import BACKBONES
from cfaudio_core.nets.weights import load_weights
from cfaudio_core.tracks import FloatArray, Tracks

if TYPE_CHECKING:
    from cfaudio_core.nets.backbone import Backbone

_BATCH = 8  # tracks a task: a task's overhead is small against a second of work, and little is lost on ctrl-C


@dataclass(frozen=True)
class Ear:
    """What to listen with.

    Attributes
    ----------
    backbone
        Name of the pretrained net.
    windows
        Windows of 3 s a track.
    wheel
        A local wheel with the net's weights, or None to bring them through pip.
    """

    backbone: str = "musicnn"
    windows: int = 10
    wheel: Path | None = None


class ToHear(NamedTuple):
    """A file to decode, and the content key that its audio already has ("": none yet)."""

    path: bytes
    key: str


@dataclass
class Hearing:
    """What is known, and what is left to hear, of a library.

    Attributes
    ----------
    keys
        n content keys, "" where a track is not heard (yet).
    left
        The files to decode.
    problems
        File name to what is wrong with it, for the files that an earlier run could not hear.
    """

    keys: list[str]
    left: list[ToHear] = field(default_factory=list)
    problems: dict[bytes, str] = field(default_factory=dict)


def plan(tracks: Tracks, store: FeatureStore, net: str, windows: int, *, force: bool = False) -> Hearing:
    """Find out which tracks need hearing, without opening a file.

    A track is known by the content key that the library keeps for it, so that it may move and be retagged; else by its
    file's name, size and time, so that an interrupted run resumes.
    """
    there = store.keys(net, windows)
    files = store.files()
    hearing = Hearing(keys=[""] * len(tracks))
    queued: set[bytes] = set()
    for i, (path, key) in enumerate(zip(tracks.paths, tracks.keys, strict=True)):
        if key and key in there and not force:
            hearing.keys[i] = key
            continue
        state = file_state(path)
        known = files.get(state, Known("", "")) if state else Known("", "")
        if not force and known.key in there:
            hearing.keys[i] = known.key
        elif not force and known.problem:
            hearing.problems[path] = known.problem
        elif path not in queued:
            hearing.left.append(ToHear(path, key or known.key))
            queued.add(path)
    return hearing


def hear(
    files: Sequence[ToHear],
    ear: Ear,
    store: FeatureStore,
    net: str,
    *,
    jobs: int,
    on_progress: Callable[[int], None] = lambda n: None,
) -> Iterator[Heard]:
    """Hear files, store their features as they come, and yield the outcomes.

    Parameters
    ----------
    files
        What to decode; see `plan`.
    ear
        The net and the number of windows.
    store
        Where features go, a batch a transaction.
    net
        Id of the net, for the store.
    jobs
        Worker processes; 1 hears in this process.
    on_progress
        Called with the number of files done since the last call.

    Yields
    ------
    Heard
        One a file, in the order in which they are done.
    """
    load_weights(BACKBONES[ear.backbone], wheel=ear.wheel)  # here, once: not by every worker at the same time
    work = joblib.delayed(_hear_files_here if jobs == 1 else _hear_files_quietly)
    tasks = (work(files[i : i + _BATCH], ear) for i in range(0, len(files), _BATCH))
    # A worker computes with one thread: the processes are the parallelism.
    with joblib.parallel_config("loky", inner_max_num_threads=1) if jobs > 1 else joblib.parallel_config("sequential"):
        done: Iterable[list[Heard]] = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks)
        for batch in done:
            store.add(net, ear.windows, batch)
            on_progress(len(batch))
            yield from batch


def hear_files(files: Sequence[ToHear], ear: Ear) -> list[Heard]:
    """Hear some files, one after the other."""
    return [hear_file(file, ear) for file in files]


def _hear_files_here(files: Sequence[ToHear], ear: Ear) -> list[Heard]:
    """What the only worker does, in the user's own process."""
    with quiet_stderr():
        return hear_files(files, ear)


def _hear_files_quietly(files: Sequence[ToHear], ear: Ear) -> list[Heard]:
    """What a worker does: a process of its own, whose decoders' complaints about damaged frames nobody reads."""
    _silence_once()
    return hear_files(files, ear)


@lru_cache(maxsize=1)
def _silence_once() -> None:
    silence_stderr()


def hear_file(file: ToHear, ear: Ear) -> Heard:
    """Hear one file; a file that cannot be heard comes back with its problem."""
    state = file_state(file.path)
    try:
        windows = read_windows(file.path, ear.windows)
        patches = log_mel(windows)
        features = np.hstack([_net(ear.backbone, ear.wheel).features(patches).pooled, band_statistics(patches)])
        if not np.isfinite(features).all():
            raise AudioError("its sound is beyond all measure")
    except AudioError as error:
        return Heard(file.path, state, problem=str(error))
    return Heard(
        file.path,
        state,
        file.key or content_key(windows),
        np.clip(features, -65504, 65504).astype(np.float16),
    )


def content_key(windows: FloatArray) -> str:
    """A key of the sound itself, that neither tags nor the file's name enter: 32 hex digits.

    Parameters
    ----------
    windows
        float32 (windows, samples) at 16 kHz; hashed in 16 bits.
    """
    samples = np.round(np.clip(windows, -1, 1) * 32767).astype("<i2")
    return hashlib.blake2b(samples.tobytes(), digest_size=16).hexdigest()


@lru_cache(maxsize=1)
def _net(backbone: str, wheel: Path | None) -> Backbone:
    """The net, loaded once a process; torch is imported here and not before."""
    import torch

    from cfaudio_core.nets.backbone import load_backbone

    torch.set_num_threads(1)
    return load_backbone(backbone, wheel=wheel)
