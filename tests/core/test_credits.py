"""Texts whose artist is several, or nobody: the track that is meant, and no other artist's."""

from __future__ import annotations

import dataclasses

import pytest
from test_matching import library, match

from cfaudio_core.history.matching import AMBIGUOUS, UNKNOWN
from cfaudio_core.history.normalize import album_key, artist_key, artist_keys, title_key
from cfaudio_core.history.records import TrackText

DUO = {"artist": "Anna feat. Ben", "title": "Duo", "album": "D"}


def listed(*rows):
    """A library with the artists one by one, as beets has them."""
    tracks = library(*rows)
    return dataclasses.replace(tracks, credits=[tuple(row.get("credits", ())) for row in rows])


@pytest.mark.parametrize(
    "artist",
    [
        *(
            "Anna;Ben",
            "Anna; Ben",
            "Anna & Ben",
            "Anna, Ben",
            "Anna x Ben",
            "Anna \u2022 Ben",
            "Anna / Ben",
            "Anna/Ben",
        ),
        *("Anna and Ben", "Anna + Ben", "Anna | Ben", "Anna vs. Ben", "Anna w/ Ben", "Anna (feat. Ben)", "Ben & Anna"),
        *("ANNA FT. BEN", "Anna featuring Ben", "Anna \u00d7 Ben", "Anna"),
        *(
            "Anna\uff0cBen",
            "Anna\uff1bBen",
            "Anna \uff06 Ben",
            "Anna\u30fbBen",
            "Anna \u00b7 Ben",
            "Anna\\\\Ben",
            "Anna\\\u2400Ben",
        ),
        *(
            "Anna con Ben",
            "Anna avec Ben",
            "Anna mit Ben",
            "Anna e Ben",
            "Anna och Ben",
            "Anna \u0438 Ben",
            "Anna f/ Ben",
        ),
    ],
)
def test_several_artists_are_the_same_however_they_are_joined(artist):
    assert match(library(DUO), TrackText(artist, "Duo", "D")) == [0]
    assert match(library({**DUO, "artist": artist}), TrackText("Anna feat. Ben", "Duo", "D")) == [0]


def test_a_guest_may_be_in_the_title():
    tracks = library({"artist": "Anna & Ben", "title": "Duo", "album": "D"})
    assert match(tracks, TrackText("Anna", "Duo (feat. Ben)")) == [0]


@pytest.mark.parametrize("artist", ["Massive Attack, Elizabeth F.", "Massive Attack & Elizabeth F."])
def test_a_track_of_the_first_artist_is_meant_where_album_or_length_agree(artist):
    tracks = library({"artist": "Massive Attack", "title": "Song", "album": "M", "length": 200})
    assert match(tracks, TrackText(artist, "Song", "M"), TrackText(artist, "Song", duration=201)) == [0, 0]
    assert match(tracks, TrackText(artist, "Song", "Other"), TrackText(artist, "Song", duration=300)) == [UNKNOWN] * 2
    assert match(tracks, TrackText(artist, "Song", "m (Deluxe Edition)")) == [0]


def test_the_length_of_a_credited_track_agrees_within_three_seconds():
    tracks = library({"artist": "Anna", "title": "Song", "album": "A", "length": 200})
    durations = [(196.5, UNKNOWN), (197, 0), (203, 0), (203.5, UNKNOWN), (0, 0)]
    for duration, expected in durations:
        assert match(tracks, TrackText("Anna & Ben", "Song", duration=duration)) == [expected]
    nowhere = library({"artist": "Anna", "title": "Song", "album": "A", "length": 0})
    assert match(nowhere, TrackText("Anna & Ben", "Song", duration=200)) == [0]
    assert match(nowhere, TrackText("Anna & Ben", "Song", "Other", duration=200)) == [UNKNOWN]


@pytest.mark.parametrize(
    ("band", "alone"),
    [
        ("Simon & Garfunkel", "Simon"),
        ("Earth, Wind & Fire", "Earth"),
        ("Tyler, the Creator", "Tyler"),
        ("Crosby, Stills & Nash", "Crosby, Stills, Nash & Young"),
        ("AC/DC", "AC"),
        ("Florence + the Machine", "Florence"),
    ],
)
def test_two_artists_that_the_library_has_apart_stay_apart(band, alone):
    tracks = library(*({"artist": a, "title": t, "album": "Hits"} for a in (band, alone) for t in (f"Of {a}", "Both")))
    texts = [TrackText(a, t, "Hits") for a in (band, alone) for t in (f"Of {band}", f"Of {alone}", "Both")]
    assert match(tracks, *texts) == [0, UNKNOWN, 1, UNKNOWN, 2, 3]


@pytest.mark.parametrize("band", ["Simon & Garfunkel", "Earth, Wind & Fire", "Tyler, the Creator", "AC/DC"])
def test_half_of_a_band_is_another_artist_on_another_album(band):
    first = band.replace("/", ",").replace("&", ",").split(",")[0].strip()
    assert match(library({"artist": first, "title": "Song", "album": "Solo"}), TrackText(band, "Song", "Hits")) == [-1]
    assert match(library({"artist": band, "title": "Song", "album": "Hits"}), TrackText(first, "Song", "Solo")) == [-1]


def test_each_artist_that_beets_lists_is_an_artist_of_the_track():
    tracks = listed({**DUO, "artist": "Anna & Ben", "credits": ("Anna", "Ben")}, {"artist": "Ben", "title": "Solo"})
    assert match(tracks, TrackText("Ben", "Duo"), TrackText("Anna", "Duo"), TrackText("Cy", "Duo")) == [0, 0, UNKNOWN]


def test_of_two_tracks_that_an_artist_may_be_on_none_is_taken():
    rows = [{"artist": f"Anna & {other}", "title": "Duo", "credits": ("Anna", other)} for other in ("Ben", "Cy")]
    assert match(listed(*rows), TrackText("Anna", "Duo"), TrackText("Anna, Cy", "Duo")) == [AMBIGUOUS, 1]


def test_of_two_artists_with_the_title_the_album_tells_which_is_meant():
    tracks = library(*({"artist": artist, "title": "Song", "album": f"Of {artist}"} for artist in ("Anna", "Ben")))
    texts = [TrackText("Anna, Ben", "Song", album) for album in ("", "Of Anna", "Of Ben", "Of both")]
    assert match(tracks, *texts) == [AMBIGUOUS, 0, 1, UNKNOWN]


SEEDS = {"artist": "The Seeds", "albumartist": "Various Artists", "title": "Song", "album": "Nuggets"}


@pytest.mark.parametrize(
    "artist",
    [
        *(
            "Various Artists",
            "Various",
            "VA",
            "",
            "Unknown Artist",
            "<unknown>",
            "[no artist]",
            "AA.VV.",
            "V\u00e1rios Artistas",
        ),
        *(
            "Diverse K\u00fcnstler",
            "Artiste inconnu",
            "Blandade artister",
            "R\u00f3\u017cni wykonawcy",
            "\u7fa4\u661f",
            "\u30aa\u30e0\u30cb\u30d0\u30b9",
        ),
        "\u0420\u0430\u0437\u043d\u044b\u0435 \u0438\u0441\u043f\u043e\u043b\u043d\u0438\u0442\u0435\u043b\u0438",
    ],
)
def test_who_is_nobody_is_found_by_album_and_title(artist):
    tracks = library(SEEDS, {**SEEDS, "artist": "B", "title": "Other"})
    assert match(tracks, TrackText(artist, "Song", "Nuggets"), TrackText(artist, "Song")) == [0, UNKNOWN]


def test_an_album_of_one_artist_is_none_of_various_artists():
    tracks = library({"artist": "Queen", "albumartist": "Queen", "title": "Song", "album": "Greatest Hits"})
    assert match(tracks, TrackText("Various Artists", "Song", "Greatest Hits")) == [UNKNOWN]
    assert match(tracks, TrackText("", "Song", "Greatest Hits")) == [0]


def test_two_albums_of_one_name_or_two_such_titles_are_ambiguous():
    tracks = library(SEEDS, {**SEEDS, "artist": "B"})
    assert match(tracks, TrackText("Various Artists", "Song", "Nuggets")) == [AMBIGUOUS]
    apart = dataclasses.replace(library(SEEDS, SEEDS), albums=["#1", "#2"])
    assert match(apart, TrackText("Various Artists", "Song", "Nuggets")) == [UNKNOWN]


def test_a_track_without_an_artist_is_found_by_its_album():
    tracks = library({"artist": "", "title": "Song", "album": "Tape"})
    assert match(tracks, TrackText("Anna", "Song", "Tape"), TrackText("Anna", "Song")) == [0, UNKNOWN]


@pytest.mark.parametrize(
    "title",
    [
        "Brick, Pt. 2",
        "Brick (Part II)",
        "BRICK PT.2",
        "Brick - Part Two",
        "Brick, Part 02",
        "Brick pt2",
        "Brick, Part 2",
        "Brick Teil II",
        "Brick, parte 2",
        "Brick, Pt. \u2161",
        "Brick\uff08Part 2\uff09",
    ],
)
def test_a_part_is_the_same_in_any_numeral(title):
    assert title_key(title) == title_key("Brick, Part 2")
    assert title_key(title) != title_key("Brick, Part 3") != title_key("Brick")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Song II", "Song 2"),
        ("Parti", "Part 1"),
        ("Pts. 1 & 2", "Pt. 12"),
        ("Part of Me", "Part 0"),
        ("Song, Pt. 1", "Song"),
    ],
)
def test_a_numeral_alone_is_a_name(one, other):
    assert title_key(one) != title_key(other)


@pytest.mark.parametrize(
    "title",
    [
        *(
            "Song (2011 - Remaster)",
            "Song - 2011 - Remaster",
            "Song (Remastered - 2011)",
            "Song [2011, Digital Remaster]",
        ),
        *("Song (Remasterizado en 2011)", "Song - 24-bit Remaster", "Song (2011 Remastered Version)"),
    ],
)
def test_a_remaster_is_the_song_wherever_its_year_stands(title):
    assert title_key(title) == "song"
    assert title_key(title.replace("Remaster", "Live ")) != "song"


def test_volumes_of_an_album_are_told_apart_and_spelled_in_any_way():
    assert album_key("Hits, Volume II") == album_key("Hits Vol. 2") != album_key("Hits Vol. 3")


def test_artists_of_a_credit_are_in_its_order():
    assert artist_keys("Anna, Ben & The Cys feat. D") == ("anna", "ben", "cys", "d")
    assert artist_key("Florence + the Machine") == artist_key("Florence and The Machine") == "florenceandthemachine"
