"""No reader of cfaudio runs what is in a file: pickles, bare or in a zip archive, are refused by every one of them."""

import os
import pickle
import zipfile

import pytest
from synthetic import make_model

from cfaudio_core.backbones import tensor_files
from cfaudio_core.backbones.checkpoint import read_bundle
from cfaudio_core.backbones.registry import load_extractor
from cfaudio_core.backbones.weights import convert
from cfaudio_core.errors import CfAudioError, SettingError, StoreError, WeightsError
from cfaudio_core.history.formats import FORMATS, ReadOptions
from cfaudio_core.models.model_files import load_model, save_model
from cfaudio_core.pipeline import prediction_cache


class Trap:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (os.mkdir, (self.file,))


@pytest.fixture
def sprung(tmp_path):
    return tmp_path / "sprung"


@pytest.fixture(params=["bare", "zipped"])
def file(request, tmp_path, sprung):
    """A file with a pickle, or an archive as torch writes it."""
    path, content = tmp_path / "listens.zip", pickle.dumps(Trap(str(sprung)))
    if request.param == "bare":
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("archive/data.pkl", "Streaming_History_Audio_2020.json", "listens/2020/1.jsonl", "user.json"):
                archive.writestr(name, content)
    return path


def test_the_trap_works(sprung):
    pickle.loads(pickle.dumps(Trap(str(sprung))))
    assert sprung.exists()


@pytest.mark.parametrize("name", FORMATS)
def test_no_source_of_listens_runs_it(file, sprung, name):
    with pytest.raises(CfAudioError):
        list(FORMATS[name].read(str(file), ReadOptions(user="anna")))
    assert not sprung.exists()


def test_neither_do_the_readers_of_nets_weights_models_and_predictions(file, sprung, tmp_path):
    net = file.with_suffix(".onnx")
    net.write_bytes(file.read_bytes())
    with pytest.raises(WeightsError, match="not an ONNX model"):
        load_extractor(str(net))
    for name in (file.with_suffix(".pt"), file.with_suffix(".pkl")):
        name.write_bytes(file.read_bytes())
        with pytest.raises(SettingError, match="nor a file"):
            load_extractor(str(name))
    with pytest.raises(WeightsError):
        read_bundle(file.read_bytes(), b"")
    for end in (".json", ".safetensors"):
        save_model(tmp_path / "models", make_model("cf-1"))
        (tmp_path / "models" / f"cf-1{end}").write_bytes(file.read_bytes())
        with pytest.raises(StoreError, match="cannot be read"):
            load_model(tmp_path / "models", "cf-1")
    with pytest.raises(WeightsError):
        tensor_files.read(file)
    with pytest.raises(WeightsError):
        convert(file.read_bytes())
    assert prediction_cache._read(file, "made of") == ([], None)
    assert not sprung.exists()
