"""The library-scale run on a real store and real models: what is done again, and what is not."""

import os
from dataclasses import replace

import numpy as np
import pytest
from synthetic import NET, QUICK, fill_store, make_library, make_listener, make_tracks, write_files

from cfaudio_core.audio.descriptors import DESCRIPTORS, N_DESCRIPTORS
from cfaudio_core.errors import StoreError
from cfaudio_core.features.jobs import ExtractorConfig, FeatureResult, file_state
from cfaudio_core.models.model_files import FORMAT
from cfaudio_core.pipeline import extract as module
from cfaudio_core.pipeline.extract import RunSettings, extract_library
from cfaudio_core.pipeline.run import EMBEDDED, fit_and_embed
from cfaudio_core.training.fit import make_model_id

SETTINGS = RunSettings(training=QUICK)
LIBRARY = make_library(100)


def never(path, problem):
    pytest.fail(f"{path!r}: {problem}")


class Run:
    """A library with its store and models; `again` runs everything and stores what the plugin would store."""

    def __init__(self, store, folder, library):
        self.store, self.models = store, folder / "models"
        self.tracks, self.person, self.library = library.tracks, library.listener, library
        fill_store(store, library)

    def again(self, settings=SETTINGS, *, may_fit=True):
        result = extract_library(self.tracks, np.ones(len(self.tracks), bool), self.store, settings, never)
        fit_and_embed(self.tracks, [self.person], result, self.store, self.models, settings, may_fit=may_fit)
        if result.embeddings:
            self.store.note(EMBEDDED, result.fingerprint)
            self.tracks = replace(self.tracks, models=[result.model.id] * len(self.tracks))
        return result


@pytest.fixture
def run(store, tmp_path):
    return Run(store, tmp_path, LIBRARY)


def test_the_first_run_fits_and_embeds_every_track(run):
    result = run.again()
    assert result.fitted
    assert result.decoded == 0
    assert result.analysed.tolist() == list(range(100))
    assert result.embeddings.vectors.shape == (100, 6)
    assert result.model.id == make_model_id(LIBRARY.tracks, [LIBRARY.listener], NET, QUICK, 10)
    fresh = ~LIBRARY.listener.played
    assert np.corrcoef(result.embeddings.scores["me"][fresh], LIBRARY.liking[fresh])[0, 1] > 0.5


def test_a_second_run_has_nothing_to_do(run):
    first = run.again()
    second = run.again()
    assert not second.fitted
    assert second.embeddings is None
    assert second.model.id == first.model.id


def test_what_is_embedded_again_is_the_same_to_the_last_bit(run):
    first = run.again()
    run.store.note(EMBEDDED, "")  # somebody has changed the library
    again = run.again()
    assert not again.fitted
    assert np.array_equal(again.embeddings.vectors, first.embeddings.vectors)
    # On some processors a product depends on this, and it is what is read from a file.
    assert first.model.embedding_axes.of_factors.flags.c_contiguous


def test_a_new_play_is_folded_in_and_changes_the_scores(run):
    first = run.again()
    run.person = make_listener(run.person.plays + (np.arange(100) == 1))
    second = run.again()
    assert not second.fitted
    assert not second.drift.due
    assert second.model.id == first.model.id
    assert (second.embeddings.scores["me"] != first.embeddings.scores["me"]).any()
    assert (second.embeddings.vectors[1] != first.embeddings.vectors[1]).any()
    assert run.again().embeddings is None


def test_when_a_tenth_of_what_is_known_has_changed_a_fit_is_due(run):
    first = run.again()
    run.person = make_listener(run.person.plays + 3 * (np.arange(100) % 4 == 1))
    second = run.again()
    assert second.fitted
    assert second.drift.due
    assert second.model.id != first.model.id


def test_predictions_by_nets_of_a_model_go_with_it(run):
    first = run.again()
    row = FeatureResult(b"a", None, LIBRARY.tracks.keys[0], np.zeros((1, 2), np.float16))
    for model in (first.model.id, "cf-gone"):
        run.store.add(f"said-{model}", 1, [row])
    run.person = make_listener(run.person.plays + 3 * (np.arange(100) % 4 == 1))
    run.again()
    assert run.store.nets() == {NET, DESCRIPTORS, f"said-{first.model.id}"}


def test_going_back_to_a_model_holds_until_a_fit_is_due(run):
    first = run.again()
    run.person = make_listener(run.person.plays + 3 * (np.arange(100) % 4 == 1))
    run.again()
    back = run.again(replace(SETTINGS, model=first.model.id))
    assert not back.fitted
    assert back.model.id == first.model.id
    assert back.embeddings is not None
    after = run.again()
    assert after.model.id == first.model.id
    assert after.embeddings is None
    assert run.again(replace(SETTINGS, retrain=True)).fitted


def test_a_model_of_an_earlier_version_is_replaced_and_cannot_be_gone_back_to(run):
    old = run.again().model.id
    file = run.models / f"{old}.json"
    file.write_text(file.read_text().replace(f'"format": {FORMAT}', f'"format": {FORMAT - 1}'))
    (run.models / "impressions.safetensors").touch()  # as 0.1.0 has left it
    with pytest.raises(StoreError, match=f"model {old} was made by an earlier version of cfaudio"):
        run.again(replace(SETTINGS, model=old))
    imported = run.again(may_fit=False)
    assert imported.outdated
    assert imported.embeddings is None
    result = run.again()
    assert result.fitted
    assert result.outdated
    assert result.drift is None
    assert not run.again().outdated
    assert {file.name for file in run.models.iterdir()} == {
        f"{old}.json",
        f"{old}.safetensors",
        "predictions.safetensors",
    }


def test_a_model_of_another_net_cannot_be_gone_back_to(run):
    analysed = run.again()
    other = replace(SETTINGS, model=analysed.model.id, extractor=ExtractorConfig(backbone="musicnn_mtt"))
    with pytest.raises(StoreError, match=f"model {analysed.model.id} was made for another backbone"):
        fit_and_embed(run.tracks, [run.person], analysed, run.store, run.models, other)


def test_a_folded_in_play_reads_no_features(run, monkeypatch):
    run.again()
    run.person = make_listener(run.person.plays + (np.arange(100) == 1))
    monkeypatch.setattr(run.store, "read", lambda *_: pytest.fail("features were read"))
    assert run.again().embeddings is not None


def test_an_import_embeds_by_the_newest_model_and_fits_nothing(run):
    first = run.again()
    run.person = make_listener(run.person.plays + (np.arange(100) == 1))
    second = run.again(may_fit=False)
    assert not second.fitted
    assert second.model.id == first.model.id
    assert second.embeddings is not None
    assert run.again(may_fit=False).embeddings is None


def test_an_import_before_the_first_fit_embeds_nothing(run):
    result = run.again(may_fit=False)
    assert result.model is None
    assert result.embeddings is None


def test_a_new_track_that_nobody_played_is_embedded_without_a_new_fit(run):
    part = LIBRARY.subset(np.arange(99))
    run.tracks, run.person = part.tracks, part.listener
    first = run.again()
    run.tracks = replace(LIBRARY.tracks, models=[*run.tracks.models, ""])
    run.person = LIBRARY.listener
    second = run.again()
    assert not second.fitted
    assert second.model.id == first.model.id
    assert len(second.embeddings.vectors) == 100


@pytest.mark.parametrize("change", [{"retrain": True}, {"training": replace(QUICK, seed=1)}])
def test_a_fit_is_repeated_when_asked_for_or_when_settings_change(run, change):
    run.again()
    assert run.again(replace(SETTINGS, **change)).fitted


def test_a_retag_of_an_unplayed_track_embeds_again_without_a_fit(run):
    run.again()
    run.tracks = replace(run.tracks, artists=[run.tracks.artists[0], "someone else", *run.tracks.artists[2:]])
    result = run.again()
    assert not result.fitted
    assert result.embeddings is not None


def test_a_track_that_lost_its_vector_is_embedded_again(run):
    run.again()
    run.tracks = replace(run.tracks, models=["", *run.tracks.models[1:]])
    assert run.again().embeddings is not None


def test_the_model_of_another_net_is_not_used(run):
    run.again()
    other = replace(SETTINGS, extractor=replace(SETTINGS.extractor, backbone="musicnn_mtt"))
    fill_store(run.store, LIBRARY, net="MTT_musicnn-3")
    imported = run.again(other, may_fit=False)
    assert imported.model is None
    assert imported.embeddings is None
    result = run.again(other)
    assert result.fitted
    assert result.model.info.net == "MTT_musicnn-3"


def test_a_damaged_model_is_an_error_until_a_new_one_is_asked_for(run):
    first = run.again()
    (run.models / f"{first.model.id}.json").write_text("{")
    with pytest.raises(StoreError, match="--retrain"):
        run.again()
    assert run.again(replace(SETTINGS, retrain=True)).fitted
    assert not run.again().fitted


def test_tracks_that_were_never_analysed_have_no_embedding(run):
    run.tracks = replace(run.tracks, keys=[key if i < 90 else "" for i, key in enumerate(run.tracks.keys)])
    result = extract_library(run.tracks, np.arange(100) < 90, run.store, SETTINGS, never)
    fit_and_embed(run.tracks, [run.person], result, run.store, run.models, SETTINGS)
    assert result.keys[90:] == [""] * 10
    assert result.analysed.tolist() == list(range(90))
    assert len(result.embeddings.vectors) == 90


def test_an_empty_library_comes_to_nothing(run):
    run.tracks, run.person = make_tracks(0), make_listener([])
    result = run.again()
    assert result.model is None
    assert result.embeddings is None
    assert not run.models.exists()


@pytest.fixture
def files(tmp_path):
    return write_files(tmp_path / "music", ["a.wav", "b.wav", "c.wav"])


@pytest.fixture
def extractor(monkeypatch):
    """Analyse every file in no time but those in `broken`; returns `broken` and the files analysed."""
    broken, analysed = {}, []

    def fake_extract(left, config, store, net, *, jobs, scheduler, on_progress):
        for file in left:
            analysed.append(file.path)
            problem = broken.get(file.path, "")
            key = "" if problem else file.key or f"key of {file.path.decode()}"
            features = None if problem else np.ones((config.windows, 3), np.float16)
            descriptors = None if problem else np.ones((config.windows, N_DESCRIPTORS), np.float16)
            one = FeatureResult(file.path, file_state(file.path), key, features, problem, descriptors)
            store.add(net, config.windows, [one])
            on_progress(1)
            yield one

    monkeypatch.setattr(module, "extract", fake_extract)
    return broken, analysed


def extract(files, store, settings=SETTINGS, within=(True, True, True), keys=("", "", "")):
    problems = []
    result = extract_library(
        make_tracks(3, paths=files, keys=list(keys)),
        np.array(within),
        store,
        settings,
        lambda path, problem: problems.append((path, problem)),
    )
    return result, problems


def test_only_the_tracks_asked_for_are_analysed_the_others_are_taken_as_known(files, store, extractor):
    _, analysed = extractor
    extract(files, store, within=(True, False, False))
    result, _ = extract(files, store, within=(False, True, False))
    assert analysed == files[:2]
    assert result.decoded == 1
    assert result.analysed.tolist() == [0, 1]
    assert result.keys[2] == ""


def test_a_file_that_cannot_be_analysed_is_told_once_and_named_as_an_old_problem_after(files, store, extractor):
    broken, analysed = extractor
    broken[files[1]] = "it is silent"
    result, problems = extract(files, store)
    assert problems == [(files[1], "it is silent")]
    assert result.problems == {files[1]: "it is silent"}
    assert result.old_problems == {}
    assert result.decoded == 2
    result, problems = extract(files, store)
    assert problems == []
    assert result.problems == {}
    assert result.old_problems == {files[1]: "it is silent"}
    assert len(analysed) == 3


def test_an_old_problem_that_force_overcomes_is_none_any_more(files, store, extractor):
    broken, _ = extractor
    broken[files[1]] = "it is silent"
    extract(files, store)
    broken.clear()
    result, _ = extract(files, store, replace(SETTINGS, force=True))
    assert result.problems == result.old_problems == {}
    assert result.analysed.tolist() == [0, 1, 2]


def test_force_analyses_only_the_tracks_asked_for_and_keeps_their_keys(files, store, extractor):
    _, analysed = extractor
    first, _ = extract(files, store)
    analysed.clear()
    again, _ = extract(files, store, replace(SETTINGS, force=True), within=(False, True, True), keys=first.keys)
    assert analysed == files[1:]
    assert again.keys == first.keys


def test_a_changed_file_is_analysed_again(files, store, extractor):
    _, analysed = extractor
    extract(files, store)
    analysed.clear()
    os.utime(files[2], ns=(1, 1))
    extract(files, store)
    assert analysed == [files[2]]
