"""Nets that listen for themselves: to each file once, and what cannot be read is left to the kernel machine."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from synthetic import NET, steady

from cfaudio_core.backbones.spotify import Spotify
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.results import FeatureResult
from cfaudio_core.features.worker import ExtractorConfig
from cfaudio_core.finetuning.networks import learnt
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.models.model_files import Model, load_model, save_model
from cfaudio_core.pipeline.track_windows import TrackWindows

NOTHING = steady(np.zeros((3, 4), np.float32))


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
    arrays = {"stack.shares": np.ones((2, 3), np.float32)}
    for k in range(nets):
        net = Spotify((torch.zeros(96), torch.ones(96)), outputs=3)
        arrays |= {f"net.{k}.{name}": array for name, array in learnt(net).items()}
    return Model("cf-0123456789", arrays, {"settings": {"net": NetSettings.of("spotify", "mse", 1).kept()}})


def test_what_nets_say_is_kept_and_files_are_read_once(windows, tmp_path):
    model, keys = model_of(2), ["high", "low", "high"]
    said = windows.said_by_nets(model, keys, lambda rows: NOTHING)
    assert said.shape == (3, 3)
    assert np.isfinite(said).all()
    np.testing.assert_array_equal(said[0], said[2])
    assert np.abs(said[0] - said[1]).max() > 1e-3
    for file in tmp_path.glob("*.wav"):
        file.unlink()
    np.testing.assert_array_equal(windows.said_by_nets(model, keys, lambda rows: NOTHING), said)


def test_of_a_file_that_cannot_be_read_nets_say_nothing(windows):
    said = windows.said_by_nets(model_of(1), ["broken", "low"], lambda rows: NOTHING)
    assert np.isnan(said[0]).all()
    assert np.isfinite(said[1]).all()


def test_a_model_without_nets_says_nothing_and_opens_no_file(windows, monkeypatch):
    monkeypatch.setattr(TrackWindows, "patches", None)
    assert windows.said_by_nets(model_of(0), ["low"], lambda rows: NOTHING) is None


def test_what_was_said_goes_with_the_model_and_what_was_heard_stays(windows):
    first, second = model_of(1), replace(model_of(1), id="cf-second")
    for model in (first, second):
        windows.said_by_nets(model, ["low"], lambda: NOTHING)
    windows.store.add(NET, 2, [FeatureResult(windows.paths["low"], None, "low", np.zeros((2, 3), np.float16))])
    assert windows.store.nets() == {NET, f"said-{first.id}", "said-cf-second"}
    windows.forget_all_but(["cf-second", "cf-third"])
    assert windows.store.nets() == {NET, "said-cf-second"}


def test_nets_are_kept_with_the_model(windows, tmp_path):
    model = model_of(1)
    save_model(tmp_path, model)
    again = load_model(tmp_path, model.id)
    one, other = (
        windows.said_by_nets(m, ["low"], lambda rows: NOTHING)
        for m in (model, Model("cf-other", again.arrays, again.about))
    )
    np.testing.assert_array_equal(one, other)
