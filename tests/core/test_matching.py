"""Texts of sources to tracks of the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.history.matching import AMBIGUOUS, UNKNOWN, LibraryIndex
from cfaudio_core.history.normalize import album_key, artist_key, fold, plain_key, title_key
from cfaudio_core.history.records import TrackText

MUSIC = b"/music"


def library(*rows: dict[str, object]) -> Tracks:
    """Make a track of each row, at /music/ARTIST/ALBUM/TITLE.mp3 where the row has no path."""

    def texts(name: str) -> list[str]:
        return [str(row.get(name, "")) for row in rows]

    paths = [
        str(row.get("path", f"/music/{row.get('artist', '')}/{row.get('album', '')}/{row.get('title', '')}.mp3"))
        for row in rows
    ]
    return Tracks(
        ids=np.arange(1, len(rows) + 1),
        paths=[path.encode("utf-8", "surrogateescape") for path in paths],
        keys=[""] * len(rows),
        artists=texts("artist"),
        albums=texts("album"),
        genres=[()] * len(rows),
        models=[""] * len(rows),
        titles=texts("title"),
        album_titles=texts("album"),
        albumartists=texts("albumartist"),
        recording_mbids=texts("recording_mbid"),
        track_mbids=texts("track_mbid"),
        lengths=np.array([row.get("length", 0) for row in rows], np.float32),
        playlists=[()] * len(rows),
        counts={"play_count": np.array([row.get("plays", np.nan) for row in rows], np.float32)},
    )


def match(tracks: Tracks, *texts: TrackText) -> list[int]:
    return LibraryIndex(tracks, MUSIC).match(texts).tolist()


SONG = {"artist": "The Band", "title": "Song", "album": "First"}


@pytest.mark.parametrize(
    ("artist", "title", "album"),
    [
        ("THE BAND", "song", "first"),
        ("Band", "Song", "First"),
        ("Band, The", "Song", "First (Deluxe Edition)"),
        ("The Band feat. Someone", "Song", "First"),
        ("The Band", "Song (feat. Someone Else)", "First [Remastered]"),
        ("The Band", "Song ft. Someone", "First - 25th Anniversary Edition"),
        ("The Band", "Song (with Someone)", "First"),
        ("The Band", "Song - Remastered 2009", "First"),
        ("The Band", "Song (2011 Remaster)", "First (Expanded Edition)"),
        ("The Band", "Song - Mono / Remastered 2009", "First"),
        ("The Band", "\uff33ong", "\ufb01rst"),
        ("The\u00a0Band", "Song.", "First!"),
    ],
)
def test_spellings_of_one_track_are_matched_with_its_album(artist: str, title: str, album: str) -> None:
    assert match(library(SONG), TrackText(artist, title, album)) == [0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Don\u2019t Stop", "Don't Stop"),
        ("Rock & Roll", "Rock and Roll"),
        ("\u201cHeroes\u201d", '"Heroes"'),
        ("S\u00e3o Paulo", "Sao Paulo"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("Stra\u00dfe", "STRASSE"),
        ("Vol.2", "Vol. 2"),
        ("Song [Live] (feat. X)", "Song feat. X (Live)"),
        ("Song (feat. X) [Live]", "Song [Live]"),
        ("Song - Remastered (feat. X)", "Song"),
        ("Song (feat. X) - Stereo", "Song"),
        ("Song (24 bit remaster)", "Song"),
        ("Teil 02", "Teil 2"),
        ("Vol. III", "vol 3"),
        ("Song\u00ad", "Song"),
        ("Song \u3010Remastered\u3011", "Song"),
    ],
)
def test_titles_are_one_in_any_spelling(one: str, other: str) -> None:
    assert title_key(one) == title_key(other)


@pytest.mark.parametrize(
    "other",
    [
        "Song (inst.)",
        "Song (live)",
        "Song - Live",
        "Song II",
        "Song (Acoustic)",
        "The Song",
        "Song (Radio Edit)",
        "Son",
        "Song w/ X",
    ],
)
def test_another_recording_is_another_title(other: str) -> None:
    assert match(library(SONG), TrackText("The Band", other, "First")) == [UNKNOWN]
    assert match(library({**SONG, "title": other}), TrackText("The Band", "Song", "First")) == [UNKNOWN]


def test_titles_of_signs_alone_are_distinguished() -> None:
    tracks = library({"artist": "!!!", "title": "???"}, {"artist": "!!!", "title": "+"})
    assert match(tracks, TrackText("!!!", "+"), TrackText("!!!", "???")) == [1, 0]


def test_dancing_with_myself_is_not_dancing() -> None:
    assert title_key("Dancing with Myself") == "dancingwithmyself"
    assert artist_key("Daft Feature") == "daftfeature"


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_keys_of_keys_are_the_keys(text: str) -> None:
    for key in (plain_key, title_key, artist_key, album_key):
        assert key(key(text)) == key(text)


@given(st.text(alphabet=st.characters(max_codepoint=0x24F)))
def test_keys_do_not_depend_on_case(text: str) -> None:
    assert title_key(text.upper()) == title_key(text.upper().lower().upper())


def test_a_recording_id_is_worth_more_than_names() -> None:
    tracks = library(SONG, {**SONG, "title": "Other", "recording_mbid": "r1"}, {**SONG, "track_mbid": "t1"})
    assert match(
        tracks,
        TrackText("The Band", "Song (Ballad)", "First", recording_mbid="r1"),
        TrackText("Nobody", "Nothing", track_mbid="t1"),
        TrackText("The Band", "Other", recording_mbid="unknown"),
    ) == [1, 2, 1]


@pytest.mark.parametrize(
    "path",
    [
        "/music/The Band/First/Song.mp3",
        "The Band/First/Song.mp3",
        "/<HDD0>/Music/The Band/First/Song.mp3",
        "/sd/the band/FIRST/song.MP3",
        "D:\\Music\\The Band\\First\\Song.mp3",
    ],
)
def test_a_path_is_matched_absolute_relative_and_by_its_end(path: str) -> None:
    tracks = library({**SONG, "title": "Ballad"}, SONG)
    assert match(tracks, TrackText(path=path)) == [1]


@pytest.mark.parametrize("path", ["Song.mp3", "/sd/First/Song.mp3", "he Band/First/Song.mp3", "/a/x/First/Song.mp3"])
def test_part_of_a_component_or_a_short_end_is_no_path(path: str) -> None:
    assert match(library(SONG), TrackText(path=path)) == [UNKNOWN]


def test_the_longest_common_end_decides_between_discs() -> None:
    tracks = library({"path": "/music/A/Box/CD1/01.mp3"}, {"path": "/music/B/Box/CD1/01.mp3"})
    assert match(tracks, TrackText(path="/sd/B/Box/CD1/01.mp3"), TrackText(path="/sd/C/Box/CD1/01.mp3")) == [
        1,
        UNKNOWN,
    ]


def test_undecodable_paths_are_matched() -> None:
    tracks = library({"path": "/music/A/B/\udcff.mp3"})
    assert match(tracks, TrackText(path="A/B/\udcff.mp3")) == [0]


def test_the_artist_of_the_album_stands_for_the_artist() -> None:
    tracks = library({"artist": "Singer & Band", "albumartist": "Band", "title": "Song", "album": "First"})
    assert match(tracks, TrackText("Band", "Song", "First"), TrackText("?", "Song", album_artist="Band")) == [
        0,
        0,
    ]


def test_various_artists_are_no_artist() -> None:
    tracks = library({"artist": "A", "albumartist": "Various Artists", "title": "Intro", "album": "Mix"})
    assert match(tracks, TrackText("Various Artists", "Intro")) == [UNKNOWN]


def test_the_album_decides_between_copies() -> None:
    tracks = library(SONG, {**SONG, "album": "Best Of"})
    assert match(tracks, TrackText("The Band", "Song", "Best of")) == [1]


def test_the_length_decides_between_versions_of_one_title() -> None:
    tracks = library({**SONG, "length": 200}, {**SONG, "album": "Live at Home", "length": 300})
    assert match(
        tracks,
        TrackText("The Band", "Song", duration=299),
        TrackText("The Band", "Song", duration=202.9),
        TrackText("The Band", "Song", duration=250),
        TrackText("The Band", "Song"),
    ) == [1, 0, AMBIGUOUS, AMBIGUOUS]


def test_of_copies_of_one_recording_the_most_played_is_meant_and_then_the_first() -> None:
    copies: Sequence[dict[str, object]] = [{**SONG, "length": 200}, {**SONG, "album": "Best Of", "length": 204}]
    assert match(library(*copies), TrackText("The Band", "Song")) == [0]
    assert match(library(copies[0], {**copies[1], "plays": 3}), TrackText("The Band", "Song")) == [1]


def test_the_title_to_the_letter_goes_before_its_editions() -> None:
    tracks = library({**SONG, "title": "Song (2011 Remaster)"}, SONG)
    assert match(tracks, TrackText("The Band", "Song"), TrackText("The Band", "Song (2011 remaster)")) == [
        1,
        0,
    ]
    assert match(tracks, TrackText("The Band", "Song - Mono"))[0] == AMBIGUOUS


def test_one_title_by_two_guests_of_an_album_is_ambiguous() -> None:
    tracks = library(
        {"artist": "X", "albumartist": "Band", "title": "Intro"},
        {"artist": "Y", "albumartist": "Band", "title": "Intro"},
    )
    assert match(tracks, TrackText("Band", "Intro")) == [AMBIGUOUS]


def test_texts_without_names_or_path_are_unknown() -> None:
    tracks = library(
        {"artist": "", "title": "", "album": ""}, {"artist": "A", "title": ""}, {"artist": "", "title": "B"}
    )
    assert match(tracks, TrackText(), TrackText("A"), TrackText(title="B")) == [UNKNOWN] * 3


def test_in_a_large_history_every_listen_finds_its_own_track() -> None:
    n = 8000
    rows = [
        {"artist": f"Artist {i % 997}", "title": f"T\u00eftle {i} (Remastered)", "path": f"/music/{i}/a/01.mp3"}
        for i in range(n)
    ]
    texts = [TrackText(f"ARTIST {i % 997}", f"T\u00eftle {i}") for i in range(n)]
    texts += [TrackText(path=f"/sd/x{i}/a/01.mp3") for i in range(n)]
    found = LibraryIndex(library(*rows), MUSIC).match(texts)
    assert found[:n].tolist() == list(range(n))
    assert (found[n:] == UNKNOWN).all()


@pytest.mark.parametrize("album", ["", "Someone Else's Sampler"])
def test_a_text_without_an_album_is_the_copy_that_others_name(album: str) -> None:
    tracks = library(SONG, SONG | {"album": "Hits"}, SONG | {"title": "Other"})
    plain, on_hits = TrackText("The Band", "Song", album), TrackText("The Band", "Song", "Hits")
    assert match(tracks, plain) == [0]
    assert match(tracks, plain, on_hits) == match(tracks, on_hits, plain) == [1, 1]
    assert match(tracks, plain, on_hits, TrackText("The Band", "Song", "First")) == [0, 1, 0]


def test_lengths_of_one_recording_differ_by_ten_seconds_between_releases_and_by_three_between_sources() -> None:
    def copies(other: float) -> Tracks:
        return library({**SONG, "length": 200}, {**SONG, "album": "Best Of", "length": other})

    song = TrackText("The Band", "Song")
    assert match(copies(210), song) == [0]
    assert match(copies(210.5), song) == [AMBIGUOUS]
    assert match(copies(0), song) == [0], "an unknown length differs from none"
    assert match(copies(220), TrackText("The Band", "Song", duration=217)) == [1]
    assert match(copies(220), TrackText("The Band", "Song", duration=216.5)) == [AMBIGUOUS]


def test_skips_and_ratings_are_no_plays() -> None:
    tracks = library({**SONG, "plays": 1}, {**SONG, "album": "Best Of", "plays": 2})
    for name in ("skip_count", "rating"):
        counts = {**tracks.counts, name: np.float32([100, 0])}
        assert match(replace(tracks, counts=counts), TrackText("The Band", "Song")) == [1]
    one, other = np.float32([3, 0]), np.float32([3, 4])  # two players count the same plays
    counts = {"play_count": one, "lastfm_play_count": other}
    assert match(replace(tracks, counts=counts), TrackText("The Band", "Song")) == [1]


def test_the_recording_is_surer_than_the_track_and_several_ids_are_one_each() -> None:
    ids = ["0" * 35 + "1", "0" * 35 + "2"]
    tracks = library(
        {**SONG, "title": "One", "recording_mbid": ",".join(ids)}, {**SONG, "title": "Two", "track_mbid": "t2"}
    )
    assert match(tracks, TrackText(recording_mbid=ids[1], track_mbid="t2")) == [0]


def test_an_edition_of_a_movement_is_no_song_whichever_came_first() -> None:
    rows: list[dict[str, object]] = [
        {"artist": "Anna", "title": title, "album": album, "length": 200}
        for title, album in (("Allegro", "Sonatas"), ("Allegro (Mono)", "Concertos"))
    ]
    text = TrackText("Anna", "Allegro (Stereo)", duration=200)
    assert match(library(*rows), text) == match(library(*rows[::-1]), text) == [AMBIGUOUS]


def test_the_first_id_whose_names_agree_in_any_spelling_is_taken() -> None:
    spelled = {**SONG, "album": "First (Deluxe Edition)", "recording_mbid": "r1"}
    tracks = library(spelled, {**SONG, "track_mbid": "t2"})
    assert match(tracks, TrackText("The Band", "Song", "First", recording_mbid="r1", track_mbid="t2")) == [0]


def test_names_that_are_ambiguous_do_not_outweigh_an_id_with_the_same_names() -> None:
    tracks = library(
        {**SONG, "length": 200, "recording_mbid": "r1"}, {**SONG, "album": "Live", "length": 300}, {"title": "Other"}
    )
    assert match(tracks, TrackText("The Band", "Song", "Elsewhere", recording_mbid="r1")) == [0]


def test_a_path_that_many_albums_have_tells_two_versions_of_a_song_apart() -> None:
    versions = ({**SONG, "length": 100 * k, "album": k, "path": f"/music/x/Box {k}/CD 1/01.mp3"} for k in (1, 3))
    tracks = library(*versions)
    assert match(tracks, TrackText("The Band", "Song")) == [AMBIGUOUS]
    assert match(tracks, TrackText("The Band", "Song", path="/sd/Box 3/CD 1/01.mp3")) == [1]
    assert match(tracks, TrackText("The Others", "Tune", path="/sd/Box 3/CD 1/01.mp3")) == [UNKNOWN]


def test_another_song_at_a_path_is_not_the_one_of_the_text() -> None:
    tracks = library({**SONG, "path": "/music/a/b/01.mp3"}, {**SONG, "title": "Other", "path": "/music/a/b/02.mp3"})
    assert match(tracks, TrackText("The Band", "Other", "First", path="/sd/a/b/01.mp3")) == [1]


def test_guests_singles_and_the_article_are_no_part_of_a_name() -> None:
    assert artist_key("Band w/ Someone") == artist_key("Band")
    assert artist_key("Band, The") == artist_key("The Band") == "band"
    assert artist_key("The") == "the"
    assert artist_key("The X") == artist_key("X, The") == "x"
    assert artist_key("feat. X") != ""
    assert album_key("Song - Single") == album_key("Song (EP)") == album_key("Song")
    assert match(library({**SONG, "artist": "VA"}), TrackText("VA", "Song")) == [UNKNOWN]
    assert title_key("Rock + Roll") == title_key("Rock and Roll") == title_key("Rock & Roll")


def test_tracks_with_the_id_of_a_recording_are_copies_of_it_whatever_their_lengths() -> None:
    copies = {**SONG, "length": 200, "recording_mbid": "r1"}, {**SONG, "length": 300, "recording_mbid": "r1"}
    assert match(library(*copies), TrackText(recording_mbid="r1")) == [0]


def test_an_id_gives_way_to_another_artist_of_the_album_and_only_to_a_title_to_the_letter() -> None:
    mapped_wrongly = {**SONG, "recording_mbid": "r1"}
    tracks = library(mapped_wrongly, {**SONG, "artist": "Others"})
    assert match(tracks, TrackText(title="Song", album_artist="Others", recording_mbid="r1")) == [1]
    song, remaster = ({**SONG, "title": title} for title in ("Song", "Song (2011 Remaster)"))
    text = TrackText("The Band", "Song", "First", recording_mbid="r1")
    assert match(library({**mapped_wrongly, "title": "Other"}, song), text) == [1]
    assert match(library({**mapped_wrongly, "title": "Other"}, remaster), text) == [0]


def test_of_ids_whose_names_agree_no_more_than_each_others_the_first_is_taken() -> None:
    tracks = library(SONG, *({"artist": "X", "title": one, "recording_mbid": one} for one in ("r1", "r2")))
    assert match(tracks, TrackText("Nobody", "Else", recording_mbid="r1 r2")) == [1]


def test_an_id_stands_beside_names_that_its_track_lacks() -> None:
    tracks = library({"title": "Song", "recording_mbid": "r1"}, SONG)
    assert match(tracks, TrackText("The Band", "Song", recording_mbid="r1")) == [0]
