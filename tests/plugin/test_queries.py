"""A query that is one text means what the same words mean in `beet ls QUERY`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from user_home import BELLS, DRUMS, Home

from beetsplug.cfaudio.config.checks import split_query


@pytest.mark.parametrize(
    "text",
    [
        "artist:Artist 1",
        "Artist 1",
        "artist:Guns N' Roses",
        "title:Star Trek: The Motion Picture",
        "album:Live  at   Leeds",
        "artist:AC/DC / Live",
        "artist:Foo, Bar & Baz - Qux",
        "similar:artist:Artist 1",
        "artist::^A b$",
        "/music/My Folder/of songs",
        "title:100% +1",
    ],
)
def test_words_without_a_field_belong_to_the_term_before_them(text: str) -> None:
    assert split_query(text) == (text,)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("artist:Artist 1 year:2000..", ["artist:Artist 1", "year:2000.."]),
        ("genres:krautrock ^genres:metal -artist:Can", ["genres:krautrock", "^genres:metal", "-artist:Can"]),
        ("artist:A B , artist:C D", ["artist:A B", ",", "artist:C D"]),
        ("artist:A, artist:B", ["artist:A,", "artist:B"]),
        ("cf_tags:mellow cf_score:90.. cf_score-", ["cf_tags:mellow", "cf_score:90..", "cf_score-"]),
        ("title:'Stück 1' artist:Drum", ["title:Stück 1", "artist:Drum"]),
        ('album:"Tago Mago" ^genres:rock', ["album:Tago Mago", "^genres:rock"]),
        ('"one two" "three"', ["one two", "three"]),
        (r"artist:Artist\ 1", ["artist:Artist 1"]),
        ("  ", []),
    ],
)
def test_a_field_or_a_quoted_value_begins_or_ends_a_term(text: str, terms: list[str]) -> None:
    assert split_query(text) == tuple(terms)


def test_a_quote_that_is_never_closed_is_an_error() -> None:
    with pytest.raises(ValueError, match="No closing quotation"):
        split_query("'artist:A")


@given(st.text(max_size=40))
def test_any_text_is_terms_or_one_error(text: str) -> None:
    try:
        terms = split_query(text)
    except ValueError:
        return
    assert bool(terms) == bool(text.strip())


@pytest.fixture
def numbered(placed: Home) -> Home:
    """The collection, with the artists of bells called Artist 1 to Artist 5, and a Song 1 by each of the others."""
    for k, name in enumerate(BELLS, start=1):
        placed.sql("UPDATE items SET artist = ?, albumartist = ? WHERE artist = ?", f"Artist {k}", f"Artist {k}", name)
    for name in DRUMS:
        placed.sql("UPDATE items SET artist = ?, title = 'Song 1' WHERE artist = ?", f"Artist of {name}", name)
    return placed


def near(home: Home, *args: str) -> set[str]:
    rows = json.loads(home.beet_here("cfrecommend", "-n", "40", "--explain", "--json", *args).fine.out)
    return {one["artist"] for row in rows for one in row["reasons"]["near"]}


def test_like_means_what_the_same_query_means(numbered: Home) -> None:
    assert near(numbered, "--unplayed", "1", "--like", "artist:Artist 1") == {"Artist 1"}
    complaint = numbered.beet_here("cfrecommend", "--like", "artist:Artist 9").complaint
    assert complaint == "error: no track matches artist:Artist 9"


def test_queries_of_the_configuration_mean_it_too(numbered: Home, tmp_path: Path) -> None:
    lists = {"name": "One", "query": "artist:Artist 1", "fresh_days": 0}
    numbered.configure({"playlists": [lists], "playlist_dir": str(tmp_path), "exclude": [], "per_artist": 99})
    numbered.beet_here("cfplaylists").fine  # noqa: B018
    entries = [line for line in (tmp_path / "One.m3u").read_text().splitlines() if not line.startswith("#")]
    assert {entry.split("/")[-2] for entry in entries} == {BELLS[0]}
    numbered.configure({"exclude": ["artist:Artist 1"], "per_artist": 99})
    found = numbered.beet_here("cfrecommend", "-n", "99", "-f", "$artist").fine.lines
    assert set(found) == {f"Artist {k}" for k in (2, 3, 4, 5)} | {f"Artist of {name}" for name in DRUMS}


def test_similar_means_it_too(numbered: Home) -> None:
    numbered.configure({"similar": 100})
    found = numbered.beet_here("ls", "-f", "$artist", "similar:artist:Artist 1").fine.lines
    assert "Artist of Drum Hans" in found  # it has a Song 1, and is not what was asked for
    assert "Artist 1" not in found
    assert "No closing quotation" in numbered.beet_here("ls", "similar:'a").complaint
