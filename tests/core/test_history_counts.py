"""Counts, dated plays and plays without a time of one source, and of several."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from cfaudio_core.data.listeners import Listener, make_listeners
from cfaudio_core.history.formats import Format, ReadOptions
from cfaudio_core.history.listeners import MatchedHistory, with_history
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.history.store import ListenStore

TRACKS = [TrackText("Ann", "Red", duration=200.0), TrackText("Ann", "Blue", duration=200.0)]
RED, BLUE = TRACKS
T0 = 1_700_000_000


@pytest.fixture
def store(tmp_path: Path) -> ListenStore:
    return ListenStore(f"sqlite:///{tmp_path}/history.db")


def add(store: ListenStore, source: str, records: Iterable[Listen | Tally]) -> None:
    read = Format(source, "", "", lambda *_: iter(list(records))).read("", ReadOptions())
    store.add(read, source=source, listener_of=lambda _: "me")


def counted(store: ListenStore) -> Listener:
    texts = store.texts()
    positions = np.array([TRACKS.index(text) for text in texts.values()], np.int64)
    durations = np.array([text.duration for text in texts.values()], np.float64)
    history = MatchedHistory.read(store, durations, np.float32([200, 200]), positions, 1800.0, np.zeros(2, np.uint64))
    return with_history(make_listeners({}, {}, 2), history)[0]


def dated(track: TrackText, n: int) -> list[Listen]:
    return [Listen(track, T0 + 1000 * k) for k in range(n)]


@pytest.mark.parametrize("source", ["navidrome", "lyrion", "jellyfin", "csv"])
def test_a_count_is_of_the_dated_plays_and_those_from_before(store: ListenStore, source: str) -> None:
    add(store, source, [*dated(RED, 3), Tally(RED, 50), *dated(BLUE, 2), Tally(BLUE, 1)])
    assert counted(store).plays.tolist() == [50, 2]


def test_what_counts_have_grown_by_is_beside_the_dated_plays(store: ListenStore) -> None:
    add(store, "snapshot", [*dated(RED, 3), Tally(RED, 4)])
    assert counted(store).plays.tolist() == [7, 0]


def test_tracks_whose_counts_grew_between_the_same_runs_are_known_to_belong_together(store: ListenStore) -> None:
    add(store, "snapshot", [Tally(RED, 4, last=T0), Tally(BLUE, 1, last=T0)])
    assert counted(store).counted.tolist() == [T0, T0]
    add(store, "navidrome", [Tally(RED, 9, last=T0 + 5000)])  # whose time is that of the last play
    assert counted(store).counted.tolist() == [T0, T0]


def test_skips_of_a_count_are_kept_beside_dated_plays(store: ListenStore) -> None:
    add(store, "lyrion", [*dated(RED, 3), Tally(RED, 2, 9)])
    assert (counted(store).plays[0], counted(store).skips[0]) == (3, 9)


@pytest.mark.parametrize("time", [0, 1, 3600, 631_151_999, 32_503_680_000, -5])
def test_plays_without_a_believable_time_count(store: ListenStore, time: int) -> None:
    add(store, "rockbox", [Listen(RED, time)] * 5 + dated(RED, 2))
    found = counted(store)
    assert found.plays.tolist() == [7, 0]
    assert len(found.sessions.track) == 2


def test_plays_without_a_time_count_once_however_often_they_are_imported(store: ListenStore) -> None:
    for n in (5, 5, 2, 6):
        add(store, "rockbox", [Listen(RED, 0)] * n)
    assert counted(store).plays.tolist() == [6, 0]


def test_a_skip_without_a_time_is_a_skip(store: ListenStore) -> None:
    add(store, "rockbox", [Listen(RED, 0, skipped=True), Listen(RED, 0, 5.0), Listen(RED, 0)])
    assert (counted(store).plays[0], counted(store).skips[0]) == (1, 2)


def test_plays_without_a_time_make_no_history_begin_in_1970(store: ListenStore) -> None:
    add(store, "rockbox", [Listen(RED, 0), *dated(RED, 2)])
    (held,) = store.overview()
    assert (held.listens, held.first, held.last) == (3, T0, T0 + 1000)
    add(store, "lastfm", [Listen(RED, 0)])
    (other, _) = store.overview()
    assert (other.source, other.first, other.last) == ("lastfm", 0, 0)


def test_durations_of_0_throughout_an_import_are_none(store: ListenStore) -> None:
    add(store, "csv", [Listen(RED, T0, 150.0)])
    add(store, "csv", [Listen(BLUE, T0 + 1000, 0.0), Listen(BLUE, T0 + 9000, 0.0)])
    assert counted(store).plays.tolist() == [1, 2]
