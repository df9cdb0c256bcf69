"""Sessions and playlists as rows of the interactions, beside counts and tags."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cfaudio_core.data import interactions
from cfaudio_core.data.interactions import Interactions, gather_interactions, session_rows
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.sessions import Sessions
from cfaudio_core.data.tracks import Tracks


def tracks(n: int, **columns: list[object]) -> Tracks:
    names = ["keys", "artists", "albums", "models", "titles", "album_titles", "albumartists"]
    texts = {name: [""] * n for name in [*names, "recording_mbids", "track_mbids"]}
    plain = Tracks(
        ids=np.arange(n),
        paths=[b""] * n,
        genres=[()] * n,
        lengths=np.zeros(n, np.float32),
        playlists=[()] * n,
        **texts,
    )
    return dataclasses.replace(plain, **columns)  # type: ignore[arg-type]


def sessions(*rows: list[tuple[int, bool]]) -> Sessions:
    """A list of (track, rejected) for each session."""
    flat = [(number, track, rejected) for number, row in enumerate(rows) for track, rejected in row]
    number, track, rejected = (np.array(column) for column in zip(*flat, strict=True))
    zeros = np.zeros(len(flat), np.int64)
    return Sessions(zeros, track.astype(np.int64), number.astype(np.int64), zeros, rejected.astype(bool))


def listener(n: int, history: Sessions) -> Listener:
    return Listener("me", history.plays(n).astype(np.float32), history.skips(n).astype(np.float32), history)


def rows_of(found: Interactions, kind: str) -> list[dict[int, float]]:
    dense = found.matrix.toarray()
    return [
        {int(j): round(float(dense[i, j]), 4) for j in np.flatnonzero(dense[i])}
        for i, name in enumerate(found.kinds)
        if name == kind
    ]


def test_a_session_is_a_row_of_log_plays_and_a_rejected_track_is_negative() -> None:
    history = sessions([(0, False), (1, False), (0, False), (2, True)])
    found = gather_interactions(tracks(4), [listener(4, history)])
    assert rows_of(found, "session") == [{0: 1.0986, 1: 0.6931, 2: -0.6931}]
    assert rows_of(found, "listener") == [{0: 1.0986, 1: 0.6931, 2: -0.6931}]
    assert found.matrix.dtype == np.float32


def test_a_track_played_and_rejected_as_often_is_still_observed() -> None:
    (row,) = rows_of(
        gather_interactions(tracks(2), [listener(2, sessions([(0, False), (0, True), (1, False)]))]), "session"
    )
    assert row[0] == pytest.approx(-1e-3)


def test_a_session_of_one_track_relates_no_two() -> None:
    found = gather_interactions(tracks(3), [listener(3, sessions([(0, False), (0, False)], [(1, False), (2, False)]))])
    assert rows_of(found, "session") == [{1: 0.6931, 2: 0.6931}]


def test_only_the_latest_sessions_are_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interactions, "MAX_SESSIONS", 2)
    history = sessions(*[[(k, False), (k + 1, False)] for k in range(4)])
    assert session_rows(history, 5).toarray().nonzero()[1].tolist() == [2, 3, 3, 4]


def test_every_listener_has_sessions_of_their_own() -> None:
    listeners = [listener(3, sessions([(0, False), (1, False)])), listener(3, sessions([(1, False), (2, False)]))]
    found = gather_interactions(tracks(3), listeners)
    assert [sorted(row) for row in rows_of(found, "session")] == [[0, 1], [1, 2]]
    assert found.kinds == ["session"] * 2 + ["listener"] * 2
    assert found.count("session") == found.n_shared == 2


def test_albums_weigh_more_than_artists_and_artists_more_than_genres() -> None:
    tagged = tracks(2, albums=["x"] * 2, artists=["y"] * 2, genres=[("z",)] * 2)
    found = gather_interactions(tagged, [listener(2, sessions([(0, False), (1, False)]))])
    weight = {kind: rows_of(found, kind)[0][0] / np.log(4) for kind in ("album", "artist", "genre")}
    assert weight == pytest.approx({"album": 2.0, "artist": 0.5, "genre": 0.25}, rel=1e-3)


def test_a_playlist_is_a_row_of_all_its_tracks_played_or_not() -> None:
    listed = tracks(4, playlists=[("a.m3u",), ("a.m3u", "b.m3u"), (), ("a.m3u",)])
    found = gather_interactions(listed, [listener(4, sessions([(0, False), (2, False)]))])
    assert rows_of(found, "playlist") == [{0: 0.6931, 1: 0.6931, 3: 0.6931}]
    assert found.count("playlist") == 1


def test_without_sessions_the_rows_are_those_of_counts_and_tags() -> None:
    counted = Listener("me", np.array([3, 1, 0], np.float32), np.array([0, 0, 2], np.float32))
    found = gather_interactions(tracks(3, albums=["x", "x", "x"]), [counted])
    assert found.kinds == ["listener", "album"]
    assert rows_of(found, "album") == [{0: 4.1589, 1: 2.7726, 2: 1.3863}]
