"""`similar:`, `$cf_match` and `cf_tags`, wherever beets takes a query."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from user_home import BELLS, DRUMS, Home

from cfaudio_core.util.vector_codec import encode


@pytest.fixture
def placed(scored: Home) -> Home:
    """40 tracks on a quarter of a circle, in the order of their numbers: neighbours are two degrees apart."""
    places = {i: np.radians(2 * (i - 1)) for i in scored.ids("1")}
    scored.set("cf_embedding", {i: encode(np.array([np.cos(a), np.sin(a)])) for i, a in places.items()})
    scored.set("cf_tags", {i: "ambient, mellow" if i <= 20 else "rock" for i in places})
    scored.configure({"similar": 3})
    return scored


def ids(home: Home, *query: str) -> list[int]:
    return [int(line) for line in home.beet_here("ls", "-f", "$id", *query).fine.lines]


def test_similar_finds_the_nearest_tracks_and_not_the_ones_they_are_like(placed: Home) -> None:
    assert ids(placed, "similar:id:1", "cf_match-") == [2, 3, 4]
    assert sorted(ids(placed, "similar:id:20")) in ([18, 19, 21], [19, 21, 22])


def test_cf_match_is_the_cosine(placed: Home) -> None:
    lines = placed.beet("ls", "-f", "$id $cf_match", "similar:id:1", "cf_match-").fine.lines
    assert lines == [f"{i} {100 * np.cos(np.radians(2 * (i - 1))):.1f}" for i in (2, 3, 4)]
    assert placed.beet("ls", "-f", "$cf_match", "id:5").fine.lines == ["0.0"]


def test_like_several_tracks_is_like_any_of_them(placed: Home) -> None:
    assert sorted(ids(placed, "similar:id:1 , id:40")) == [2, 3, 39] or sorted(ids(placed, "similar:id:1 , id:40")) == [
        2,
        38,
        39,
    ]


def test_it_goes_together_with_other_queries(placed: Home) -> None:
    assert ids(placed, "similar:id:1", "^id:3", "id+") == [2, 4]
    assert ids(placed, "cf_match:99.6..", "similar:id:1", "id+") == [2, 3]
    assert ids(placed, "similar:id:1", "cf_tags:mellow", f"artist:{BELLS[0]}", "id+") == [2, 3, 4]
    assert ids(placed, "similar:id:1", ",", "similar:id:40", "id+") == [2, 3, 4, 37, 38, 39]
    assert len(ids(placed, "^similar:id:1")) == 37
    assert ids(placed, "similar:similar:id:1", "id+") == [1, 5, 6]
    assert ids(placed, "similar:id:1", f"albumartist:{BELLS[0]}", "albumtype:", "id+") == [2, 3, 4]


def test_only_vectors_of_one_model_are_compared(placed: Home) -> None:
    placed.set("cf_model", {2: "cf-older", 3: "cf-older"})
    assert ids(placed, "similar:id:1", "id+") == [4, 5, 6]


def test_vectors_that_are_none_say_nothing(placed: Home) -> None:
    placed.set("cf_embedding", {2: "rubbish", 3: "", 4: encode(np.ones(5))})
    assert ids(placed, "similar:id:1", "id+") == [5, 6, 7]


def test_what_matches_nothing_has_nothing_similar(placed: Home) -> None:
    assert ids(placed, "similar:artist:Nobody") == []


@pytest.mark.parametrize(
    ("query", "complaint"),
    [("similar:", "similar: what to is missing"), ("similar:added:foo", "'foo' is not a valid date/time string")],
)
def test_what_makes_no_sense_is_one_line(placed: Home, query: str, complaint: str) -> None:
    ran = placed.beet("ls", query)
    assert ran.code == 1
    assert complaint in ran.err
    assert ran.err.count("\n") == 1


def test_before_the_first_cfembed_it_says_so(scored: Home) -> None:
    assert "run `beet cfembed` first" in scored.beet_here("ls", "similar:id:1").complaint


def test_listing_by_it_loads_neither_a_net_nor_a_decoder(placed: Home) -> None:
    probe = (
        "import sys\nfrom beets.ui import main\ntry:\n    main(sys.argv[1:])\nfinally:\n"
        "    print(' '.join({name.split('.')[0] for name in sys.modules}))"
    )
    loaded = set(placed.beet("ls", "similar:id:1", python=("-c", probe)).fine.lines[-1].split())
    assert "cfaudio_core" in loaded
    assert not loaded.intersection({"torch", "librosa", "numba", "scipy", "av", "soundfile"})


def test_smart_playlists_take_all_of_it(placed: Home, tmp_path: Path) -> None:
    lists = tmp_path / "smart"
    placed.configure(
        {"similar": 3},
        plugins=("smartplaylist", "cfaudio"),
        smartplaylist={
            "playlist_dir": str(lists),
            "relative_to": str(placed.music),
            "playlists": [
                {"name": "like.m3u", "query": 'similar:"id:1" cf_match-'},
                {"name": "mellow.m3u", "query": "cf_tags:mellow cf_score:30.. cf_score-"},
                {"name": "either.m3u", "query": ["similar:id:1", "similar:id:40"]},
            ],
        },
    )
    assert placed.beet("splupdate").code == 0
    paths = {
        item: f"{artist}/{title[6:]} Stück" for item, artist, title in placed.sql("SELECT id, artist, title FROM items")
    }

    def entries(name: str) -> list[str]:
        return [line.rsplit(".", 1)[0] for line in (lists / name).read_text(encoding="utf-8").splitlines()]

    assert entries("like.m3u") == [paths[i] for i in (2, 3, 4)]
    assert entries("mellow.m3u") == [paths[i] for i in range(20, 12, -1)]
    assert sorted(entries("either.m3u")) == sorted(paths[i] for i in (2, 3, 4, 37, 38, 39))
    assert DRUMS[-1] in entries("either.m3u")[-1]
