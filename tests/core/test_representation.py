"""The representation of a library: what it is chosen by, also where there is little to choose by."""

import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from synthetic import NET, make_tracks

from cfaudio_core.data.training_set import Targets
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import ExtractorConfig, FeatureResult
from cfaudio_core.finetuning import adapter_training
from cfaudio_core.finetuning.track_windows import TrackWindows
from cfaudio_core.training.representation import fit_representation, label_groups

N, DIM = 120, 12


class Unreadable(TrackWindows):
    """Tracks whose features are stored, and whose files are away."""

    def remastered(self, keys):
        return {}


@pytest.fixture
def windows(tmp_path: Path):
    rng = np.random.default_rng(0)
    with FeatureStore(tmp_path / "features.db") as store:
        rows = [rng.normal(0, 1, (1, DIM + 48)) + 0.3 * rng.normal(0, 1, (10, DIM + 48)) for _ in range(N)]
        store.add(NET, 10, [FeatureResult(b"", None, f"key{i}", np.float16(one)) for i, one in enumerate(rows)])
        yield Unreadable(store, NET, ExtractorConfig(), {}, 1)


def fit(windows: TrackWindows, artists: list[str], n_known: int = N, *, liked_alike: bool = False):
    tracks = make_tracks(N, artists=artists)
    matrix = FeatureMatrix.of(windows.store.summaries(NET, tracks.keys))
    known = np.arange(n_known)
    preference = np.float32(liked_alike | (matrix.rows(known)[:, :1] > 0))
    targets = Targets(preference, np.ones((n_known, 1), bool), np.zeros((n_known, 0), np.float32))
    return fit_representation(tracks, known, targets, matrix, windows, seed=0), matrix


@pytest.mark.parametrize(
    "artists",
    [[f"artist {i % 12}" for i in range(N)], ["one artist"] * N, [""] * N],
    ids=["twelve artists", "one artist", "no tags"],
)
def test_the_adapter_is_trained_and_judged_whatever_the_tags_are(windows, artists):
    found, matrix = fit(windows, artists)
    assert found.space.adapter.width
    assert set(found.errors) == {"chosen", "tuned", "stereo"}
    assert all(np.isfinite(error) for error in found.errors.values())
    features = matrix.within(found.space).rows(np.arange(N))
    assert np.square(features).sum(axis=1).mean() == pytest.approx(1, rel=0.05)


def test_sizes_stay_where_too_little_is_known(windows):
    found, _ = fit(windows, [f"artist {i % 12}" for i in range(N)], n_known=40)
    assert found.errors == {}
    assert found.space.adapter.width


def test_without_torch_features_stay_frozen(windows, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # which an import of it fails by
    found, _ = fit(windows, [f"artist {i % 12}" for i in range(N)])
    assert found.space.adapter.width == 0
    assert "tuned" not in found.errors


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
    ids=["GPU", "CPU", "numpy"],
)
def test_where_memory_does_not_suffice_features_stay_frozen(windows, monkeypatch, error):
    monkeypatch.setattr(adapter_training, "train_adapter", Mock(side_effect=error))
    found, _ = fit(windows, [f"artist {i % 12}" for i in range(N)])
    assert found.space.adapter.width == 0
    assert "tuned" not in found.errors


def test_another_failure_of_torch_is_not_hidden(windows, monkeypatch):
    monkeypatch.setattr(adapter_training, "train_adapter", Mock(side_effect=RuntimeError("shapes do not fit")))
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        fit(windows, [f"artist {i % 12}" for i in range(N)])


@pytest.mark.parametrize("n_known", [31, N])
def test_where_all_is_liked_alike_there_is_an_adapter_and_no_part_is_worth_anything(windows, n_known):
    found, _ = fit(windows, [f"artist {i % 12}" for i in range(N)], n_known, liked_alike=True)
    assert found.space.adapter.width
    assert all(error == pytest.approx(0, abs=1e-3) for error in found.errors.values())


def test_the_same_fit_twice_gives_the_same_space(windows):
    one, other = (fit(windows, [f"artist {i % 12}" for i in range(N)])[0] for _ in range(2))
    assert np.array_equal(one.space.adapter.up, other.space.adapter.up)
    assert one.errors == other.errors


def test_an_album_is_one_of_its_artist_and_a_genre_named_twice_is_one_label():
    tracks = make_tracks(
        4, artists=["A", "A", "B", ""], albums=["Best", "Best", "Best", ""], genres=[("x", "x"), (), ("x",), ()]
    )
    groups = label_groups(tracks).toarray() > 0
    assert (groups[0] & groups[1]).sum() == 2
    assert (groups[0] & groups[2]).sum() == 1
    assert not groups[3].any()
