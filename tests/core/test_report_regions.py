"""Regions of the map have the names of what there is more of, and other names closer up."""

import numpy as np
import pytest

from cfaudio_core.report.sections.labels import Labels
from cfaudio_core.report.sections.regions import clusters, find_regions

KINDS = ("audio", "genre", "artist")
CORNERS = np.array([[-0.8, -0.8], [0.8, -0.8], [0, 0.8]], np.float32)


def around(places, n, spread=0.03, seed=0):
    """n points around each place, float32."""
    rng = np.random.default_rng(seed)
    return (np.repeat(places, n, axis=0) + spread * rng.standard_normal((n * len(places), 2))).astype(np.float32)


def labels_of(n, **of):
    return Labels({kind: [(name,) if name else () for name in of.get(kind, [""] * n)] for kind in KINDS})


def names_at(regions, level):
    return sorted(one.name for one in regions if one.level == level)


def test_a_heap_of_points_is_a_cluster():
    owner = clusters(around(CORNERS, 40), 0.16)
    np.testing.assert_array_equal(owner.reshape(3, 40), np.broadcast_to(owner[::40, None], (3, 40)))
    assert sorted(owner[::40]) == [0, 1, 2]


def test_a_region_is_named_after_the_genre_it_has_most_more_of():
    # A fifth of every region is pop, which so names none.
    genres = ["jazz"] * 32 + ["pop"] * 8 + ["folk"] * 32 + ["pop"] * 8 + ["dub"] * 32 + ["pop"] * 8
    top = [one for one in find_regions(around(CORNERS, 40), labels_of(120, genre=genres)) if one.level == 0]
    assert {(one.name, one.kind, one.tracks) for one in top} == {
        (name, "genre", 40) for name in ("jazz", "folk", "dub")
    }
    for one in top:
        corner = CORNERS[["jazz", "folk", "dub"].index(one.name)]
        assert np.hypot(one.x - corner[0], one.y - corner[1]) < 0.05


def test_names_closer_up_are_finer():
    # Jazz on the left, folk on the right; on each side two artists, side by side.
    places = np.array([[-0.6, -0.12], [-0.6, 0.12], [0.6, -0.12], [0.6, 0.12]], np.float32)
    genres = ["jazz"] * 80 + ["folk"] * 80
    artists = [name for name in ("Ada", "Bo", "Cy", "Di") for _ in range(40)]
    regions = find_regions(around(places, 40, 0.015), labels_of(160, genre=genres, artist=artists))
    assert names_at(regions, 0) == ["folk", "jazz"]
    assert names_at(regions, 1) == ["Ada", "Bo", "Cy", "Di"]


def test_an_artist_names_a_region_of_the_whole_map_only_where_nothing_else_does():
    # Each corner is one artist's, which says more of it than a genre that two corners share.
    artists, genres = (["Ada"] * 40 + ["Bo"] * 40 + ["Cy"] * 40), (["jazz"] * 80 + [""] * 40)
    assert names_at(find_regions(around(CORNERS, 40), labels_of(120, genre=genres, artist=artists)), 0) == [
        "Bo",
        "Cy",
        "jazz",
    ]


def test_names_differ_at_each_level():
    genres = ["jazz"] * 40 + ["folk"] * 40 + ["jazz"] * 40
    assert names_at(find_regions(around(CORNERS, 40), labels_of(120, genre=genres)), 0) == ["folk", "jazz"]


@pytest.mark.parametrize("genre", ["", "jazz"])
def test_what_all_have_names_nothing(genre):
    assert find_regions(around(CORNERS, 40), labels_of(120, genre=[genre] * 120)) == []


def test_chance_names_nothing():
    genres = np.random.default_rng(0).choice(["jazz", "folk", "dub", "pop"], 240).tolist()
    assert names_at(find_regions(around(CORNERS, 80), labels_of(240, genre=genres)), 0) == []


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_handful_of_tracks_has_no_regions(n):
    assert find_regions(np.zeros((n, 2), np.float32), labels_of(n, genre=["jazz"] * n)) == []
