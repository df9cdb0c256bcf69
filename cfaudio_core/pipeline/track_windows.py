"""The windows of a library's tracks, for whoever learns from them one by one or listens to them in its own way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from cfaudio_core.audio.melspec import FRAMES, N_MELS, log_mel
from cfaudio_core.audio.windows import read_windows
from cfaudio_core.backbones.registry import Backbone, load_backbone
from cfaudio_core.errors import AudioError, SettingError
from cfaudio_core.features.feature_matrix import FeatureMatrix, ReadSummaries
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.results import FeatureResult
from cfaudio_core.features.worker import ExtractorConfig, FileJob, Sign
from cfaudio_core.features.worker_pool import extract_in_processes
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.models.model_files import Model
from cfaudio_core.models.track_predictions import space_of
from cfaudio_core.util.arrays import FloatArray, float32
from cfaudio_core.util.progress import progress

_MOST = 10  # windows that are read again of a track, also where it was heard whole
_KEPT_AT_ONCE = 100
_SAID = "said-"  # and the id of a model: what its nets say is kept as what a net has heard


class TrackWindows(NamedTuple):
    """Windows of tracks by their content keys, as `learning.tuned.Windows` asks for them.

    Attributes
    ----------
    store
        What was heard.
    net
        Id of the net that heard it.
    ear
        The same net, and the number of windows.
    paths
        Content key to a file.
    jobs
        Worker processes.
    """

    store: FeatureStore
    net: str
    ear: ExtractorConfig
    paths: Mapping[str, bytes]
    jobs: int

    def features(self, keys: Sequence[str]) -> Iterator[tuple[str, npt.NDArray[np.float16]]]:
        """(key, features (windows, dim)) of what was heard, in any order."""
        return self.store.read(self.net, keys)

    def patches(self, keys: Sequence[str]) -> Iterator[tuple[str, npt.NDArray[np.float16]]]:
        """(key, log-mel patches (windows, 187, 96)), from the files; those that cannot be read are left out."""
        ear = replace(self.ear, windows=min(self.ear.windows or _MOST, _MOST))
        files = [FileJob(self.paths[key], key) for key in keys]
        with progress("Listening", len(keys)) as advance:
            for read in extract_in_processes(files, ear, min(self.jobs, len(files)), ready=_read_patches):
                advance(1)
                if read.features is not None:  # else it is named where it is heard; here it does without
                    yield read.key, read.features.reshape(-1, FRAMES, N_MELS)

    def backbone(self) -> Backbone:
        """The pretrained net, whole."""
        if not isinstance(name := self.ear.backbone, str):
            raise SettingError("fine_tune: of several nets only the head can be trained")
        return load_backbone(name, wheel=self.ear.wheel)

    def said_by_nets(
        self, model: Model, keys: Sequence[str], hear: ReadSummaries, feature_matrix: FeatureMatrix | None = None
    ) -> FloatArray | None:
        """What a model's trained nets say of tracks. Deep ones listen to the files, once; what they say is kept.

        Parameters
        ----------
        model
            What was learnt.
        keys
            Of n tracks.
        hear
            What was heard of them.
        landscape
            Where they lie in the model's space of sound, if that is there already.

        Returns
        -------
        float32 (n, outputs) or None
            NaN for tracks that cannot be read; None for a model without nets.
        """
        if not (states := model.nets):
            return None
        from cfaudio_core.finetuning.fine_tune import NetEnsemble

        settings = NetSettings.read(model.about["settings"]["net"])
        if settings.fine_tune == "head":
            heads = NetEnsemble(states, settings)
            feature_matrix = feature_matrix or FeatureMatrix(space_of(model), len(keys), hear)
            return float32(np.concatenate([heads.of_places(places) for _, places in feature_matrix.blocks()]))
        kept = f"{_SAID}{model.id}"
        left = sorted(set(keys) - self.store.keys(kept, 1))
        if left:
            backbone = self.backbone() if settings.fine_tune in {"top", "all"} else None
            nets = NetEnsemble(states, settings, backbone)
            said = []
            for key, patches in self.patches(left):
                said.append(
                    FeatureResult(self.paths[key], None, key, nets.of_patches(patches)[None].astype(np.float16))
                )
                if len(said) == _KEPT_AT_ONCE:
                    self.store.add(kept, 1, said)
                    said = []
            self.store.add(kept, 1, said)
        known = {key: row[0] for key, row in self.store.read(kept, sorted(set(keys)))}
        nothing = np.full(model.arrays["stack.shares"].shape[1], np.nan)
        return np.array([known.get(key, nothing) for key in keys], np.float32)

    def forget_all_but(self, models: Sequence[str]) -> None:
        """Let go of what the nets of other models have said than these, given by their ids."""
        kept = {f"{_SAID}{model}" for model in models}
        self.store.forget({net for net in self.store.nets() if net.startswith(_SAID)} - kept)


def _read_patches(ear: ExtractorConfig, sign: Sign) -> Callable[[FileJob], FeatureResult]:
    """Make a worker process read log-mel patches: float16 (windows, 187 * 96) as the features of a file."""
    threadpool_limits(1)

    def read(file: FileJob) -> FeatureResult:
        try:
            patches = log_mel(read_windows(file.path, ear.windows).sound)
        except AudioError as error:
            return FeatureResult(file.path, None, file.key, problem=str(error))
        return FeatureResult(file.path, None, file.key, patches.reshape(len(patches), -1).astype(np.float16))

    return read
