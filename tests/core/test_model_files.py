"""Models on disk: whole or not at all, the last three, and never unpickled."""

import json
import os
import pickle

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from cfaudio_core.errors import StoreError
from cfaudio_core.models import model_files
from cfaudio_core.models.model_files import FORMAT, KEPT, Model, latest_model, load_model, save_model


def make_model(name="cf-0123456789", value=1.0):
    return Model(name, {"a": np.float32([value, 2]), "b": np.arange(6).reshape(2, 3).T}, {"net": "x", "taught": ["ä"]})


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


def test_a_model_comes_back_as_it_was(tmp_path):
    model = make_model()
    save_model(tmp_path / "models", model)
    back = load_model(tmp_path / "models", model.id)
    assert back.id == model.id
    assert back.about == {**model.about, "format": FORMAT, "id": model.id}
    assert back.arrays.keys() == model.arrays.keys()
    for name, array in model.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array)
        assert back.arrays[name].dtype == array.dtype


def test_before_the_first_lesson_there_is_no_model(tmp_path):
    assert latest_model(tmp_path) is None
    assert latest_model(tmp_path / "nowhere") is None


def test_the_newest_model_is_the_latest_and_the_last_three_stay(tmp_path):
    for age, name in enumerate(["cf-5", "cf-9", "cf-1", "cf-7"]):
        put(tmp_path, make_model(name), age=10 - age)
    put(tmp_path, make_model("cf-3"), age=0)
    assert KEPT == 3
    assert latest_model(tmp_path).id == "cf-3"
    there = {file.stem for file in tmp_path.iterdir()}
    assert there == {"cf-1", "cf-7", "cf-3"}
    assert len(list(tmp_path.iterdir())) == 6


def test_saving_a_model_again_takes_the_place_of_the_old(tmp_path):
    save_model(tmp_path, make_model(value=1))
    save_model(tmp_path, make_model(value=5))
    assert load_model(tmp_path, "cf-0123456789").arrays["a"][0] == 5
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

    @settings(deadline=None, max_examples=200, derandomize=True)
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
            assert found.about == there.about or found.about["format"] < FORMAT

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


def test_arrays_are_in_the_published_format(tmp_path):
    save_model(tmp_path, make_model())
    same = save({"a": np.float32([1, 2]), "b": np.ascontiguousarray(make_model().arrays["b"])})
    assert (tmp_path / "cf-0123456789.safetensors").read_bytes() == same


def test_a_model_made_after_the_clock_was_put_back_is_in_force_and_stays(tmp_path):
    for name in ("cf-1", "cf-2", "cf-3"):
        put(tmp_path, make_model(name), age=-1e6)
    save_model(tmp_path, make_model("cf-4"))
    assert latest_model(tmp_path).id == "cf-4"


def test_arrays_that_a_killed_process_left_without_their_json_go_with_the_next_model(tmp_path):
    (tmp_path / "cf-9.safetensors").write_bytes(b"left")
    save_model(tmp_path, make_model())
    assert not (tmp_path / "cf-9.safetensors").exists()
