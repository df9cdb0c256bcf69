"""Which tracks of a large library are on the page."""

import numpy as np
import pytest

from cfaudio_core.report.sampling import shown

N, MOST = 10_000, 1000


def plays_of(played):
    plays = np.zeros(N, np.float32)
    plays[:played] = np.arange(played, 0, -1)
    return plays


def test_all_are_shown_where_there_is_room():
    assert shown(np.array([4, 7, 9]), np.zeros(3, np.float32), 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("played", [0, 10, 500, 5000])
def test_the_most_played_come_first_and_take_no_more_than_half(played):
    at = shown(np.arange(N) + 1, plays_of(played), MOST)
    assert len(at) == len(set(at.tolist())) == MOST
    assert (np.diff(at) > 0).all()
    assert set(at.tolist()).issuperset(range(min(played, MOST // 2)))
    assert (at >= 5000).sum() > MOST // 5


def test_every_album_is_drawn_in_proportion():
    at = shown(np.arange(N) + 1, np.zeros(N, np.float32), MOST)
    assert np.bincount(at // 100, minlength=100).tolist() == pytest.approx([10] * 100, abs=2)


def test_the_same_tracks_are_shown_of_a_library_that_has_grown():
    ids, nothing = np.arange(N) + 1, np.zeros(N, np.float32)
    before, after = shown(ids[: N - 100], nothing[: N - 100], MOST), shown(ids, nothing, MOST)
    assert len(np.intersect1d(before, after)) > 0.98 * MOST
