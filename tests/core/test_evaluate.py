"""Systems side by side, in libraries where it is known who must win."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic import NET, QUICK, fill_store, make_library, make_listener, make_tracks, steady
from test_protocols import history

from cfaudio_core.evaluation.evaluate import METRICS, Table, evaluate_splits, list_length, plan, units_of
from cfaudio_core.evaluation.protocols import PROTOCOLS
from cfaudio_core.evaluation.systems import ABLATIONS, SYSTEMS, systems_for
from cfaudio_core.evaluation.tables import TITLES, as_json, in_words, lines
from cfaudio_core.evaluation.tasks import EvalData, Split, Task
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import ExtractorConfig
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.finetuning.track_windows import TrackWindows
from cfaudio_core.models.frozen_kernel import frozen_features

LIBRARY = make_library(240)
AUDIO_ALONE = replace(LIBRARY.tracks, artists=[""] * 240, albums=[""] * 240, genres=[()] * 240)


def evaluated(data, protocol, systems=tuple(SYSTEMS), most=None):
    splits, empty = plan(data, [protocol], [0])
    assert not empty
    return evaluate_splits(data, splits[protocol][:most], units_of(data, protocol), systems=systems)


def value(table, system, metric="auc"):
    return table.row(system).figures[metric].value


@pytest.fixture(scope="module")
def by_audio():
    """A library in which audio alone predicts what is played."""
    (table,) = evaluated(EvalData(AUDIO_ALONE, [LIBRARY.listener], LIBRARY.sound, NET, QUICK), "cold-tracks")
    return table


def by_artist():
    """Half of the artists are loved, and audio predicts nothing; two thirds of the tracks are played."""
    rng = np.random.default_rng(0)
    n = 120
    tracks = make_tracks(
        n, artists=[f"artist {i // 10}" for i in range(n)], albums=[f"album {i // 5}" for i in range(n)]
    )
    plays = [0 if i % 3 == 2 else 9 + i % 4 if i // 10 % 2 else 1 + i % 2 for i in range(n)]
    return EvalData(tracks, [make_listener(plays)], steady(np.float32(rng.normal(0, 1, (n, 8)))), NET, QUICK)


def split_of(listener, given=(), tracks=None, now=0):
    n = len(listener.plays)
    nothing = np.zeros(0)
    task = Task("month", np.arange(n), nothing > 0, np.float32(nothing), np.arange(n), np.array(given, np.int64))
    tracks = tracks or make_tracks(n)
    return EvalData(tracks, [listener], steady(np.eye(n, dtype=np.float32)), NET, QUICK), Split(
        0, 0, tracks, [listener], [listener], now, [task]
    )


def test_where_audio_predicts_cfaudio_finds_the_loved_and_shuffled_features_do_not(by_audio):
    assert value(by_audio, "cfaudio") > 0.85
    assert value(by_audio, "frozen kernel") > 0.75
    assert value(by_audio, "cfaudio", "found") > 2 * by_audio.listed / by_audio.pool
    shuffled = by_audio.row("shuffled sound").figures["auc"]
    assert shuffled.low < 0.5 < shuffled.high
    assert by_audio.row("shuffled sound").behind["auc"].low > 0


@pytest.mark.parametrize("system", ["random", "popularity", "decayed counts", "artist mean", "factors alone"])
def test_never_played_tracks_are_chance_for_all_without_audio(by_audio, system):
    assert value(by_audio, system) == 0.5
    assert value(by_audio, system, "found") == pytest.approx(by_audio.listed / by_audio.pool, abs=0.01)


def test_the_upper_bound_saw_what_is_hidden(by_audio):
    assert value(by_audio, "upper bound") > 0.99
    assert by_audio.row("upper bound").behind["precision"].value < 0


def test_an_interval_holds_its_figure_and_cfaudio_is_not_behind_itself(by_audio):
    for row in by_audio.rows:
        for metric in METRICS:
            figure = row.figures[metric]
            assert figure.low - 1e-9 <= figure.value <= figure.high + 1e-9, (row.system, metric)
            assert row.behind[metric].value == pytest.approx(value(by_audio, "cfaudio", metric) - figure.value)
    assert set(by_audio.row("cfaudio").behind["auc"]) == {0.0}


def test_where_the_artist_decides_names_are_enough_until_whole_artists_are_hidden():
    data, some = by_artist(), ("artist mean", "cfaudio", "shuffled sound")
    (tracks,) = evaluated(data, "cold-tracks", some, 3)
    (albums,) = evaluated(data, "cold-albums", some, 3)
    (artists,) = evaluated(data, "new-artists", some, 3)
    assert value(tracks, "artist mean") == value(albums, "artist mean") == 1
    assert value(tracks, "shuffled sound") > 0.9
    assert value(albums, "cfaudio") > 0.9
    assert value(artists, "artist mean") == 0.5
    assert value(artists, "cfaudio") < value(albums, "cfaudio")


def test_the_same_seed_gives_the_same_table():
    data = by_artist()
    some = ("random", "cfaudio", "shuffled sound")
    once, again = (json.dumps(as_json(evaluated(data, "cold-albums", some, 2)[0])) for _ in range(2))
    assert once == again


def test_in_a_month_of_the_same_old_tracks_counts_win_and_new_ones_are_asked_about_apart():
    sessions = [[(5 * s + k) % 60 for k in range(5)] for s in range(90)]
    sessions += [[s % 10, (s + 3) % 10, 60 + s % 20, 61 + s % 20] for s in range(29)]
    data = EvalData(AUDIO_ALONE, [history(sessions, 240)], LIBRARY.sound, NET, QUICK)
    familiar, new = evaluated(data, "month", ("random", "popularity", "cfaudio", "upper bound"))
    assert (familiar.name, new.name) == ("month", "month, new")
    assert familiar.candidates == 60
    assert new.candidates == 180
    assert new.relevant == 21
    assert value(new, "popularity") == 0.5
    assert value(new, "upper bound") > 0.9


def test_sessions_that_always_go_on_alike_are_completed_by_factors():
    sessions = [[10 * (s % 6) + k for k in (np.arange(6) + s) % 10] for s in range(120)]
    data = EvalData(AUDIO_ALONE, [history(sessions, 240)], LIBRARY.sound, NET, QUICK)
    (table,) = evaluated(data, "session", ("random", "popularity", "factors alone", "cfaudio"))
    assert table.tasks == 24
    assert value(table, "factors alone", "recall") > 0.9
    assert value(table, "popularity", "recall") < 0.6
    assert value(table, "cfaudio", "recall") > value(table, "random", "recall")


def test_a_listener_without_plays_gets_a_reason_in_every_table():
    data = EvalData(LIBRARY.tracks, [make_listener([0] * 240)], LIBRARY.sound, NET, QUICK)
    splits, empty = plan(data, PROTOCOLS, [0])
    assert not splits
    assert len(empty) == len(PROTOCOLS)
    printed = [list(lines(table)) for table in empty]
    assert printed[0][1] == "Not evaluated: 0 tracks were played or skipped; it takes 40."
    assert "there is no listening history" in printed[-1][1]
    assert in_words(empty) == ""


def test_decayed_counts_forget_by_half_in_90_days():
    old = history([[0], [0], [0], [1]], 3, apart=0)
    sessions = old.sessions
    later = np.where(sessions.track == 1, sessions.time + 180 * 86_400, sessions.time)
    data, split = split_of(replace(old, sessions=replace(sessions, time=later)), now=int(later.max()))
    np.testing.assert_allclose(SYSTEMS["decayed counts"](data, split), [0.75, 1, 0], rtol=1e-3)


def test_the_mean_of_an_artist_unknown_is_that_of_all():
    tracks = make_tracks(5, artists=["a", "a", "b", "c", ""])
    data, split = split_of(make_listener([3, 0, 1, 0, 0]), tracks=tracks)
    usual = (math.log(4) + math.log(2)) / 2
    np.testing.assert_allclose(
        SYSTEMS["artist mean"](data, split), [math.log(4), math.log(4), math.log(2), usual, usual], rtol=1e-5
    )


def test_an_artist_completes_a_session_by_name():
    tracks = make_tracks(5, artists=["a", "a", "b", "c", ""])
    data, split = split_of(make_listener([1] * 5), given=[0, 2, 4], tracks=tracks)
    np.testing.assert_array_equal(SYSTEMS["artist mean"](data, split), [[1, 1, 1, 0, 0]])


def test_what_is_in_doubt_makes_no_pairs_but_is_on_the_list():
    at = np.arange(4)
    task = Task("cold tracks", at, at == 1, np.float32([0, 1, 0.6, 0]), at)
    data, split = split_of(make_listener([3, 2, 1, 0]))  # ranked by popularity, a plain one stands before the loved one

    def ranked(doubtful):
        asked = replace(split, tasks=[task._replace(doubtful=np.array(doubtful, np.int64))])
        (table,) = evaluate_splits(data, [asked], at, systems=("popularity", "cfaudio"))
        return value(table, "popularity"), value(table, "popularity", "precision")

    assert ranked([]) == (pytest.approx(2 / 3), 0.5)
    assert ranked([0]) == (1, 0.5)
    assert ranked([2]) == (0.5, 0.5)


def test_a_list_has_50_tracks_or_a_fifth_of_what_there_is():
    def length(n):
        return list_length(Task("session", np.arange(n), np.ones(n, bool), np.ones(n, np.float32), np.arange(n)))

    assert [length(n) for n in (3, 100, 250, 10_000)] == [1, 20, 50, 50]


def test_a_table_is_summed_up_in_words_and_names_whom_cfaudio_does_not_beat(by_audio):
    printed = list(lines(by_audio))
    assert printed[0].startswith("Cold tracks: ")
    assert sum(line.startswith("cfaudio   ") for line in printed) == 1
    (better,) = (line for line in printed if line.startswith("cfaudio is better than"))
    assert "shuffled sound" in better
    assert "upper bound" not in better
    assert max(map(len, printed[:14])) < 120
    found, chance = value(by_audio, "cfaudio", "found"), by_audio.listed / by_audio.pool
    sentence = in_words([Table("month", "too short"), by_audio])
    assert sentence.startswith("Of the tracks you love that it had never seen you play, cfaudio puts")
    assert f"{found:.0%} in the first" in sentence
    assert sentence.endswith(f"chance {chance:.0%}.")
    assert in_words([by_audio], "ben").startswith("Of the tracks ben loves that it had never seen ben play")


def test_of_new_artists_the_sentence_says_that_they_are_new(by_audio):
    new = replace(by_audio, name="new artists")
    assert in_words([new]).startswith("Of the tracks you love by artists that it had never seen you play, cfaudio puts")
    assert f"the frozen kernel {value(by_audio, 'frozen kernel', 'found'):.0%}, chance" in in_words([new])


def test_a_table_that_is_worse_says_so(by_audio):
    worse = [
        replace(row, behind={m: row.behind[m]._replace(low=-0.3, high=-0.1) for m in METRICS})
        if row.system == "artist mean"
        else row
        for row in by_audio.rows
    ]
    assert "cfaudio is worse than artist mean." in list(lines(replace(by_audio, rows=worse)))


def test_as_json_it_is_plain_and_complete(by_audio):
    table = json.loads(json.dumps(as_json(by_audio), allow_nan=False))
    assert table["name"] == "cold tracks"
    assert table["title"] == TITLES["cold tracks"]
    assert [row["system"] for row in table["rows"]] == list(SYSTEMS)
    assert set(table["rows"][0]["figures"]) == set(METRICS)
    assert len(table["rows"][0]["behind"]["auc"]) == 3


@pytest.fixture
def tuned(tmp_path: Path):
    """A small analysed library whose listener has sessions and playlists, to be fine-tuned on."""
    library = make_library(80)
    with FeatureStore(tmp_path / "features.db") as store:
        fill_store(store, library)
        windows = TrackWindows(store, NET, ExtractorConfig(), {}, 1)
        training = replace(QUICK, net=NetSettings("auto"))
        often = np.argsort(-library.liking)[:40].tolist()
        listener = history([[often[(3 * s + k) % 40] for k in range(4 + s % 3)] for s in range(64)], 80)
        plays = np.where(library.liking > np.median(library.liking), 12, 1) * library.listener.played
        listener = replace(listener, plays=np.maximum(listener.plays, np.float32(plays)))
        tracks = replace(library.tracks, playlists=[("mine",) if i % 3 else () for i in range(80)])
        yield EvalData(tracks, [listener], store.summaries(NET, tracks.keys), NET, training, windows)


def test_fine_tuning_sees_neither_plays_nor_sessions_nor_playlists_of_what_is_hidden(tuned):
    split = plan(tuned, ["new-artists"], [0])[0]["new-artists"][0]
    hidden = tuned.listener.known & ~split.listener.known
    lists = [("others",) if h else names for h, names in zip(hidden, tuned.tracks.playlists, strict=True)]
    everything = np.arange(80)
    differently = history([everything[hidden].tolist() * 3, everything[~hidden].tolist()], 80)
    other = replace(tuned, tracks=replace(tuned.tracks, playlists=lists), listeners=[differently])
    scores = SYSTEMS["cfaudio"](tuned, split)
    np.testing.assert_array_equal(SYSTEMS["cfaudio"](other, split), scores)
    assert not np.array_equal(SYSTEMS["no fine-tuning"](tuned, split), scores)


def test_an_ablation_is_cfaudio_with_the_setting_of_that_name(tuned):
    split = plan(tuned, ["session"], [0])[0]["session"][0]
    settings = {
        "no factors": replace(tuned.training, factorizer="none"),
        "no fine-tuning": replace(tuned.training, net=NetSettings("none")),
    }
    scores = {name: SYSTEMS[name](tuned, split) for name in settings}
    for name, training in settings.items():
        np.testing.assert_array_equal(SYSTEMS["cfaudio"](replace(tuned, training=training), split), scores[name])
        assert not np.array_equal(SYSTEMS["cfaudio"](tuned, split), scores[name])


def test_cfaudio_is_not_compared_with_itself(tuned):
    assert set(ABLATIONS) <= set(systems_for(tuned))
    assert not set(ABLATIONS) & set(systems_for(tuned, ablations=False))
    assert "no fine-tuning" not in systems_for(replace(tuned, windows=None))
    assert "no factors" not in systems_for(replace(tuned, training=replace(QUICK, factorizer="none")))


def test_the_frozen_kernel_knows_the_net_alone_at_the_scale_of_the_library(tuned):
    features = frozen_features(tuned.feature_matrix, np.arange(80), seed=0)
    activations = tuned.features.means[:, :8]  # the other parts are the stereo image and descriptors
    expected = (activations - activations.mean(axis=0)) / activations.std(axis=0) / np.sqrt(8)
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-4)
