from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from synthetic import NET, QUICK, Library, make_library

from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.models.hybrid_model import HybridModel
from cfaudio_core.training.fit import fit_model


@pytest.fixture(scope="session")
def library() -> Library:
    return make_library()


@pytest.fixture(scope="session")
def model(library: Library) -> HybridModel:
    """A quick fit to `library`."""
    return fit_model(library.tracks, [library.listener], FeatureMatrix.of(library.sound), NET, QUICK)[0]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeatureStore]:
    with FeatureStore(tmp_path / "features.db") as opened:
        yield opened
