"""Tags from stored activations are those of the net itself."""

import numpy as np
import pytest

from cfaudio_core.backbones.registry import backbone_id, load_backbone
from cfaudio_core.backbones.tagger import Tagger, load_tagger, top_tags
from cfaudio_core.features.audio_tags import tag_tracks
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import ExtractorConfig, FeatureResult, FileState

NAMES = ["rock", "pop", "mellow", "ambient"]


def probabilities(*values):
    return np.array(values, np.float32)


def test_the_likeliest_come_first_and_unlikely_ones_not_at_all():
    assert top_tags(NAMES, probabilities(0.2, 0.05, 0.9, 0.3), most=3, least=0.1) == ["mellow", "ambient", "rock"]
    assert top_tags(NAMES, probabilities(0.2, 0.05, 0.9, 0.3), most=1, least=0.1) == ["mellow"]
    assert top_tags(NAMES, probabilities(0.09, 0.05, 0.01, 0), most=3, least=0.1) == []


def test_a_track_s_tags_are_the_mean_over_its_windows():
    same, none = np.eye(4, dtype=np.float32), np.zeros(4, np.float32)
    windows = np.array([[0, 0, 0, 0, 7], [2, -2, 0, 0, 7]], np.float16)
    half, high = 0.5, 1 / (1 + np.exp(-2))
    expected = [(half + high) / 2, half, half, half]  # what is below 0 is cut off
    assert np.allclose(
        Tagger(NAMES, (same, none, none + 1, none), (same, none)).probabilities_of([windows])[0], expected, atol=1e-6
    )


@pytest.mark.weights
@pytest.mark.parametrize("name", ["musicnn", "musicnn_mtt"])
def test_tags_from_stored_activations_are_the_net_s_own(name):
    patches = np.random.default_rng(3).gamma(0.6, 1.0, (3, 187, 96)).astype(np.float32)
    net = load_backbone(name)
    activations = net.activations(patches)
    stored = np.hstack([activations.pooled, np.ones((3, 5), np.float32)]).astype(np.float16)
    tagger = load_tagger(name)
    assert tagger.names == [tag.lower() for tag in net.tags]
    assert np.abs(tagger.probabilities_of([stored])[0] - activations.tags.mean(axis=0)).max() < 2e-3


@pytest.mark.weights
def test_every_stored_track_gets_its_tags(tmp_path):
    net = load_backbone("musicnn")
    patches = np.random.default_rng(3).gamma(0.6, 1.0, (2, 187, 96)).astype(np.float32)
    features = net.activations(patches).pooled.astype(np.float16)
    with FeatureStore(tmp_path / "features.db") as store:
        store.add(backbone_id("musicnn"), 2, [FeatureResult(b"a", FileState(b"a", 1, 1), "key", features)])
        found = tag_tracks(store, ExtractorConfig("musicnn", 2), ["key", "key", "unknown"])
    assert found.keys() == {"key"}
    tags = found["key"].split(", ")
    assert 0 < len(tags) <= 3
    assert set(tags) <= {tag.lower() for tag in net.tags}
