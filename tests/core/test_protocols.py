"""What is hidden from a recommender: all of it, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import NET, QUICK, make_library, make_listener, make_tracks

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.sessions import Sessions, session_halves
from cfaudio_core.evaluation.protocols import MAX_FOLDS, MONTH_S, cold, completions, months, relevance
from cfaudio_core.evaluation.splits import groups_of, sample
from cfaudio_core.evaluation.tasks import EvalData, NotEvaluatedError

LIBRARY = make_library(120)
DAY = 86_400


def data_of(tracks=LIBRARY.tracks, *listeners):
    return EvalData(tracks, list(listeners) or [LIBRARY.listener], LIBRARY.sound, NET, QUICK)


def history(sessions, n, start=1_600_000_000, apart=DAY):
    """A listener who played these lists of tracks, a day apart."""
    track = np.array([t for session in sessions for t in session], np.int64)
    number = np.repeat(np.arange(len(sessions)), [len(session) for session in sessions])
    time = start + number * apart + np.concatenate([np.arange(len(session)) * 200 for session in sessions])
    played = Sessions(np.zeros_like(track), track, number, time, np.zeros(len(track), bool))
    return Listener("me", np.float32(played.plays(n)), np.zeros(n, np.float32), played)


def test_loved_is_what_is_played_twice_as_often_as_usual_and_what_lies_between_is_in_doubt():
    loved, plain = relevance(make_listener([1] * 40 + [4] * 10 + [2] * 10 + [0] * 5))  # usual is 1.4
    assert np.flatnonzero(loved).tolist() == list(range(40, 50))
    assert np.flatnonzero(plain).tolist() == list(range(40))


def test_what_is_skipped_instead_is_not_loved():
    plays = [1] * 40 + [8] * 12
    assert relevance(make_listener(plays))[0][-1]
    loved, plain = relevance(make_listener(plays, [0] * 51 + [9]))
    assert (loved[-1], plain[-1]) == (False, True)


@pytest.mark.parametrize(
    ("plays", "why"),
    [
        ([0] * 100, "0 tracks were played or skipped; it takes 40"),
        ([1] * 33 + [0] * 9, "33 tracks were played or skipped; it takes 40"),
        (
            [3] * 100,
            "of 100 tracks 0 were played twice as often as usual, and 100 no more often than usual; it takes 5",
        ),
    ],
)
def test_a_listener_of_whom_too_little_is_known_gets_a_reason(plays, why):
    with pytest.raises(NotEvaluatedError, match=why):
        relevance(make_listener(plays))


def test_every_known_track_is_hidden_once_a_seed_with_all_that_is_known_of_it():
    splits = list(cold(data_of(), "tracks", [0]))
    hidden = np.concatenate([split.tasks[0].candidates for split in splits])
    loved, plain = relevance(LIBRARY.listener)
    assert len(splits) == min(MAX_FOLDS, loved.sum())  # each has something loved
    assert {len(split.tasks[0].candidates) for split in splits} == {15}
    assert sorted(hidden) == np.flatnonzero(LIBRARY.listener.known).tolist()
    for split in splits:
        (task,) = split.tasks
        assert not split.listener.known[task.candidates].any()
        assert split.listener.known.sum() + len(task.candidates) == LIBRARY.listener.known.sum()
        assert split.oracle == [LIBRARY.listener]
        never = np.flatnonzero(~LIBRARY.listener.known)
        assert sorted(task.pool) == sorted([*task.candidates, *never])
        np.testing.assert_array_equal(task.relevant, loved[task.candidates])
        assert set(task.doubtful) == set(task.candidates[~(loved | plain)[task.candidates]])


def test_the_same_seed_hides_the_same_and_another_does_not():
    def dealt(seed):
        return [sorted(split.tasks[0].candidates) for split in cold(data_of(), "tracks", [seed])]

    assert dealt(0) == dealt(0) != dealt(1)


@pytest.mark.parametrize("kind", ["albums", "artists"])
def test_whole_albums_and_artists_are_hidden(kind):
    names = np.array(getattr(LIBRARY.tracks, kind))
    splits = list(cold(data_of(), kind, [0]))
    assert splits
    for split in splits:
        hidden = set(names[split.tasks[0].candidates])
        assert not hidden & set(names[split.listener.known])


@pytest.mark.parametrize("kind", ["tracks", "artists"])
def test_the_history_and_the_playlists_of_the_hidden_are_hidden_too_and_from_everybody(kind):
    sessions = [[t for t in range(0, 40) if (t + s) % 3 or t > 30] for s in range(40)]
    me = history(sessions, 120)
    me = replace(me, plays=me.plays + np.float32([8 if i < 12 else 0 for i in range(120)]) * 10)
    you = replace(make_listener([1] * 120), name="you")
    tracks = replace(LIBRARY.tracks, playlists=[("mine",)] * 120)
    names = np.array(LIBRARY.tracks.artists)
    for split in cold(data_of(tracks, me, you), kind, [0]):
        hidden = split.tasks[0].candidates
        if kind == "artists":  # also what the first listener never played of them
            hidden = np.flatnonzero(np.isin(names, names[hidden]))
        assert not np.isin(hidden, split.listeners[0].sessions.track).any()
        assert not split.listeners[1].known[hidden].any()
        assert all(split.tracks.playlists[i] == () for i in hidden)
        assert split.tracks.playlists.count(("mine",)) == 120 - len(hidden)
        assert split.tracks.artists == LIBRARY.tracks.artists


def test_copies_of_a_hidden_track_are_hidden_too():
    keys = [f"key{i // 2}" for i in range(120)]  # every played track has a never played copy
    for split in cold(data_of(replace(LIBRARY.tracks, keys=keys)), "tracks", [0]):
        task = split.tasks[0]
        assert not set(task.pool) & {i + 1 for i in task.candidates}


def test_albums_of_one_track_are_not_evaluated_again():
    alone = replace(LIBRARY.tracks, albums=[f"single {i}" for i in range(120)])
    with pytest.raises(NotEvaluatedError, match="no two played tracks share an album"):
        next(cold(data_of(alone), "albums", [0]))


def test_albums_that_are_all_of_an_artist_are_not_evaluated_again():
    same = replace(LIBRARY.tracks, artists=LIBRARY.tracks.albums)
    with pytest.raises(NotEvaluatedError, match="the same as new artists"):
        next(cold(data_of(same), "albums", [0]))


def test_tracks_without_an_album_are_groups_of_their_own():
    tracks = make_tracks(4, albums=["a", "", "a", ""])
    group = groups_of(tracks, "albums")
    assert group[0] == group[2]
    assert len(set(group)) == 3


def test_a_month_is_asked_about_by_what_was_played_before_it():
    sessions = [[s % 40, (s + 1) % 40, (s + 2) % 40] for s in range(80)]
    sessions += [[s % 10, 40 + s % 20] for s in range(29)]
    me = history(sessions, 120)
    (split,) = months(data_of(LIBRARY.tracks, me), [0])
    end = int(me.sessions.time.max()) + 1
    assert split.now == end - MONTH_S
    assert split.listener.sessions.time.max() < split.now
    familiar, new = split.tasks
    assert (familiar.table, new.table) == ("month", "month, new")
    assert set(familiar.candidates[familiar.relevant]) >= set(range(10))
    assert set(new.candidates[new.relevant]) == set(range(40, 60))
    assert not set(familiar.candidates) & set(new.candidates)


@pytest.mark.parametrize("protocol", [months, completions])
def test_counts_alone_do_not_say_when(protocol):
    with pytest.raises(NotEvaluatedError, match="there is no listening history"):
        next(protocol(data_of(), [0]))


def test_a_short_history_says_how_short():
    with pytest.raises(NotEvaluatedError, match="the history is 9 days long; it takes 60"):
        next(months(data_of(LIBRARY.tracks, history([[1, 2]] * 10, 120)), [0]))


def test_too_few_sessions_are_counted():
    with pytest.raises(NotEvaluatedError, match="has 2 sessions of 4 tracks, and before it 5 tracks"):
        next(completions(data_of(LIBRARY.tracks, history([[1, 2, 3, 4, 5]] * 10, 120)), [0]))


def test_the_last_fifth_of_the_sessions_is_completed_by_the_others():
    sessions = [[(7 * s + k) % 60 for k in range(6)] for s in range(50)]
    me = history(sessions, 120)
    (split,) = completions(data_of(LIBRARY.tracks, me), [3])
    assert len(split.tasks) == 10
    assert len(split.listener.sessions) == 40
    task = split.tasks[0]
    assert task.number == 40
    assert task.given.tolist() == sessions[40][:3]
    assert set(task.candidates[task.relevant]) == set(sessions[40][3:])
    assert not set(task.candidates) & set(task.given)


def test_a_session_is_halved_without_what_was_rejected_or_is_not_asked_for():
    played = history([[0, 1, 0, 2, 3, 4, 5], [6, 7]], 8).sessions
    played = replace(played, rejected=np.isin(played.track, [2]))
    among = np.arange(8) != 5
    ((session, given, rest),) = session_halves(played, 0, 2, 4, among)
    assert (session, given.tolist(), rest.tolist()) == (0, [0, 1], [3, 4])


def test_a_sample_takes_half_of_its_tracks_from_what_is_known_and_whole_artists():
    n = 5000
    tracks = make_tracks(n, artists=[f"artist {i // 10}" for i in range(n)])
    person = make_listener([1 if i % 10 < 3 else 0 for i in range(n)])
    chosen = sample(tracks, [person], 1000, seed=0)
    assert len(set(chosen)) == 1000
    assert person.known[chosen].sum() == 500
    artists = np.array(tracks.artists)
    with_known = artists[np.intersect1d(chosen, np.flatnonzero(person.known))]
    assert np.unique(with_known, return_counts=True)[1].tolist().count(3) >= 166
    np.testing.assert_array_equal(chosen, sample(tracks, [person], 1000, seed=0))


@pytest.mark.parametrize("known", [0, 20, 4990])
def test_a_sample_is_full_however_little_is_known(known):
    person = make_listener([1 if i < known else 0 for i in range(5000)])
    chosen = sample(make_tracks(5000), [person], 1000, seed=0)
    assert len(set(chosen)) == 1000
    assert person.known[chosen].sum() == {0: 0, 20: 20, 4990: 990}[known]


def test_a_small_library_is_not_sampled():
    assert sample(LIBRARY.tracks, [LIBRARY.listener], 120, 0).tolist() == list(range(120))
