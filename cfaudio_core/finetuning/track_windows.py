"""Windows of a library's tracks, read again to train a net on them or to predict by one."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from cfaudio_core.audio.melspec import FRAMES, N_MELS, band_statistics, log_mel
from cfaudio_core.backbones.registry import Backbone, load_backbone, load_extractor
from cfaudio_core.errors import AudioError, SettingError
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import ExtractorConfig, FeatureResult, FileJob
from cfaudio_core.finetuning.augmentation import remaster
from cfaudio_core.util.progress import progress

if TYPE_CHECKING:
    from cfaudio_core.features.worker import Heartbeat

_MAX_WINDOWS = 10  # that are read again of a track, also where it was analysed whole
MASTERINGS, _WINDOWS_EACH = 2, 2  # how often a track is mastered anew, and of how many windows
_REMASTERED = "remastered-1-"  # and the id of a net: stored as features are; another one when it is done otherwise
_BATCH_TRACKS = 100


class TrackWindows(NamedTuple):
    """Windows of tracks by their content keys; keys that cannot be read are left out.

    Attributes
    ----------
    store
        Keeps the extracted features.
    net
        Id of the pretrained net that they come from.
    config
        The same net, and the number of windows.
    paths
        Content key to a file; of a key without one only what is stored is read.
    jobs
        Worker processes.
    """

    store: FeatureStore
    net: str
    config: ExtractorConfig
    paths: Mapping[str, bytes]
    jobs: int

    def features(self, keys: Sequence[str]) -> Iterator[tuple[str, npt.NDArray[np.float16]]]:
        """Yield (key, features (windows, dim)) from the store, in any order."""
        return self.store.read_parts(self.net, keys)

    def patches(self, keys: Sequence[str]) -> Iterator[tuple[str, npt.NDArray[np.float16]]]:
        """Yield (key, log-mel patches (windows, 187, 96)) from the files, in any order."""
        from cfaudio_core.features.worker_pool import extract_in_processes  # decoders take half a second to load

        config = replace(self.config, windows=min(self.config.windows or _MAX_WINDOWS, _MAX_WINDOWS))
        jobs = [FileJob(self.paths[key], key) for key in keys]
        with progress("Reading", len(keys)) as advance:
            for result in extract_in_processes(jobs, config, min(self.jobs, len(jobs)), ready=_prepare_patches):
                advance(1)
                if result.features is not None:  # else its problem is told when it is analysed; here it is left out
                    yield result.key, result.features.reshape(-1, FRAMES, N_MELS)

    def remastered(self, keys: Sequence[str]) -> dict[str, npt.NDArray[np.float16]]:
        """Extract features of windows mastered anew, float16 (MASTERINGS * windows of each, dim) by key.

        They are stored, for they never change. Tracks that cannot be read are left out.
        """
        from cfaudio_core.features.worker_pool import extract_in_processes

        net, n_read = f"{_REMASTERED}{self.net}", MASTERINGS * _WINDOWS_EACH
        left = sorted((set(keys) & self.paths.keys()) - self.store.keys(net, n_read))
        if left:
            jobs = [FileJob(self.paths[key], key) for key in left]
            config = replace(self.config, windows=n_read)
            with progress("Remastering", len(left)) as advance:
                batch = []
                for result in extract_in_processes(jobs, config, min(self.jobs, len(jobs)), ready=_prepare_remastered):
                    advance(1)
                    batch.append(result._replace(state=None))
                    if len(batch) == _BATCH_TRACKS:
                        self.store.add(net, n_read, [one for one in batch if one.features is not None])
                        batch = []
                self.store.add(net, n_read, [one for one in batch if one.features is not None])
        return dict(self.store.read(net, keys))

    def backbone(self) -> Backbone:
        """Load the pretrained net, whole."""
        if not isinstance(name := self.config.backbone, str):
            raise SettingError("fine_tune: of several nets only the head can be trained")
        return load_backbone(name, wheel=self.config.wheel)


def _prepare_remastered(config: ExtractorConfig, sign: Heartbeat) -> Callable[[FileJob], FeatureResult]:
    """Make a worker process master a track anew in several ways, each with windows of its own, and extract features."""
    from cfaudio_core.audio.windows import read_windows

    threadpool_limits(1)
    net = load_extractor(config.backbone, wheel=config.wheel)

    def extract(job: FileJob) -> FeatureResult:
        rng = np.random.default_rng(zlib.crc32(job.key.encode()))  # a track's masterings are the same every time
        try:
            waveforms = read_windows(job.path, config.windows).waveform
        except AudioError as error:
            return FeatureResult(job.path, None, job.key, problem=str(error))
        rows = []
        for each in np.arange(MASTERINGS * _WINDOWS_EACH).reshape(_WINDOWS_EACH, MASTERINGS).T:
            patches = log_mel(remaster(waveforms[each % len(waveforms)], rng))
            rows.append(np.hstack([net(patches).pooled, band_statistics(patches)]))
            sign()
        return FeatureResult(job.path, None, job.key, np.clip(np.concatenate(rows), -65504, 65504).astype(np.float16))

    return extract


def _prepare_patches(config: ExtractorConfig, sign: Heartbeat) -> Callable[[FileJob], FeatureResult]:
    """Make a worker process read log-mel patches: float16 (windows, 187 * 96) as the features of a file."""
    from cfaudio_core.audio.windows import read_windows

    threadpool_limits(1)

    def read(job: FileJob) -> FeatureResult:
        try:
            patches = log_mel(read_windows(job.path, config.windows).waveform)
        except AudioError as error:
            return FeatureResult(job.path, None, job.key, problem=str(error))
        return FeatureResult(job.path, None, job.key, patches.reshape(len(patches), -1).astype(np.float16))

    return read
