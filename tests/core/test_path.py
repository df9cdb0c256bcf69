"""The way from one track to another: even steps, nothing twice, and no artist too often."""

from __future__ import annotations

import numpy as np

from cfaudio_core.ranking.path import path


def around(*degrees):
    angles = np.radians(degrees)
    return np.float32(np.stack([np.cos(angles), np.sin(angles)], axis=1))


def way(degrees, n, artist=None, per_artist=9):
    tracks = np.arange(len(degrees))
    artist = np.zeros(len(degrees), np.int64) if artist is None else np.array(artist)
    return path(around(*degrees), 0, 1, tracks, artist, n, per_artist).tolist()


def test_tracks_lie_on_the_way_in_even_steps():
    assert way([0, 90, 61, 29, 100, -40], 4) == [0, 3, 2, 1]


def test_every_track_comes_once_and_the_ends_are_the_ends():
    assert way([0, 90, 45, 45], 4) in ([0, 2, 3, 1], [0, 3, 2, 1])
    assert way([0, 90, 45], 9) == [0, 2, 1], "there are no others"
    assert way([0, 90], 5) == [0, 1]
    assert way([0, 90, 45], 2) == [0, 1]


def test_an_artist_has_no_more_than_his_share_while_there_are_others():
    degrees, artist = [0, 90, 22, 45, 67, 30, 60], [1, 2, 3, 3, 3, 4, 5]
    chosen = way(degrees, 5, artist, per_artist=1)
    assert sorted(artist[at] for at in chosen) == [1, 2, 3, 4, 5]
    assert way(degrees[:5], 5, artist[:5], per_artist=1) == [0, 2, 3, 4, 1]


def test_between_opposites_and_between_equals_there_is_a_way_too():
    assert way([0, 180, 10, 170], 4) == [0, 2, 3, 1]
    assert sorted(way([0, 0, 5, 6], 4)) == [0, 1, 2, 3]


def test_steps_are_even_on_the_circle_however_far_it_is():
    degrees = [0, 120, 30, 60, 90, 28, 32, 58, 62, 88, 92, 20, 100]
    assert way(degrees, 5) == [0, 2, 3, 4, 1]
    assert way([0, 150, 50, 100, 24, 126, 48, 52, 98, 102], 4) == [0, 2, 3, 1]


def test_every_place_has_the_track_that_makes_all_fit_best():
    """The track at 45 degrees fits best in the middle, though it is the nearest to the place before that too."""
    assert way([0, 90, 45, 10, 80], 5) == [0, 3, 2, 4, 1]


def test_of_an_artist_with_too_many_the_tracks_that_fit_best_stay():
    degrees, artist = [0, 90, 30, 61, 33, 63], [1, 2, 3, 3, 4, 5]
    assert way(degrees, 4, artist, per_artist=1) == [0, 2, 5, 1]
    degrees[2:4] = [29, 60]
    assert way(degrees, 4, artist, per_artist=1) == [0, 4, 3, 1]
    assert way(degrees, 4, artist, per_artist=2) == [0, 2, 3, 1]
    assert way(degrees, 4, [1, 2, 0, 0, 4, 5], per_artist=1) == [0, 2, 3, 1], "nobody knows whose these are"


def test_only_the_nearest_tracks_of_a_large_library_are_compared_and_none_of_them_is_missed():
    degrees = [0, 90, *np.linspace(91, 350, 500), 30, 60]
    assert way(degrees, 4) == [0, 502, 503, 1]


def test_a_way_between_two_tracks_that_are_alike_is_as_long_as_any():
    assert len(way([0, 0.01, *np.linspace(0, 30, 300)], 80)) == 80
