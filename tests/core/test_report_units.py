"""Units, directions, labels and disagreements of a library whose truth is known."""

import numpy as np
import pytest

from cfaudio_core.report.activations import direction_activations, moment, unit_activations
from cfaudio_core.report.disagreement import disagreements
from cfaudio_core.report.labels import Labels, distinctive_tags
from cfaudio_core.report.units import describe, most_used

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


def test_a_units_peak_is_found_in_the_window_it_is_in(stored):
    found = unit_activations(iter(stored[::-1]), KEYS, top)
    assert found.units.window[:5, 0].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(found.units.peak[:, 0], [4] * 5 + [0] * 5)
    np.testing.assert_allclose(found.units.mean[:, 0], [0.4] * 5 + [0] * 5)
    assert found.tags[0, 0] == pytest.approx(0.05)


def test_the_same_audio_twice_in_the_library_is_described_twice(stored):
    found = unit_activations(iter(stored), ["key3", "key7", "key3"], top)
    np.testing.assert_array_equal(found.units.window[0], found.units.window[2])
    assert found.units.peak[0, 0] == 4 != found.units.peak[1, 0]


def test_a_track_with_fewer_windows_than_others_does_not_take_its_neighbours(stored):
    found = unit_activations(iter([("key0", stored[0][1][:1]), ("key5", stored[5][1])]), ["key5", "key0"], top)
    assert found.windows.tolist() == [10, 1]
    np.testing.assert_allclose(found.units.mean[1], [4, 0])


def test_a_direction_is_predicted_from_the_audio_that_makes_it(stored):
    found = unit_activations(iter(stored), KEYS, top)
    loudness = np.array([[1.0]] * 5 + [[-1.0]] * 5, np.float32)
    noise = np.random.default_rng(0).standard_normal((10, 1)).astype(np.float32)
    vectors = np.hstack([loudness, noise])
    directed, explained = direction_activations(iter(stored), KEYS, vectors, found.features)
    assert explained[0] > 0.8 > 0.3 > explained[1]  # noise can be fitted to, but not predicted
    assert directed.window[:5, 0].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(directed.mean, vectors)


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


def test_one_artist_units_are_flagged():
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


def test_units_that_explain_the_vectors_come_first_and_dead_ones_never():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((50, 4)).astype(np.float32)
    units = np.stack([rng.standard_normal(50), np.zeros(50), vectors[:, 0] + vectors[:, 1]], axis=1).astype(np.float32)
    numbers, shares = most_used(units, vectors, 3)
    assert numbers[0] == 2 and 1 not in numbers
    assert shares[0] > 0.15
    assert len(most_used(units[:1], vectors[:1], 3)[0]) == 0


def test_a_list_does_not_show_one_artist_alone_while_there_are_others(stored):
    found = unit_activations(iter(stored), KEYS, top)
    named = labels(audio=[["a"]] * 10, genre=[[]] * 10, artist=[["One"]] * 5 + [[f"other {i}"] for i in range(5)])
    unit = describe(0, 0.5, found.units, named, lambda track, window: 10.0 * window)
    assert [track for track, _ in unit.lists["peak"]][:2] == [0, 1]
    assert len([track for track, _ in unit.lists["mean"] if track < 5]) >= 2
    assert unit.lists["peak"][1][1] == 10.0
    assert len(unit.lists["mean"]) == 8
    assert "opposite" not in unit.lists


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
