"""The same song twice in a library: copies, remasters and live takes, and what only looks like it."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import make_tracks

from cfaudio_core.ranking.duplicates import marks, near_copies, one_a_song, same_songs


def same(titles, **columns):
    """The songs of tracks of one artist, as groups of positions."""
    n = len(titles)
    tracks = make_tracks(n, **{"titles": titles, "artists": ["Can"] * n, **columns})
    texts = (tracks.artists, tracks.titles, tracks.albums, tracks.keys, tracks.recording_mbids, tracks.album_titles)
    numbers = same_songs(marks(*texts), tracks.lengths)
    return sorted(np.flatnonzero(numbers == k).tolist() for k in np.unique(numbers))


@pytest.mark.parametrize(
    "other",
    [
        "Vitamin C",
        "Vitamin C (2004 Remaster)",
        "Vitamin C - Remastered 2004",
        "Vitamin C (live)",
        "Vitamin C [Live at Brighton, 1975]",
        "Vitamin C - Live in Köln",
        "vitamin c (acoustic version)",
        "Vitamin C (Peel Session)",
        "Vitamin C (alternate take)",
        "Vitamin C (take 2)",
        "Vitamin C (radio edit)",
        "Vitamin C (live) (2004 Remaster)",
        "Vitamin C (Remastered) [Live]",
    ],
)
def test_editions_and_takes_are_one_song(other):
    assert same(["Vitamin C", other, "Spoon"]) == [[0, 1], [2]]


@pytest.mark.parametrize(
    "other", ["Vitamin D", "Vitamin C, Part 2", "Vitamin C (instrumental)", "Live Vitamin C", "Vitamin C II"]
)
def test_other_titles_are_other_songs(other):
    assert same(["Vitamin C", other]) == [[0], [1]]


def test_one_title_by_two_artists_is_two_songs():
    assert same(["Home", "Home", "home"], artists=["Can", "Neu!", "can"]) == [[0, 2], [1]]


@pytest.mark.parametrize(
    "title",
    [
        "",
        "Intro",
        "Track 01",
        "Untitled",
        "01",
        "Interlude 2",
        "Main Title",
        "Chapter 3",
        "Part II",
        "Epilogue",
        "No. 4",
    ],
)
def test_titles_that_identify_no_song_join_no_tracks(title):
    assert same([title, title]) == [[0], [1]]


def test_tracks_of_unknown_artists_are_not_joined_by_title():
    assert same(["Home", "Home"], artists=["", ""]) == [[0], [1]]
    assert same(["Home", "Home"], artists=["Various Artists"] * 2) == [[0], [1]]


def test_two_versions_on_one_album_that_are_as_long_are_two_songs():
    lengths = np.float32([100, 100.4, 100.9, 200])
    found = same(["Song"] * 4, albums=["A", "B", "B", "B"], album_titles=["A", "B", "B", "B"], lengths=lengths)
    assert found == [[0, 1], [2], [3]]


def test_a_title_that_an_album_has_twice_identifies_no_song():
    lengths = np.float32([100, 200, 150])
    assert same(["Allegro"] * 3, albums=["#1", "#1", "#2"], lengths=lengths) == [[0], [1], [2]]
    # Two files of one recording are the same song on one album too, and a bonus live take is.
    assert same(["Allegro"] * 2, albums=["#1", "#1"], lengths=np.float32([100, 101])) == [[0, 1]]
    assert same(["Spoon", "Spoon (live)"], albums=["#1", "#1"], lengths=np.float32([100, 300])) == [[0, 1]]


@pytest.mark.parametrize(
    "title",
    [
        *(
            "Allegro",
            "II. Adagio ma non troppo",
            "Menuetto: Allegretto",
            "Aria",
            "Act I, Scene 2",
            "Variation 3",
            "1st Movement",
        ),
        *(
            "M\u00e4\u00dfig",
            "Marcia funebre",
            "Intermezzo",
            "Nocturne",
            "Kyrie eleison",
            "Gloria in excelsis Deo",
            "Bourr\u00e9e I & II",
        ),
    ],
)
def test_movements_of_twelve_sonatas_are_twelve_works(title):
    albums = [f"Sonata {k}" for k in range(12)]
    lengths = np.full(12, np.float32(200))
    ids = [f"#{k}" for k in range(12)]
    assert same([title] * 12, albums=ids, album_titles=albums, lengths=lengths) == [[k] for k in range(12)]
    assert same([title] * 12, albums=["#1"] * 12, lengths=200 + 10 * np.arange(12, dtype=np.float32)) == [
        [k] for k in range(12)
    ]


def test_a_remaster_of_a_movement_is_the_movement():
    albums = ["Sonatas", "Sonatas (2011 Remaster)", "Symphonies"]
    titles = ["Allegro", "Allegro (Remastered)", "Allegro"]
    assert same(titles, albums=["#1", "#2", "#3"], album_titles=albums) == [[0, 1], [2]]
    # An album with two of them: each is that of its length.
    lengths = np.float32([100, 200, 200.5, 100.2])
    assert same(["Allegro"] * 4, albums=["#1", "#1", "#2", "#2"], album_titles=["A"] * 4, lengths=lengths) == [
        [0, 3],
        [1, 2],
    ]


@pytest.mark.parametrize(
    "title",
    [
        "Sonata No. 3: Allegro",
        "Song",
        "Gymnopédie No. 1",
        "The March",
        "No No No",
        "Andante Song",
        "Gloria",
        "Waltz No. 2",
    ],
)
def test_a_title_with_more_than_a_movement_is_one_song_on_any_album(title):
    assert same([title] * 2, albums=["#1", "#2"], album_titles=["A", "Best of"]) == [[0, 1]]


def test_the_same_audio_or_recording_is_one_song_whatever_it_is_called():
    titles = ["A", "B", "C", "D"]
    assert same(titles, keys=["k", "k", "", ""]) == [[0, 1], [2], [3]]
    assert same(titles, keys=[""] * 4, recording_mbids=["", "m", "m", ""]) == [[0], [1, 2], [3]]


def test_what_is_connected_by_different_marks_is_one_song():
    assert same(["Spoon", "Spoon (live)", "Löffel"], keys=["a", "b", "c"], recording_mbids=["", "m", "m"]) == [
        [0, 1, 2]
    ]


def test_of_a_song_the_most_played_track_stands_for_it_then_the_best_by_score():
    song = np.array([0, 0, 0, 3, 3])
    plays, scores = np.float32([0, 2, 1, 0, 0]), np.float32([9, 1, 5, 1, 2])
    assert one_a_song(song, np.arange(5), plays, scores).tolist() == [1, 4]
    assert one_a_song(song, np.array([0, 2, 3]), plays, scores).tolist() == [2, 3]
    assert one_a_song(song, np.zeros(0, np.int64), plays, scores).tolist() == []


def test_one_recording_by_two_artists_names_is_noticed_by_its_sound_and_length():
    vectors = np.float32([[1, 0], [0.999, 0.04], [0.9, 0.436], [0, 1]])
    artists, lengths = np.array([1, 2, 3, 4]), np.float32([200, 200.5, 201, 200])
    assert near_copies(["A", "B", "C", "D"], artists, lengths, vectors).tolist() == [1]
    assert near_copies(["A", "B", "A (Remaster)", "A"], artists, lengths, vectors).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("artists", "lengths"),
    [([1, 1], [200, 200]), ([1, 2], [200, 210]), ([1, 2], [20, 20]), ([1, 2], [0, 0])],
    ids=["one artist", "other lengths", "too short", "unknown lengths"],
)
def test_what_is_alike_but_for_another_reason_is_no_copy(artists, lengths):
    vectors = np.float32([[1, 0], [1, 0]])
    assert not len(near_copies(["A", "A"], np.array(artists), np.float32(lengths), vectors))
    assert not len(near_copies(["A", "A"], np.array([1, 2]), np.float32([200, 200]), np.zeros_like(vectors)))


def test_a_take_without_a_score_stands_for_its_song_only_where_none_has_one():
    def chosen(*scores):
        n = len(scores)
        return one_a_song(np.zeros(n, int), np.arange(n), np.zeros(n, np.float32), np.float32(scores)).tolist()

    assert chosen(np.nan, -3) == [1]
    assert chosen(-3, np.nan, -2) == [2]
    assert chosen(np.nan, np.nan) == [0]


@pytest.mark.parametrize(
    ("title", "cosine", "difference", "copy"),
    [
        ("Other", 0.985, 1, True), ("Other", 0.975, 1, False), ("Other", 0.985, 1.5, False),
        ("Song", 0.81, 2, True), ("Song", 0.79, 2, False), ("Song", 0.81, 2.5, False),
    ],
)  # fmt: skip
def test_a_copy_by_another_name_is_as_long_to_a_second_or_has_the_title_and_two(title, cosine, difference, copy):
    vectors = np.float32([[1, 0], [cosine, np.sqrt(1 - cosine**2)]])
    lengths = np.float32([200, 200 + difference])
    assert near_copies(["Song", title], np.array([1, 2]), lengths, vectors).tolist() == [1] * copy
    assert near_copies(["Song", title], np.array([0, 0]), lengths, vectors).tolist() == [1] * copy  # nobody knows whose


def test_a_title_that_identifies_no_song_makes_no_copy_of_another():
    vectors, lengths = np.float32([[1, 0], [0.81, 0.586]]), np.float32([200, 200])
    for titles in (["Song", "Intro"], ["Intro", "Song"], ["Intro", "Intro"]):
        assert not len(near_copies(titles, np.array([1, 2]), lengths, vectors))
    many = np.arange(100)
    assert not len(near_copies(["Intro"] * 100, many, np.full(100, 200), np.float32(np.eye(100))))


@pytest.mark.parametrize(("length", "copy"), [(29, False), (30, True)])
def test_what_is_shorter_than_half_a_minute_is_no_copy(length, copy):
    vectors, lengths = np.float32([[1, 0], [1, 0]]), np.float32([length, length])
    assert near_copies(["A", "B"], np.array([1, 2]), lengths, vectors).tolist() == [1] * copy


@pytest.mark.parametrize(("difference", "songs"), [(5, [[0, 1]]), (5.5, [[0], [1]])])
def test_an_album_has_a_title_twice_where_lengths_differ_by_more_than_five_seconds(difference, songs):
    lengths = np.float32([100, 100 + difference])
    assert same(["Allegro di bravo"] * 2, albums=["#1", "#1"], lengths=lengths) == songs


def test_songs_of_two_editions_of_an_album_are_told_by_their_lengths_to_the_second():
    lengths = np.float32([100, 200, 101, 201.5])
    for edition in range(2, 10):
        albums = ["#1", "#1", f"#{edition}", f"#{edition}"]
        assert same(["Home"] * 4, albums=albums, lengths=lengths) == [[0, 2], [1], [3]]
