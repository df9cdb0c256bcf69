"""What any list promises, over random libraries: size, share, what is left out, and that it is the same again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import beets
import numpy as np
from beets.library import Library
from hypothesis import example, given
from hypothesis import strategies as st

from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.playlists.candidates import gather
from beetsplug.cfaudio.playlists.recommend import choose_items
from beetsplug.cfaudio.playlists.request import Chosen, Request
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.ranking.duplicates import marks, same_songs

DAY = 86400
beets.config["create_backup_before_migrations"].set(False)  # lest a new library leaves files here
NOWHERE = Library(":memory:")  # of whose items no field is known
NOW = 20_000 * DAY
ARTISTS = ["", "Can", "CAN", "Neu!", "Faust", "Cluster", "Harmonia", "La Düsseldorf"]


def library(n: int, seed: int, with_vectors: bool) -> RankingData:
    """Tracks of a few artists: some played, some lately, some without a score or a vector, some the same song."""
    random = np.random.default_rng(seed)
    artists = [ARTISTS[k] for k in random.integers(len(ARTISTS), size=n)]
    titles = [f"Song {k}" for k in random.integers(max(n, 1), size=n)]
    nothing = [""] * n
    tracks = Tracks(
        ids=np.arange(10, n + 10),
        paths=[b""] * n,
        keys=[f"{i}" for i in range(n)],
        artists=artists,
        albums=nothing,
        genres=[()] * n,
        models=["cf-1"] * n,
        titles=titles,
        album_titles=nothing,
        albumartists=nothing,
        recording_mbids=nothing,
        track_mbids=nothing,
        lengths=np.zeros(n, np.float32),
        playlists=[()] * n,
    )
    plays = np.float32(random.integers(0, 4, n) * (random.random(n) < 0.6))
    person = Listener("me", plays, np.float32(random.random(n) < 0.1))
    vectors = np.float32(random.standard_normal((n, 5)) * (random.random((n, 1)) < 0.9) * with_vectors)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    scores = np.where(random.random(n) < 0.9, 100 * random.random(n), np.nan).astype(np.float32)
    last_played = np.where(plays > 0, NOW - random.integers(0, 400, n) * DAY, 0)
    folded = ["", *sorted({name.casefold() for name in ARTISTS[1:]})]
    artist = np.array([folded.index(name.casefold()) for name in artists], np.int64)
    placed = vectors.any(axis=1)
    song = same_songs(marks(artists, titles, nothing, tracks.keys, nothing), tracks.lengths)
    return RankingData(
        ids=tracks.ids,
        artist=artist,
        album=np.zeros(n, np.int64),
        song=song,
        lengths=tracks.lengths,
        placed=placed,
        vectors=vectors,
        scores={"me": scores},
        listeners=[person],
        last_played={"me": last_played},
        now=NOW,
    )


libraries = st.builds(library, st.integers(0, 60), st.integers(0, 9999), st.booleans())
requests = st.builds(
    Request,
    n=st.integers(1, 40),
    unplayed=st.floats(0, 1),
    per_artist=st.integers(1, 4),
    diversity=st.floats(0, 1),
    fresh_days=st.integers(0, 100),
    taste=st.sampled_from(["modes", "mean"]),
    seed=st.none() | st.integers(0, 99),
)
avoided = st.frozensets(st.integers(10, 70), max_size=20)


def chosen(data: RankingData, request: Request, avoid: frozenset[int]) -> Chosen:
    return choose_items(NOWHERE, data, request, avoid=avoid)


@given(libraries, requests, avoided)
def test_a_list_has_no_song_twice_and_nothing_that_was_played_lately_or_is_to_be_avoided(
    data: RankingData, request: Request, avoid: frozenset[int]
) -> None:
    got = chosen(data, request, avoid)
    at = np.array(got.ids, np.int64) - 10
    assert len(set(data.song[at].tolist())) == len(at)
    assert not avoid.intersection(got.ids)
    assert not request.fresh_days or (data.last_played["me"][at] <= NOW - request.fresh_days * DAY).all()
    assert got.why or len(got)
    assert bool(got.why) <= (len(got) < request.n)
    assert chosen(data, request, avoid).ids == got.ids


@example(
    library(59, 0, with_vectors=True),  # two of its tracks are alike, and of unknown length
    Request(n=26, unplayed=0.0, per_artist=1, diversity=0.0, fresh_days=0, taste="modes"),
)
@given(libraries, requests)
def test_size_and_share_are_exact_while_there_are_songs_that_are_liked(data: RankingData, request: Request) -> None:
    request = replace(request, taste="modes", fresh_days=0)
    got = chosen(data, request, frozenset())
    pool = gather(NOWHERE, data, request)
    known = [] if isinstance(pool, str) else (data.listeners[0].plays[pool.positions] > 0).tolist()
    assert len(got) == min(request.n, len(known))
    wanted, familiar = round(request.unplayed * len(got)), sum(known)
    unplayed = sum(reason.unplayed for reason in got.reasons)
    assert unplayed == min(max(wanted, len(got) - familiar), len(known) - familiar)


@given(libraries, requests)
def test_an_artist_has_more_than_his_share_only_where_the_rest_is_taken(data: RankingData, request: Request) -> None:
    data = replace(data, scores={"me": data.scores["me"] / 20})  # all liked nearly as much
    request = replace(request, taste="modes", fresh_days=0)
    got, pool = chosen(data, request, frozenset()), gather(NOWHERE, data, request)
    possible = [] if isinstance(pool, str) else pool.positions.tolist()
    plays, artists = data.listeners[0].plays, data.artist
    at = [i - 10 for i in got.ids]
    count = Counter(artists[i] for i in at)
    if any(n > request.per_artist for artist, n in count.items() if artist):
        taken = {int(data.song[i]) for i in at}
        left = [i for i in possible if int(data.song[i]) not in taken]
        assert any(
            all(artists[i] and count[artists[i]] >= request.per_artist for i in left if (plays[i] > 0) == kind)
            for kind in (True, False)
        )


@given(libraries, requests)
def test_what_was_avoided_makes_room_for_others(data: RankingData, request: Request) -> None:
    first = chosen(data, request, frozenset())
    unplayed = frozenset(reason.id for reason in first.reasons if reason.unplayed)
    assert not unplayed.intersection(chosen(data, request, unplayed).ids)


@given(libraries, requests)
def test_every_reason_names_a_mode_and_tracks_of_the_library(data: RankingData, request: Request) -> None:
    got = chosen(data, request, frozenset())
    assert sum(mode.share for mode in got.modes) == 0 or abs(sum(mode.share for mode in got.modes) - 1) < 1e-4
    loved = {i for mode in got.modes for i in mode.ids}
    for reason in got.reasons:
        assert reason.unplayed == (data.listeners[0].plays[reason.id - 10] == 0)
        assert reason.mode is None or 0 <= reason.mode < len(got.modes)
        assert set(reason.near) <= loved - {reason.id}


def test_what_is_liked_comes_first_of_what_is_equally_alike() -> None:
    data = library(20, 0, True)
    vectors, scores = np.zeros_like(data.vectors), np.zeros(20, np.float32)
    vectors[:, 0] = 1
    scores[7] = 100
    person = Listener("me", np.zeros(20, np.float32), np.zeros(20, np.float32))
    data = replace(data, vectors=vectors, scores={"me": scores}, listeners=[person], song=np.arange(20))

    class Everything(Library):
        def items(self, query: object = None) -> Any:
            return [SimpleNamespace(id=i) for i in data.ids]

    request = Request(1, 1.0, 2, 0.3, 0, "modes", like=("title:Song",))
    assert choose_items(Everything(":memory:"), data, request).ids == [17]
