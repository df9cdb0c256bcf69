"""The contexts x tracks matrix: what brings tracks together, and how strongly."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import make_listener, make_tracks

from cfaudio_core.data.interactions import BASE_WEIGHT, MAX_COUNTED_TRACKS, ROW_WEIGHTS, gather_interactions


def rows(tracks, *listeners):
    contexts = gather_interactions(tracks, listeners)
    return list(zip(contexts.kinds, contexts.matrix.toarray(), strict=True))


def test_a_listeners_row_holds_the_logarithm_of_plays():
    ((kind, row),) = rows(make_tracks(3), make_listener([0, 1, 7]))
    assert kind == "listener"
    np.testing.assert_allclose(row, [0, np.log(2), np.log(8)], rtol=1e-6)


def test_a_track_skipped_more_than_played_has_a_negative_sign():
    ((_, row),) = rows(make_tracks(2), make_listener([1, 3], [5, 1]))
    assert row[0] < 0 < row[1]


def test_a_track_skipped_as_often_as_played_is_still_observed():
    contexts = gather_interactions(make_tracks(2), [make_listener([2, 0], [2, 0])])
    assert contexts.matrix.nnz == 1
    assert -0.01 < contexts.matrix.toarray()[0, 0] < 0


def test_every_listener_has_a_row_even_who_played_nothing():
    contexts = gather_interactions(make_tracks(2), [make_listener([1, 0]), make_listener([0, 0])])
    assert contexts.kinds == ["listener", "listener"]
    assert contexts.matrix.shape == (2, 2)
    assert contexts.n_shared == 0


def test_album_artist_and_genre_join_all_their_tracks_the_narrower_the_stronger():
    tracks = make_tracks(3, albums=["a", "a", "a"], artists=["b", "b", "b"], genres=[("c",), ("c",), ("c",)])
    listener, *metadata = rows(tracks, make_listener([1, 7, 0]))
    assert [kind for kind, _ in metadata] == ["album", "artist", "genre"] == list(ROW_WEIGHTS)
    for kind, row in metadata:
        np.testing.assert_allclose(row, ROW_WEIGHTS[kind] * (BASE_WEIGHT + listener[1]), rtol=1e-6)
    assert ROW_WEIGHTS["album"] > ROW_WEIGHTS["artist"] > ROW_WEIGHTS["genre"]


def test_in_an_album_a_track_never_played_weighs_less_than_one_played():
    *_, (_, album) = rows(make_tracks(3, albums=["a"] * 3), make_listener([9, 1, 0]))
    assert album[0] > album[1] > album[2] > 0


def test_an_album_that_nobody_played_joins_its_tracks_too():
    contexts = gather_interactions(make_tracks(4, albums=["a", "a", "b", "b"]), [make_listener([1, 2, 0, 0])])
    assert contexts.kinds == ["listener", "album", "album"]
    assert np.flatnonzero(contexts.matrix.toarray()[2]).tolist() == [2, 3]
    assert contexts.n_entries.tolist() == [2, 2, 1, 1]


def test_counts_that_grew_between_the_same_two_runs_join_their_tracks():
    counted = np.array([500, 500, 600, 0, 600, 700])
    listener = replace(make_listener([1, 1, 2, 1, 4, 3]), counted=counted)
    found = [np.flatnonzero(row).tolist() for kind, row in rows(make_tracks(6), listener) if kind == "counted"]
    assert found == [[0, 1], [2, 4]]


def test_more_tracks_than_one_plays_in_a_few_days_do_not_belong_together():
    n = MAX_COUNTED_TRACKS + 1
    listener = replace(make_listener([1] * n), counted=np.full(n, 500))
    assert gather_interactions(make_tracks(n), [listener]).kinds == ["listener"]


def test_a_context_of_one_track_is_left_out():
    contexts = gather_interactions(make_tracks(3, albums=["a", "b", "b"]), [make_listener([1, 2, 2])])
    assert contexts.kinds == ["listener", "album"]
    assert np.flatnonzero(contexts.matrix.toarray()[1]).tolist() == [1, 2]


def test_tracks_without_tags_are_not_joined_by_what_they_lack():
    assert gather_interactions(make_tracks(5), [make_listener([1] * 5)]).n_shared == 0


def test_a_track_of_two_genres_is_in_both_and_a_genre_named_twice_counts_once():
    tracks = make_tracks(3, genres=[("rock", "folk", "rock"), ("rock",), ("folk",)])
    contexts = gather_interactions(tracks, [make_listener([1, 1, 1])])
    assert contexts.kinds == ["listener", "genre", "genre"]
    assert contexts.matrix.nnz == 3 + 2 + 2
    assert np.count_nonzero(contexts.matrix.toarray(), axis=1).tolist() == [3, 2, 2]
    alone = make_tracks(2, genres=[("rock", "rock"), ()])
    assert gather_interactions(alone, [make_listener([1, 1])]).n_shared == 0


def test_metadata_rows_weigh_what_the_whole_household_played():
    tracks = make_tracks(2, albums=["a", "a"])
    *_, (_, album) = rows(tracks, make_listener([1, 0]), make_listener([2, 3]))
    np.testing.assert_allclose(album, ROW_WEIGHTS["album"] * (BASE_WEIGHT + np.log1p([3, 3])), rtol=1e-6)


@pytest.mark.parametrize("n", [0, 4])
def test_a_library_without_plays_gives_empty_rows(n):
    contexts = gather_interactions(make_tracks(n), [make_listener([0] * n)])
    assert contexts.matrix.shape == (1, n)
    assert contexts.matrix.nnz == 0
