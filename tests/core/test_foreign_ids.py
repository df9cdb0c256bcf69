"""Ids and paths that stand for another track than the names do."""

from __future__ import annotations

import pytest
from test_matching import SONG, library, match

from cfaudio_core.history.formats.base import ReadOptions
from cfaudio_core.history.formats.listenbrainz import LISTENBRAINZ
from cfaudio_core.history.matching import AMBIGUOUS, UNKNOWN
from cfaudio_core.history.records import Listen, TrackText
from cfaudio_core.history.store import ListenStore

ONE, TWO, THREE = (f"{digit * 8}-1111-4111-8111-111111111111" for digit in "abc")
OTHER = {"artist": "Somebody", "title": "Else", "album": "There"}


def test_names_to_the_letter_go_before_a_foreign_id():
    tracks = library(SONG, {**OTHER, "recording_mbid": ONE, "track_mbid": TWO})
    assert match(
        tracks,
        TrackText("The Band", "Song", "First", recording_mbid=ONE),
        TrackText("The Band", "Song", recording_mbid=ONE),
        TrackText("The Band", "Song", "First", track_mbid=TWO),
    ) == [0, 0, 0]


def test_an_id_goes_before_names_that_no_track_has():
    tracks = library(SONG, {**OTHER, "recording_mbid": ONE})
    assert match(
        tracks,
        TrackText("Jemand", "Anderes", recording_mbid=ONE),
        TrackText("The Band", "Song (live)", "First", recording_mbid=ONE),
        TrackText(recording_mbid=ONE),
    ) == [1, 1, 1]


def test_an_id_tells_copies_of_a_song_apart_until_the_album_speaks_against_it():
    tracks = library({**SONG, "recording_mbid": ONE}, {**SONG, "album": "Best Of", "recording_mbid": TWO})
    assert match(
        tracks,
        TrackText("The Band", "Song", recording_mbid=TWO),
        TrackText("The Band", "Song", "First", recording_mbid=TWO),
        TrackText("The Band", "Song", "Third", recording_mbid=TWO),
    ) == [1, 0, 1]


def test_a_foreign_id_is_not_believed_where_the_names_are_two_tracks():
    tracks = library({**SONG, "length": 100}, {**SONG, "length": 200}, {**OTHER, "recording_mbid": ONE})
    assert match(tracks, TrackText("The Band", "Song", "First", recording_mbid=ONE)) == [AMBIGUOUS]


def test_each_of_several_ids_is_tried_and_the_first_that_agrees_is_taken():
    tracks = library({**OTHER, "recording_mbid": ONE}, {**SONG, "recording_mbid": f"{TWO}; {THREE}"})
    names = TrackText("Die Band", "Lied")
    assert match(
        tracks,
        names._replace(recording_mbid=f"{'d' * 36} {THREE}"),
        names._replace(recording_mbid=f"{ONE} {TWO}"),
        TrackText("The Band", "Song", recording_mbid=f"{ONE} {THREE}"),
        names._replace(track_mbid=TWO),
    ) == [1, 0, 1, 1]


@pytest.mark.parametrize("between", [";", "/", " / ", "; ", ", "])
def test_several_ids_in_a_tag_are_read(tmp_path, between):
    file = tmp_path / "lb.json"
    file.write_text(
        '[{"listened_at": 1700000000, "track_metadata": {"track_name": "Song", "artist_name": "A", "additional_info": '
        f'{{"recording_mbid": "{ONE}{between}{TWO}", "track_mbid": ["{THREE}", "none"]}}}}}}]'
    )
    [listen] = LISTENBRAINZ.read(str(file), ReadOptions())
    assert (listen.track.recording_mbid, listen.track.track_mbid) == (f"{ONE} {TWO}", THREE)


def test_a_listen_of_an_older_import_is_known_again_and_gains_its_submitted_id(tmp_path):
    def add(store, ids):
        listens = [Listen(TrackText("A", "Song", recording_mbid=ids), 1_700_000_000)]
        return store.add(listens, source="listenbrainz", listener_of=lambda _: "me")

    with ListenStore(f"sqlite:///{tmp_path / 'history.db'}") as store:
        add(store, TWO)
        assert add(store, f"{ONE} {TWO}").listens_new == 0
        assert add(store, TWO).listens_new == 0
        assert [text.recording_mbid for text in store.texts().values()] == [f"{ONE} {TWO}"]


INTRO = {"artist": "A", "album": "Box", "title": "Intro"}


@pytest.mark.parametrize(
    "path",
    [
        "/sd/B/Box/CD 1/01 Intro.mp3",
        "/sd/B/Box/Disc 1/01 Intro.mp3",
        "/sd/B/Other/CD 1/01 Intro.mp3",
        "CD 1/01 Intro.mp3",
        "Box/CD 1/01 Intro.mp3",
    ],
)
def test_a_disc_of_another_artist_is_another_file(path):
    folder = path.split("/")[-2]
    for where in (f"A/Box/{folder}", f"Box/{folder}", folder):
        tracks = library({**INTRO, "path": f"/music/{where}/01 Intro.mp3"})
        is_relative = path.startswith(where)  # the very file that the library has at that place
        assert match(tracks, TrackText(path=path)) == [0 if is_relative else UNKNOWN], where


def test_a_disc_is_found_by_its_artist_its_names_or_from_the_music_folder():
    tracks = library({**INTRO, "path": "/music/A/Box/CD 1/01 Intro.mp3"})
    assert match(tracks, TrackText(path="/sd/A/Box/CD 1/01 Intro.mp3")) == [0]
    assert match(tracks, TrackText("A", "Intro", path="/sd/x/Box/CD 1/01 Intro.mp3")) == [0]
    assert match(tracks, TrackText("B", "Intro", path="/sd/x/Box/CD 1/01 Intro.mp3")) == [UNKNOWN]
    flat = library({**INTRO, "path": "/music/Box/CD 1/01 Intro.mp3"})
    paths = [f"{above}/Box/CD 1/01 Intro.mp3" for above in ("/<HDD0>", "D:", "/sd/Music", "/sd/A", "/sd/B")]
    assert match(flat, *(TrackText(path=path) for path in paths)) == [0, 0, 0, 0, UNKNOWN]


def test_an_album_named_like_a_disc_is_an_album():
    tracks = library({"artist": "The Beatles", "album": "1", "title": "Help", "path": "/music/The Beatles/1/01.mp3"})
    assert match(tracks, TrackText(path="/card/x/The Beatles/1/01.mp3")) == [0]


def test_another_file_at_a_path_is_not_the_one_that_was_played_there():
    tracks = library({**OTHER, "path": "/music/01.mp3"}, SONG)
    assert match(
        tracks,
        TrackText("The Band", "Song", "First", path="01.mp3"),
        TrackText("Retagged", "Since", path="01.mp3"),
    ) == [1, 0]


def test_a_movement_is_that_of_the_album_or_of_the_length():
    works = [{"artist": "Bach", "title": "Allegro", "album": f"Sonata {k}", "length": 200 + 2 * k} for k in range(3)]
    assert match(
        library(*works),
        TrackText("Bach", "Allegro", "Sonata 2"),
        TrackText("Bach", "Allegro", duration=207),
        TrackText("Bach", "Allegro", duration=202),
        TrackText("Bach", "Allegro"),
    ) == [2, 2, AMBIGUOUS, AMBIGUOUS]
    remaster = {**works[0], "title": "Allegro (Remastered)"}
    assert match(library(works[0], remaster), TrackText("Bach", "Allegro", "Sonata 0")) == [0]
