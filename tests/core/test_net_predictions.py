"""Nets that read the files: each file once, and what cannot be read is left to the kernel machine."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from synthetic import NET, make_model

from cfaudio_core.backbones.spotify import Spotify
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import ExtractorConfig, FeatureResult
from cfaudio_core.finetuning.networks import net_state
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.finetuning.track_windows import TrackWindows
from cfaudio_core.models.model_files import load_model, save_model
from cfaudio_core.pipeline.net_predictions import forget_net_predictions, predict_nets


@pytest.fixture
def windows(tmp_path):
    """Two tones and a file that is none."""
    paths = {key: bytes(tmp_path / f"{key}.wav") for key in ("low", "high", "broken")}
    for key, pitch in (("low", 110), ("high", 3000)):
        tone = np.sin(2 * np.pi * pitch * np.arange(8 * 16000) / 16000)
        soundfile.write(paths[key], np.int16(9000 * tone), 16000, format="WAV")
    (tmp_path / "broken.wav").write_bytes(b"no music")
    with FeatureStore(tmp_path / "features.db") as store:
        yield TrackWindows(store, NET, ExtractorConfig(windows=2), paths, jobs=1)


def model_of(nets):
    """A model with so many nets of random weights."""
    torch.manual_seed(0)
    states = [net_state(Spotify((torch.zeros(96), torch.ones(96)), outputs=3)) for _ in range(nets)]
    model = make_model(stack_weights=np.ones((2, 3), np.float32), nets=states)
    settings = replace(model.info.settings, net=NetSettings.of("spotify", "mse", 1))
    return replace(model, info=replace(model.info, settings=settings))


def predict(windows, model, keys):
    return predict_nets(model, keys, windows, lambda keys: pytest.fail("features were read"))


def test_predictions_of_nets_are_kept_and_files_are_read_once(windows, tmp_path):
    model, keys = model_of(2), ["high", "low", "high"]
    predicted = predict(windows, model, keys)
    assert predicted.shape == (3, 3)
    assert np.isfinite(predicted).all()
    np.testing.assert_array_equal(predicted[0], predicted[2])
    assert np.abs(predicted[0] - predicted[1]).max() > 1e-3
    for file in tmp_path.glob("*.wav"):
        file.unlink()
    np.testing.assert_array_equal(predict(windows, model, keys), predicted)


def test_of_a_file_that_cannot_be_read_nets_predict_nothing(windows):
    predicted = predict(windows, model_of(1), ["broken", "low"])
    assert np.isnan(predicted[0]).all()
    assert np.isfinite(predicted[1]).all()


def test_a_model_without_nets_predicts_nothing_by_them_and_opens_no_file(windows, monkeypatch):
    monkeypatch.setattr(TrackWindows, "patches", None)
    assert predict(windows, model_of(0), ["low"]) is None


def test_predictions_go_with_the_model_and_features_stay(windows):
    first = model_of(1)
    second = replace(first, info=replace(first.info, id="cf-second"))
    for model in (first, second):
        predict(windows, model, ["low"])
    windows.store.add(NET, 2, [FeatureResult(windows.paths["low"], None, "low", np.zeros((2, 3), np.float16))])
    assert windows.store.nets() == {NET, f"said-{first.id}", "said-cf-second"}
    forget_net_predictions(windows.store, ["cf-second", "cf-third"])
    assert windows.store.nets() == {NET, "said-cf-second"}


def test_nets_are_kept_with_the_model(windows, tmp_path):
    model = model_of(1)
    save_model(tmp_path, model)
    again = load_model(tmp_path, model.id)
    other_id = replace(again, info=replace(again.info, id="cf-other"))
    one, other = (predict(windows, m, ["low"]) for m in (model, other_id))
    np.testing.assert_array_equal(one, other)
