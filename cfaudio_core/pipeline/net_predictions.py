"""Predictions of a model's trained nets: those that read the files predict each track once, and it is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import FeatureResult
from cfaudio_core.finetuning.track_windows import TrackWindows
from cfaudio_core.models.hybrid_model import HybridModel
from cfaudio_core.util.arrays import FloatArray, float32
from cfaudio_core.util.optional import require_package

_BATCH_TRACKS = 100  # whose predictions are stored at once
_STORED = "said-"  # and the id of a model, in place of a net's: predictions are stored as features are


def predict_nets(
    model: HybridModel,
    keys: Sequence[str],
    windows: TrackWindows,
    features_of: Callable[[Sequence[str]], FeatureMatrix],
) -> FloatArray | None:
    """Predict n tracks by the nets of a model.

    Parameters
    ----------
    model, keys
        A model, and n content keys.
    windows
        Reads the tracks' windows, and its store keeps the predictions.
    features_of
        Makes the feature matrix of the tracks with some keys, which nets that are but a new head predict from.

    Returns
    -------
    float32 (n, outputs) or None
        NaN for tracks that cannot be read; None for a model without nets.
    """
    if not model.nets:
        return None
    settings = model.info.settings.net
    require_package("torch", f"fine_tune: {settings.fine_tune}")
    from cfaudio_core.finetuning.fine_tune import NetEnsemble

    if settings.fine_tune == "head":
        heads = NetEnsemble(model.nets, settings)
        return float32(np.concatenate([heads.predict(features) for _, features in features_of(keys).blocks()]))
    stored, store = f"{_STORED}{model.id}", windows.store
    if left := sorted(set(keys) - store.keys(stored, 1)):
        backbone = windows.backbone() if settings.fine_tune in {"top", "all"} else None
        nets = NetEnsemble(model.nets, settings, backbone)
        batch = []
        for key, patches in windows.patches(left):
            row = nets.predict_patches(patches)[None].astype(np.float16)
            batch.append(FeatureResult(windows.paths[key], None, key, row))
            if len(batch) == _BATCH_TRACKS:
                store.add(stored, 1, batch)
                batch = []
        store.add(stored, 1, batch)
    rows = {key: row[0] for key, row in store.read(stored, sorted(set(keys)))}
    nothing = np.full(model.stack_weights.shape[1], np.nan)
    return np.array([rows.get(key, nothing) for key in keys], np.float32)


def forget_net_predictions(store: FeatureStore, kept: Sequence[str]) -> None:
    """Remove the stored predictions of all models but those with the ids that are kept."""
    stored = {net for net in store.nets() if net.startswith(_STORED)}
    store.forget(stored - {f"{_STORED}{model}" for model in kept})
