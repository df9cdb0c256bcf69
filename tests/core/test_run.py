"""The library-scale run on a real store and real models: what is done again, and what is not."""

import os
from dataclasses import replace

import numpy as np
import pytest
from synthetic import NET, QUICK, fill_store, make_library, make_listener, make_tracks, write_files

from cfaudio_core.errors import StoreError
from cfaudio_core.features.results import FeatureResult, file_state
from cfaudio_core.features.worker import ExtractorConfig
from cfaudio_core.models.model_files import FORMAT
from cfaudio_core.pipeline import run as module
from cfaudio_core.pipeline.run import RunSettings, extract_library, fit_and_embed
from cfaudio_core.training.fit import make_model_id

SETTINGS = RunSettings(training_set=QUICK)
LIBRARY = make_library(100)


def never(path, problem):
    pytest.fail(f"{path!r}: {problem}")


class Run:
    """A library with its store and models; `again` runs everything and stores what the plugin would store."""

    def __init__(self, store, folder, library):
        self.store, self.models = store, folder / "models"
        self.tracks, self.person, self.library = library.tracks, library.listener, library
        fill_store(store, library)

    def again(self, settings=SETTINGS, *, may_learn=True):
        outcome = extract_library(self.tracks, np.ones(len(self.tracks), bool), self.store, settings, never)
        fit_and_embed(self.tracks, [self.person], outcome, self.store, self.models, settings, may_learn=may_learn)
        if outcome.places:
            self.store.note("placed", outcome.digest)
            self.tracks = replace(self.tracks, models=[outcome.model.id] * len(self.tracks))
        return outcome


@pytest.fixture
def run(store, tmp_path):
    return Run(store, tmp_path, LIBRARY)


def test_the_first_run_learns_and_places_every_track(run):
    outcome = run.again()
    assert outcome.learnt
    assert outcome.decoded == 0
    assert outcome.heard.tolist() == list(range(100))
    assert outcome.places.vectors.shape == (100, 6)
    assert outcome.model.id == make_model_id(LIBRARY.tracks, [LIBRARY.listener], NET, QUICK)
    fresh = ~LIBRARY.listener.played
    assert np.corrcoef(outcome.places.scores["me"][fresh], LIBRARY.liking[fresh])[0, 1] > 0.5


def test_a_second_run_has_nothing_to_do(run):
    first = run.again()
    second = run.again()
    assert not second.learnt
    assert second.places is None
    assert second.model.id == first.model.id


def test_a_new_play_is_folded_in_and_changes_the_scores(run):
    first = run.again()
    run.person = make_listener(run.person.plays + (np.arange(100) == 1))
    second = run.again()
    assert not second.learnt
    assert not second.changed.due
    assert second.model.id == first.model.id
    assert (second.places.scores["me"] != first.places.scores["me"]).any()
    assert (second.places.vectors[1] != first.places.vectors[1]).any()
    assert run.again().places is None


def test_when_a_tenth_of_what_is_known_has_changed_a_lesson_is_due(run):
    first = run.again()
    run.person = make_listener(run.person.plays + 3 * (np.arange(100) % 4 == 1))
    second = run.again()
    assert second.learnt
    assert second.changed.due
    assert second.model.id != first.model.id


def test_what_nets_of_a_model_have_said_goes_with_it(run):
    first = run.again()
    row = FeatureResult(b"a", None, LIBRARY.tracks.keys[0], np.zeros((1, 2), np.float16))
    for model in (first.model.id, "cf-gone"):
        run.store.add(f"said-{model}", 1, [row])
    run.person = make_listener(run.person.plays + 3 * (np.arange(100) % 4 == 1))
    run.again()
    assert run.store.nets() == {NET, f"said-{first.model.id}"}


def test_going_back_to_a_model_holds_until_a_lesson_is_due(run):
    first = run.again()
    run.person = make_listener(run.person.plays + 3 * (np.arange(100) % 4 == 1))
    run.again()
    back = run.again(replace(SETTINGS, model=first.model.id))
    assert not back.learnt
    assert back.model.id == first.model.id
    assert back.places is not None
    after = run.again()
    assert after.model.id == first.model.id
    assert after.places is None
    assert run.again(replace(SETTINGS, retrain=True)).learnt


def test_a_model_of_an_earlier_version_is_replaced_and_cannot_be_gone_back_to(run):
    old = run.again().model.id
    file = run.models / f"{old}.json"
    file.write_text(file.read_text().replace(f'"format": {FORMAT}', f'"format": {FORMAT - 1}'))
    with pytest.raises(StoreError, match=f"model {old} was made by an earlier version of cfaudio"):
        run.again(replace(SETTINGS, model=old))
    assert run.again(may_learn=False).places is None
    assert run.again().learnt


def test_a_model_of_another_net_cannot_be_gone_back_to(run):
    heard = run.again()
    other = replace(SETTINGS, model=heard.model.id, ear=ExtractorConfig(backbone="vgg"))
    with pytest.raises(StoreError, match=f"model {heard.model.id} was made for another backbone"):
        fit_and_embed(run.tracks, [run.person], heard, run.store, run.models, other)


def test_a_folded_in_play_reads_no_features(run, monkeypatch):
    run.again()
    run.person = make_listener(run.person.plays + (np.arange(100) == 1))
    monkeypatch.setattr(run.store, "read", lambda *_: pytest.fail("features were read"))
    assert run.again().places is not None


def test_an_import_places_by_the_newest_model_and_learns_nothing(run):
    first = run.again()
    run.person = make_listener(run.person.plays + (np.arange(100) == 1))
    second = run.again(may_learn=False)
    assert not second.learnt
    assert second.model.id == first.model.id
    assert second.places is not None
    assert run.again(may_learn=False).places is None


def test_an_import_before_the_first_lesson_places_nothing(run):
    outcome = run.again(may_learn=False)
    assert outcome.model is None
    assert outcome.places is None


def test_a_new_track_that_nobody_played_is_placed_without_a_new_lesson(run):
    part = LIBRARY.subset(np.arange(99))
    run.tracks, run.person = part.tracks, part.listener
    first = run.again()
    run.tracks = replace(LIBRARY.tracks, models=[*run.tracks.models, ""])
    run.person = LIBRARY.listener
    second = run.again()
    assert not second.learnt
    assert second.model.id == first.model.id
    assert len(second.places.vectors) == 100


@pytest.mark.parametrize("change", [{"retrain": True}, {"lesson": replace(QUICK, seed=1)}])
def test_a_lesson_is_repeated_when_asked_for_or_when_settings_change(run, change):
    run.again()
    assert run.again(replace(SETTINGS, **change)).learnt


def test_a_retag_of_an_unplayed_track_places_again_without_a_lesson(run):
    run.again()
    run.tracks = replace(run.tracks, artists=[run.tracks.artists[0], "someone else", *run.tracks.artists[2:]])
    outcome = run.again()
    assert not outcome.learnt
    assert outcome.places is not None


def test_a_track_that_lost_its_vector_is_placed_again(run):
    run.again()
    run.tracks = replace(run.tracks, models=["", *run.tracks.models[1:]])
    assert run.again().places is not None


def test_the_model_of_another_net_is_not_used(run):
    run.again()
    other = replace(SETTINGS, ear=replace(SETTINGS.ear, backbone="vgg"))
    fill_store(run.store, LIBRARY, net="MSD_vgg-3")
    imported = run.again(other, may_learn=False)
    assert imported.model is None
    assert imported.places is None
    outcome = run.again(other)
    assert outcome.learnt
    assert outcome.model.about["net"] == "MSD_vgg-3"


def test_a_damaged_model_is_an_error_until_a_new_one_is_asked_for(run):
    first = run.again()
    (run.models / f"{first.model.id}.json").write_text("{")
    with pytest.raises(StoreError, match="--retrain"):
        run.again()
    assert run.again(replace(SETTINGS, retrain=True)).learnt
    assert not run.again().learnt


def test_tracks_that_were_never_heard_have_no_place(run):
    run.tracks = replace(run.tracks, keys=[key if i < 90 else "" for i, key in enumerate(run.tracks.keys)])
    outcome = extract_library(run.tracks, np.arange(100) < 90, run.store, SETTINGS, never)
    fit_and_embed(run.tracks, [run.person], outcome, run.store, run.models, SETTINGS)
    assert outcome.keys[90:] == [""] * 10
    assert outcome.heard.tolist() == list(range(90))
    assert len(outcome.places.vectors) == 90


def test_an_empty_library_comes_to_nothing(run):
    run.tracks, run.person = make_tracks(0), make_listener([])
    outcome = run.again()
    assert outcome.model is None
    assert outcome.places is None
    assert not run.models.exists()


@pytest.fixture
def files(tmp_path):
    return write_files(tmp_path / "music", ["a.wav", "b.wav", "c.wav"])


@pytest.fixture
def ears(monkeypatch):
    """Hear every file in no time but those in `deaf`; returns `deaf` and the files heard."""
    deaf, heard = {}, []

    def hear(left, ear, store, net, *, jobs, scheduler, on_progress):
        for file in left:
            heard.append(file.path)
            problem = deaf.get(file.path, "")
            key = "" if problem else file.key or f"key of {file.path.decode()}"
            features = None if problem else np.ones((ear.windows, 3), np.float16)
            one = FeatureResult(file.path, file_state(file.path), key, features, problem)
            store.add(net, ear.windows, [one])
            on_progress(1)
            yield one

    monkeypatch.setattr(module, "hear", hear)
    return deaf, heard


def listen(files, store, settings=SETTINGS, within=(True, True, True), keys=("", "", "")):
    problems = []
    outcome = extract_library(
        make_tracks(3, paths=files, keys=list(keys)),
        np.array(within),
        store,
        settings,
        lambda path, problem: problems.append((path, problem)),
    )
    return outcome, problems


def test_only_the_tracks_asked_for_are_heard_the_others_are_taken_as_known(files, store, ears):
    _, heard = ears
    listen(files, store, within=(True, False, False))
    outcome, _ = listen(files, store, within=(False, True, False))
    assert heard == files[:2]
    assert outcome.decoded == 1
    assert outcome.heard.tolist() == [0, 1]
    assert outcome.keys[2] == ""


def test_a_file_that_cannot_be_heard_is_told_once_and_named_as_an_old_problem_after(files, store, ears):
    deaf, heard = ears
    deaf[files[1]] = "it is silent"
    outcome, told = listen(files, store)
    assert told == [(files[1], "it is silent")]
    assert outcome.problems == {files[1]: "it is silent"}
    assert outcome.old_problems == {}
    assert outcome.decoded == 2
    outcome, told = listen(files, store)
    assert told == []
    assert outcome.problems == {}
    assert outcome.old_problems == {files[1]: "it is silent"}
    assert len(heard) == 3


def test_an_old_problem_that_force_overcomes_is_none_any_more(files, store, ears):
    deaf, _ = ears
    deaf[files[1]] = "it is silent"
    listen(files, store)
    deaf.clear()
    outcome, _ = listen(files, store, replace(SETTINGS, force=True))
    assert outcome.problems == outcome.old_problems == {}
    assert outcome.heard.tolist() == [0, 1, 2]


def test_force_hears_only_the_tracks_asked_for_and_keeps_their_keys(files, store, ears):
    _, heard = ears
    first, _ = listen(files, store)
    heard.clear()
    again, _ = listen(files, store, replace(SETTINGS, force=True), within=(False, True, True), keys=first.keys)
    assert heard == files[1:]
    assert again.keys == first.keys


def test_a_changed_file_is_heard_again(files, store, ears):
    _, heard = ears
    listen(files, store)
    heard.clear()
    os.utime(files[2], ns=(1, 1))
    listen(files, store)
    assert heard == [files[2]]
