"""An adapter: what is trained comes out nearer, for tracks that belong together and for masterings of one track."""

import numpy as np
import pytest
from scipy import sparse

from cfaudio_core.features.adapter import Adapter
from cfaudio_core.finetuning.adapter_training import WIDTH, AdapterData, train_adapter

N_ARTISTS, EACH, DIM = 12, 8, 40


@pytest.fixture(scope="module")
def data() -> AdapterData:
    """Tracks whose artist is in the first 5 features, under louder features that are everybody's own."""
    rng = np.random.default_rng(0)
    artist = np.repeat(np.arange(N_ARTISTS), EACH)
    tracks = rng.normal(0, 1, (len(artist), DIM))
    tracks[:, :5] = 0.3 * rng.normal(0, 1, (N_ARTISTS, 5))[artist] + 0.1 * tracks[:, :5]
    windows = tracks[:, None] + 0.1 * rng.normal(0, 1, (len(artist), 10, DIM))
    remastered = tracks[:, None] + rng.normal(0, 1, (len(artist), 2, DIM)) * (np.arange(DIM) >= DIM - 10)
    groups = sparse.csr_array(np.float32(np.sqrt(0.3) * (artist[:, None] == np.arange(N_ARTISTS))))
    return AdapterData(np.float32(windows), np.float32(remastered), groups, np.zeros((len(artist), 0), np.float32))


@pytest.fixture(scope="module")
def adapter(data: AdapterData) -> Adapter:
    return train_adapter(data, seed=0)


def cosines(vectors: np.ndarray) -> np.ndarray:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


def lead(vectors: np.ndarray) -> float:
    """How much more alike two tracks of one artist are than two of others."""
    same = np.kron(np.eye(N_ARTISTS), np.ones((EACH, EACH))).astype(bool)
    found = cosines(vectors)
    return found[same & ~np.eye(len(found), dtype=bool)].mean() - found[~same].mean()


def test_tracks_of_one_artist_come_nearer(data, adapter):
    before = data.windows.mean(axis=1)
    assert lead(adapter.transform(before)) > lead(before) + 0.2


def test_masterings_of_one_track_come_nearer(data, adapter):
    clean, mastered = data.windows.mean(axis=1), data.remastered[:, 0]
    n = len(clean)

    def likeness(vectors: np.ndarray) -> float:
        return np.diagonal(cosines(vectors)[:n, n:]).mean()

    both = np.concatenate([clean, mastered])
    assert likeness(adapter.transform(both)) > likeness(both) + 0.02


def test_what_comes_out_has_mean_0_and_a_mean_squared_length_of_1(data, adapter):
    vectors = adapter.transform(data.windows.mean(axis=1))
    assert vectors.shape == (N_ARTISTS * EACH, WIDTH)
    np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=1e-4)
    assert np.square(vectors).sum(axis=1).mean() == pytest.approx(1, rel=1e-3)


def test_a_seed_gives_the_same_adapter_twice(data, adapter):
    again = train_adapter(data, seed=0)
    assert all(np.array_equal(one, other) for one, other in zip(adapter, again, strict=True))


def test_an_adapter_takes_rescaled_features_as_it_took_them_before(data, adapter):
    features = data.windows.mean(axis=1)
    halved = adapter.rescale_input(2)
    np.testing.assert_allclose(halved.transform(features / 2), adapter.transform(features), atol=1e-5)


def test_tracks_that_cannot_be_read_again_and_have_no_labels_train_all_the_same(data):
    bare = data._replace(
        remastered=np.full_like(data.remastered, np.nan),
        groups=sparse.csr_array((len(data.windows), 1), dtype=np.float32),
    )
    assert all(np.isfinite(part).all() for part in train_adapter(bare, seed=0))
