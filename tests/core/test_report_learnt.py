"""Directions, labels and disagreements of a library whose truth is known."""

import numpy as np
import pytest

from cfaudio_core.report.sections.activations import bars, fit_directions, moment, net_outputs, profiles, signed_root
from cfaudio_core.report.sections.disagreement import disagreements
from cfaudio_core.report.sections.labels import Labels, distinctive_tags
from cfaudio_core.report.sections.learnt import describe, distinct, named_once, rotate

LOUD, CALM = np.array([4, 0, 1], np.float16), np.array([0, 4, 1], np.float16)


def top(windows):
    """Two units, loud and calm, and one tag."""
    return windows[:, :2], windows[:, :1] / 8


@pytest.fixture
def stored():
    """Ten tracks of ten windows: in the first five the window of their number is loud, the others are calm."""
    tracks = []
    for i in range(10):
        windows = np.tile(CALM, (10, 1))
        if i < 5:
            windows[i] = LOUD
        tracks.append((f"key{i}", windows))
    return tracks


KEYS = [f"key{i}" for i in range(10)]


def test_tags_and_features_are_means_over_a_tracks_windows(stored):
    found = net_outputs(iter(stored[::-1]), KEYS, top)
    assert found.tags[0, 0] == pytest.approx(0.05)
    np.testing.assert_allclose(found.features[0], [0.2, 1.8, 1], rtol=1e-5)  # roots of 4, in one and nine of ten


def test_the_same_audio_twice_in_the_library_is_described_twice(stored):
    found = net_outputs(iter(stored), ["key3", "key7", "key3"], top)
    np.testing.assert_array_equal(found.tags[0], found.tags[2])
    assert found.tags[0, 0] != found.tags[1, 0]


def test_a_track_with_fewer_windows_than_others_does_not_take_its_neighbours(stored):
    found = net_outputs(iter([("key0", stored[0][1][:1]), ("key5", stored[5][1])]), ["key5", "key0"], top)
    assert found.windows.tolist() == [10, 1]
    np.testing.assert_allclose(found.tags[:, 0], [0, 0.5])


def test_a_direction_is_predicted_from_the_audio_that_makes_it(stored):
    found = net_outputs(iter(stored), KEYS, top)
    loudness = np.array([[1.0]] * 5 + [[-1.0]] * 5, np.float32)
    noise = np.random.default_rng(0).standard_normal((10, 1)).astype(np.float32)
    weights, mean, explained = fit_directions(found.features, np.hstack([loudness, noise]))
    assert explained[0] > 0.8 > 0.3 > explained[1]  # noise can be fitted to, but not predicted
    found = profiles(iter(stored), lambda roots: (roots - mean) @ weights)
    assert [int(found[f"key{i}"][:, 0].argmax()) for i in range(5)] == [0, 1, 2, 3, 4]


def test_bars_are_highest_where_the_track_is_most_so(stored):
    loud = signed_root(stored[3][1].astype(np.float32))[:, 0]
    assert bars(loud) == [1, 1, 1, 9, 1, 1, 1, 1, 1, 1]
    assert bars(np.repeat(loud, 2)) == bars(loud)  # of each tenth the highest
    assert bars(np.ones(3, np.float32)) == [1, 1, 1]


def test_moments_are_where_windows_are_cut():
    assert moment(0, 10, 300, whole=False) == 13.5  # the middle of the first tenth is at 15 s
    assert moment(9, 10, 300, whole=False) == 283.5
    assert moment(0, 1, 4, whole=False) == 0.5
    assert moment(0, 1, 2, whole=False) == 0
    assert moment(10, 20, 300, whole=True) == 150  # of twenty stretches
    assert moment(2, 7, 21, whole=True) == 6
    assert moment(3, 10, 0, whole=False) == 0


def labels(**of):
    return Labels({kind: [tuple(names) for names in rows] for kind, rows in of.items()})


def test_labels_are_what_a_list_has_more_of_than_the_library():
    audio = [["rock", "loud"]] * 20 + [["rock"]] * 180
    artists = [[f"artist {i}"] for i in range(200)]
    named = labels(audio=audio, genre=[[]] * 200, artist=artists)
    assert [label.name for label in named.common(range(20), "audio")] == ["loud"]
    assert named.common(range(100, 120), "audio") == []
    assert named.common(range(20), "artist") == []


def test_one_artists_lists_are_flagged():
    artists = [["Armin"]] * 20 + [[f"artist {i}"] for i in range(80)]
    named = labels(audio=[[]] * 100, genre=[[]] * 100, artist=artists)
    assert named.only_artist(range(20)) == "Armin"
    assert named.only_artist(range(15, 40)) == ""
    assert named.only_artist([]) == ""


def test_audio_tags_are_those_a_track_has_more_of_than_others():
    chances = np.array([[0.4, 0.02, 0.01]] * 9 + [[0.4, 0.3, 0.015]], np.float32)
    tags = distinctive_tags(chances, ["rock", "jazz", "polka"])
    assert tags[0] == ()
    assert tags[9] == ("jazz",)
    assert distinctive_tags(np.zeros((2, 0), np.float32), []) == [(), ()]


def test_axes_are_turned_until_each_track_is_of_one():
    rng = np.random.default_rng(0)
    kinds = np.zeros((300, 3), np.float32)
    kinds[np.arange(300), np.arange(300) % 3] = rng.exponential(1, 300)
    mixed = kinds @ np.linalg.qr(rng.standard_normal((5, 3)))[0].T.astype(np.float32)
    found = rotate(mixed, 3)
    alike = np.corrcoef(found.columns.T, kinds.T)[:3, 3:]
    assert (alike.max(axis=1) > 0.95).all()  # and to the end where a few stand far out
    assert found.share.sum() == pytest.approx(1)
    np.testing.assert_array_equal(found.columns, rotate(mixed, 3).columns)


def test_alike_tracks_have_no_axes():
    assert rotate(np.ones((5, 3), np.float32), 2).columns.shape == (5, 0)
    assert rotate(np.ones((5, 0), np.float32), 2).columns.shape == (5, 0)


def test_near_twins_are_left_out_whichever_way_they_point():
    one, other = np.random.default_rng(0).standard_normal((2, 200)).astype(np.float32)
    columns = np.stack([one, -one + 0.1 * other, other], axis=1)
    assert distinct(columns, [0, 1, 2]) == [0, 2]
    assert distinct(columns, [1, 2, 0]) == [1, 2]


def both_ends():
    audio = [["calm"]] * 40 + [[]] * 120 + [["loud"]] * 40
    named = labels(audio=audio, genre=[[]] * 200, artist=[[f"artist {i // 2}"] for i in range(200)])
    return describe(0, np.linspace(1, -1, 200).astype(np.float32), 0.5, 1.0, named), named


def test_each_end_has_the_labels_of_its_own_tracks():
    direction, _ = both_ends()
    assert [end.name for end in direction.ends] == ["calm", "loud"]
    assert direction.ends[0].tracks == [0, 2, 4, 6]  # one of an artist while there are others
    assert direction.ends[1].tracks == [199, 197, 195, 193]


def test_an_end_without_labels_has_no_name_and_directions_of_the_same_names_are_one():
    direction, named = both_ends()
    turned = describe(2, np.linspace(-1, 1, 200).astype(np.float32), 0.5, 1.0, named)
    plain = describe(
        3, np.zeros(200, np.float32), 0.5, 1.0, labels(audio=[[]] * 200, genre=[[]] * 200, artist=[[]] * 200)
    )
    assert [end.name for end in plain.ends] == ["", ""]
    assert not plain.named
    assert direction.named
    assert [one.column for one in named_once([direction, turned, plain, plain._replace(column=4)])] == [0, 3, 4]


def test_a_track_that_sounds_unlike_those_it_is_played_with_is_found():
    rng = np.random.default_rng(0)
    group = np.arange(200) % 4
    factors = np.eye(4, dtype=np.float32)[group] + 0.05 * rng.standard_normal((200, 4)).astype(np.float32)
    audio = np.eye(4, dtype=np.float32)[group] + 0.05 * rng.standard_normal((200, 4)).astype(np.float32)
    audio[7] = audio[6]  # sounds like another group than its own
    found = disagreements(factors, audio, np.arange(1000, 1200))
    assert found[0].track == 1007
    assert all((other - 1000) % 4 == 3 for other in found[0].by_plays)
    assert 1006 in found[0].by_audio
    assert disagreements(factors[:10], audio[:10], np.arange(10)) == []
