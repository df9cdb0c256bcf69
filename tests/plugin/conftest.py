"""Libraries to test on: an empty one, one before and one after the first `cfembed`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from beets.library import Item
from user_home import BELLS, DRUMS, PER_ARTIST, Home, Ran, bells, drums

from cfaudio_core.util.vector_codec import encode

sys.path.append(str(Path(__file__).parents[1] / "core"))  # for the doubles of services and clusters


@pytest.fixture(autouse=True, scope="session")
def _nobody_elses_beets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEETSDIR", str(tmp_path_factory.mktemp("nobody")))
        yield


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """beets with an empty library."""
    return Home.make(tmp_path / "home")


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """40 tracks, not analysed: bells are played, drums skipped, and one artist of each kind is unknown."""
    home = Home.make(tmp_path_factory.mktemp("collection") / "home")
    with home.library() as lib:
        for a, artist in enumerate([*BELLS, *DRUMS]):
            items = []
            for k in range(PER_ARTIST):
                seed = a * PER_ARTIST + k
                sound = bells(seed) if artist in BELLS else drums(seed)
                file = home.write(f"{artist}/{k + 1} Stück.{('wav', 'flac', 'ogg')[seed % 3]}", sound)
                about = {"artist": artist, "albumartist": artist, "album": f"{artist}'s best", "length": 4.5}
                item = Item(path=os.fsencode(file), title=f"Stück {k + 1}", track=k + 1, **about)
                if artist in BELLS[:-1]:
                    item.play_count = 5 + 3 * k + a
                elif artist in DRUMS[:-1]:
                    item.skip_count = 2 + k
                items.append(item)
            lib.add_album(items)
    return home


@pytest.fixture(scope="session")
def _analysed(collection: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Ran]:
    home = collection.copy(tmp_path_factory.mktemp("analysed") / "home")
    return home, home.embed()


@pytest.fixture
def unanalysed(collection: Home, tmp_path: Path) -> Home:
    """The collection, before the first `cfembed`."""
    return collection.copy(tmp_path / "home")


@pytest.fixture
def analysed(_analysed: tuple[Home, Ran], tmp_path: Path) -> Home:
    """The collection, after the first `cfembed`."""
    assert _analysed[1].code == 0, _analysed[1]
    return _analysed[0].copy(tmp_path / "home")


@pytest.fixture
def first_run(_analysed: tuple[Home, Ran]) -> Ran:
    """What the first `cfembed` printed."""
    return _analysed[1]


@pytest.fixture
def decoding_fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and from then on this process cannot decode anything."""

    def fail() -> None:
        monkeypatch.setattr("cfaudio_core.features.worker_pool.extract_in_processes", _no_decoding)

    return fail


def _no_decoding(*_: object) -> None:
    raise AssertionError("something was decoded")


@pytest.fixture
def scored(unanalysed: Home) -> Home:
    """The collection with made-up scores: the later a track was added, the higher."""
    ids = unanalysed.ids("1")
    unanalysed.set("cf_score", {item: round(100 * k / (len(ids) - 1), 3) for k, item in enumerate(ids)})
    unanalysed.set("cf_model", dict.fromkeys(ids, "cf-0123456789"))
    return unanalysed


@pytest.fixture
def placed(scored: Home) -> Home:
    """The collection with made-up vectors too: bells on one side, drums on the other, each artist apart."""
    random = np.random.default_rng(0)
    for artist in (*BELLS, *DRUMS):
        side = np.float32([3, 0, 0, 0, 0, 0] if artist in BELLS else [0, 3, 0, 0, 0, 0])
        own = np.concatenate((np.zeros(2), random.standard_normal(4)))
        vectors = side + own + 0.1 * random.standard_normal((PER_ARTIST, 6))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        ids = scored.ids("artist = ?", artist)
        scored.set("cf_embedding", {i: encode(v) for i, v in zip(ids, np.float32(vectors), strict=True)})
    return scored
