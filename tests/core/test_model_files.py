"""Models on disk: whole or not at all, the last three, and never unpickled."""

import json
import os
import pickle
import re
from dataclasses import replace

import numpy as np
import pytest
from fuzzing import fuzz
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.numpy import load
from synthetic import make_model

from cfaudio_core.errors import StoreError
from cfaudio_core.features.adapter import Adapter
from cfaudio_core.models import model_files
from cfaudio_core.models.embedding_axes import EmbeddingAxes
from cfaudio_core.models.hybrid_model import HybridModel
from cfaudio_core.models.kernel_machine import KernelMachine
from cfaudio_core.models.model_files import FORMAT, MAX_MODELS, is_outdated, kept_models, load_model, save_model
from cfaudio_core.models.training_snapshot import TrainingSnapshot
from cfaudio_core.util.fingerprint import fingerprint


def latest_model(folder):
    return load_model(folder, kept_models(folder)[0])


NETS = [{"layers.1.bias": np.float32([1, 2])}]
SNAPSHOT = TrainingSnapshot("", 1, ["key"], ["tag"], {"ä": np.array([[0], [3]])}, {}, {"ä": 0})


def put(folder, model, age):
    """Save a model, `age` hours old."""
    save_model(folder, model)
    time = 1e9 - 3600 * age
    os.utime(folder / f"{model.id}.json", (time, time))


def refused(folder, name="cf-0123456789"):
    with pytest.raises(StoreError) as caught:
        load_model(folder, name)
    assert "\n" not in str(caught.value)
    assert f"{name}.json" in str(caught.value)
    return str(caught.value)


def same(one, other):
    return isinstance(one, HybridModel) and repr(one) == repr(other) and fingerprint(one) == fingerprint(other)


def test_a_model_comes_back_as_it_was(tmp_path, model):
    for one in (model, make_model(), make_model(listeners=["ä", "b.c", ""]), replace(model, nets=NETS)):
        save_model(tmp_path / "models", one)
        assert same(load_model(tmp_path / "models", one.id), one)


def test_the_arrays_of_a_model_are_those_of_its_parts(tmp_path, model):
    save_model(tmp_path, replace(model, nets=NETS, snapshot=SNAPSHOT))
    arrays = load((tmp_path / f"{model.id}.safetensors").read_bytes())
    assert {name.removeprefix("model.") for name in arrays} == {
        *(f"feature_space.{part}" for part in ("mean", "spread", "whitening", "spread_scale")),
        *(f"feature_space.adapter.{part}" for part in Adapter._fields),
        *(f"embedding_axes.{part}" for part in EmbeddingAxes._fields),
        *("neighbor_basis", "stack_weights", "nets.0.layers.1.bias", "snapshot.plays.ä"),
        "factors.directions",
        *(f"kernel.{part}" for part in KernelMachine._fields),
        *(f"tag_effects.{part}" for part in ("values", "label_weight", "audio_weight")),
        *(f"held_out.{part}" for part in ("truth", "by_audio", "by_audio_and_tags")),
        *(f"held_out.baselines.{way}" for way in ("model", "kernel", "artist", "shuffled", "truth")),
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda model: {
            **model,
            "kernel": {**model["kernel"], "mean": model["neighbor_basis"]},
            "embedding_axes": "gone",
        },
        lambda model: {**model, "info": {**model["info"], "net": 7}},
        lambda model: {**model, "info": {**model["info"], "trained_listeners": "me"}},
        lambda model: {**model, "snapshot": {**model["snapshot"], "plays": {"me": model["neighbor_basis"]}}},
        lambda model: {name: part for name, part in model.items() if name != "factors"},
        lambda model: [model],
    ],
)
def test_a_model_whose_parts_are_of_other_types_is_refused_whatever_its_checksum(tmp_path, change):
    save_model(tmp_path, make_model())
    file = tmp_path / "cf-0123456789.json"
    text = json.loads(file.read_text())
    text["model"] = change(text["model"])
    text["checksum"] = model_files._checksum(text["model"], file.with_suffix(".safetensors").read_bytes())
    file.write_text(json.dumps(text))
    refused(tmp_path)


def test_any_value_in_a_model_with_a_right_checksum_is_one_line_or_a_model(tmp_path):
    save_model(tmp_path, make_model())
    file = tmp_path / "cf-0123456789.json"
    whole, arrays = json.loads(file.read_text()), file.with_suffix(".safetensors").read_bytes()
    text = json.dumps(whole["model"])
    values = list(re.finditer(r'"[^"]*"|-?[\d.]+|null|true|false|\[[^][]*\]|\{[^{}]*\}', text))
    other = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})

    @fuzz(100)
    @given(st.sampled_from(values), other)
    def check(value, other):
        changed = f"{text[: value.start()]}{json.dumps(other)}{text[value.end() :]}"
        try:
            model = json.loads(changed)
        except ValueError:  # a key that is no text
            return
        file.write_text(json.dumps({**whole, "model": model, "checksum": model_files._checksum(model, arrays)}))
        try:
            load_model(tmp_path, "cf-0123456789")
        except StoreError as error:
            assert "\n" not in str(error)

    check()


def test_before_the_first_fit_there_is_no_model(tmp_path):
    assert kept_models(tmp_path) == kept_models(tmp_path / "nowhere") == []


def test_the_newest_model_is_the_latest_and_the_last_three_stay(tmp_path):
    for age, name in enumerate(["cf-5", "cf-9", "cf-1", "cf-7"]):
        put(tmp_path, make_model(name), age=10 - age)
    put(tmp_path, make_model("cf-3"), age=0)
    assert MAX_MODELS == 3
    assert latest_model(tmp_path).id == "cf-3"
    there = {file.stem for file in tmp_path.iterdir()}
    assert there == {"cf-1", "cf-7", "cf-3"}
    assert len(list(tmp_path.iterdir())) == 6


def test_saving_a_model_again_takes_the_place_of_the_old(tmp_path):
    save_model(tmp_path, make_model(stack_weights=np.float32([[1], [1]])))
    save_model(tmp_path, make_model(stack_weights=np.float32([[5], [1]])))
    assert load_model(tmp_path, "cf-0123456789").stack_weights[0, 0] == 5
    assert len(list(tmp_path.iterdir())) == 2


def test_a_model_whose_writing_was_interrupted_is_not_there(tmp_path, monkeypatch):
    put(tmp_path, make_model("cf-old"), age=1)
    write = model_files.write_whole

    def dies_at_json(file, content, **how):
        if file.suffix == ".json":
            raise OSError(28, "No space left on device")
        write(file, content, **how)

    monkeypatch.setattr(model_files, "write_whole", dies_at_json)
    with pytest.raises(StoreError, match="No space left on device"):
        save_model(tmp_path, make_model("cf-new"))
    assert latest_model(tmp_path).id == "cf-old"


def test_a_model_of_a_newer_format_is_refused_by_that_name(tmp_path):
    save_model(tmp_path, make_model())
    file = tmp_path / "cf-0123456789.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": FORMAT + 1}))
    assert f"newer version of cfaudio (format {FORMAT + 1})" in refused(tmp_path)


def test_a_model_of_an_older_format_is_told_from_one_that_is_damaged(tmp_path):
    save_model(tmp_path, make_model())
    assert not is_outdated(tmp_path, "cf-0123456789")
    file = tmp_path / "cf-0123456789.json"
    file.write_text(json.dumps({"format": FORMAT - 1, "id": "cf-0123456789", "taught": ["me"]}))  # as of 0.1.0
    assert is_outdated(tmp_path, "cf-0123456789")
    with pytest.raises(StoreError, match="model cf-0123456789 was made by an earlier version of cfaudio"):
        load_model(tmp_path, "cf-0123456789")
    for damaged in (b"", b"[]", b"null", b"{}", b'{"format": null}'):
        file.write_bytes(damaged)
        assert not is_outdated(tmp_path, "cf-0123456789")
    assert not is_outdated(tmp_path, "cf-none")


@pytest.mark.parametrize(
    "garbage", [b"", b"{", b"\xff\xfe\x00", b"[]", b"null", b"7", b"{}", b'{"format": "x"}', b'{"format": null}']
)
def test_a_json_file_that_is_damaged_is_one_line_that_says_what_to_do(tmp_path, garbage):
    save_model(tmp_path, make_model())
    (tmp_path / "cf-0123456789.json").write_bytes(garbage)
    assert "cfembed --retrain" in refused(tmp_path)
    with pytest.raises(StoreError):
        latest_model(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 40, -1])
def test_arrays_that_are_cut_short_are_refused(tmp_path, keep):
    save_model(tmp_path, make_model())
    file = tmp_path / "cf-0123456789.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    refused(tmp_path)


def test_a_model_without_its_arrays_or_not_there_at_all_is_refused(tmp_path):
    save_model(tmp_path, make_model())
    (tmp_path / "cf-0123456789.safetensors").unlink()
    refused(tmp_path)
    refused(tmp_path, "cf-none")


def bytes_of(data):
    """The bytes with a few of them changed, cut out or put in."""
    places = st.tuples(st.integers(0, len(data)), st.integers(0, 8), st.binary(max_size=8))

    def changed(changes):
        result = bytearray(data)
        for at, length, new in changes:
            result[at : at + length] = new
        return bytes(result)

    return st.lists(places, min_size=1, max_size=4).map(changed) | st.binary(max_size=100)


@pytest.mark.parametrize("suffix", ["json", "safetensors"])
def test_any_damage_to_a_model_is_one_line(tmp_path, suffix):
    save_model(tmp_path, make_model())
    file = tmp_path / f"cf-0123456789.{suffix}"
    whole = file.read_bytes()
    there = load_model(tmp_path, "cf-0123456789")

    @fuzz(200)
    @given(bytes_of(whole))
    @example(b"[" * 100_000)
    @example(b"\xff" * 7 + b"\x7f")
    @example((1 << 62).to_bytes(8, "little") + b"{}")
    @example((2).to_bytes(8, "little") + b"{}")
    def check(content):
        file.write_bytes(content)
        try:
            found = load_model(tmp_path, "cf-0123456789")
        except StoreError as error:
            assert "\n" not in str(error)
        else:  # only what JSON does not mind
            assert same(found, there)

    check()


class Trap:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (os.mkdir, (self.file,))


@pytest.mark.parametrize("suffix", ["json", "safetensors"])
def test_a_pickle_in_a_models_place_is_refused_and_not_executed(tmp_path, suffix):
    folder, sprung = tmp_path / "models", tmp_path / "sprung"
    save_model(folder, make_model())
    (folder / f"cf-0123456789.{suffix}").write_bytes(pickle.dumps(Trap(str(sprung))))
    refused(folder)
    assert not sprung.exists()


def test_a_folder_that_cannot_be_written_to_is_a_store_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="file"):
        save_model(tmp_path / "file", make_model())


def test_a_model_made_after_the_clock_was_put_back_is_in_force_and_stays(tmp_path):
    for name in ("cf-1", "cf-2", "cf-3"):
        put(tmp_path, make_model(name), age=-1e6)
    save_model(tmp_path, make_model("cf-4"))
    assert latest_model(tmp_path).id == "cf-4"


def test_arrays_that_a_killed_process_left_without_their_json_go_with_the_next_model(tmp_path):
    (tmp_path / "cf-9.safetensors").write_bytes(b"left")
    save_model(tmp_path, make_model())
    assert not (tmp_path / "cf-9.safetensors").exists()
