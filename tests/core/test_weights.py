import hashlib
import io
import json
import subprocess
import sys
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from tensor_bundle import bundle

from cfaudio_core.backbones import weights
from cfaudio_core.backbones.tensor_files import digest
from cfaudio_core.backbones.weights import MODELS, convert, load_weights
from cfaudio_core.errors import WeightsError

TENSORS = {
    "conv2d/kernel": np.arange(84, dtype=np.float32).reshape(7, 3, 1, 4),
    "conv2d/kernel/Adam": np.ones((7, 3, 1, 4), np.float32),
    "beta1_power": np.array(0.9, np.float32),
    "dense/bias": np.float32([0.5, -0.5]),
}
CONFIGURATION = """
import os
SR = 16000
MTT_LABELS = ['guitar', 'no vocals']
MSD_LABELS = ['rock', 'Hip-Hop']
"""


def make_wheel(**changes: bytes | None) -> bytes:
    """Lay a small wheel out as musicnn 0.1.0; `changes` replaces or omits a member."""
    index, data = bundle(TENSORS)
    members = {"musicnn-0.1.0.dist-info/LICENSE.md": b"ISC licence", "configuration": CONFIGURATION.encode()}
    for model in MODELS:
        members[f"musicnn/{model}/.index"] = index
        members[f"musicnn/{model}/.data-00000-of-00001"] = data
    members["musicnn/MSD_musicnn/.index"] = changes.get("index", index)
    members["musicnn/configuration.py"] = changes.get("configuration", members.pop("configuration"))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """Give a small wheel the place of the published one."""
    path = tmp_path / "musicnn-0.1.0-py3-none-any.whl"
    path.write_bytes(make_wheel())
    monkeypatch.setattr(weights, "WHEEL_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(weights, "DIGESTS", {name: small_digest(name) for name in MODELS})
    monkeypatch.delenv("CFAUDIO_WEIGHTS", raising=False)
    return path


def small_digest(model):
    kept = {name: TENSORS[name] for name in ("conv2d/kernel", "dense/bias")}
    return digest(kept, json.dumps(["guitar", "no vocals"] if model.startswith("MTT") else ["rock", "Hip-Hop"]))


@pytest.fixture
def offline(monkeypatch):
    """Leave pip neither an index nor a folder to look in."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null" if sys.platform != "win32" else "nul")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("CFAUDIO_WEIGHTS", raising=False)


def assert_right(got):
    assert sorted(got) == ["conv2d/kernel", "dense/bias"]
    for name, array in got.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, TENSORS[name])


def test_weights_come_from_a_given_wheel_and_stay_in_the_cache(wheel, tmp_path):
    cache = tmp_path / "a" / "cache"
    assert_right(load_weights("MSD_musicnn", wheel=wheel, cache=cache)[0])
    assert sorted(p.name for p in cache.iterdir()) == sorted(f"{name}.safetensors" for name in MODELS)
    wheel.unlink()
    for name in MODELS:
        assert_right(load_weights(name, wheel=wheel, cache=cache)[0])
    assert load_weights("MSD_musicnn", cache=cache)[1] == ["rock", "Hip-Hop"]
    assert load_weights("MTT_musicnn", cache=cache)[1] == ["guitar", "no vocals"]
    with safe_open(cache / "MTT_musicnn.safetensors", framework="numpy") as file:
        assert file.metadata()["licence"] == "ISC licence"


def test_weights_come_from_the_environment(wheel, tmp_path, monkeypatch, offline):
    monkeypatch.setenv("CFAUDIO_WEIGHTS", str(wheel))
    assert_right(load_weights("MSD_musicnn", cache=tmp_path / "cache")[0])


def test_the_default_cache_is_the_users(wheel, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "user_cache_path", lambda app, **_: tmp_path / app)
    load_weights("MSD_musicnn", wheel=wheel)
    assert (tmp_path / "cfaudio" / "musicnn-0.1.0" / "MSD_musicnn.safetensors").exists()


def test_a_wheel_that_is_not_the_published_one_is_refused(tmp_path):
    other = tmp_path / "musicnn-0.1.0-py3-none-any.whl"
    other.write_bytes(make_wheel())
    with pytest.raises(WeightsError, match=r"not the published wheel.*SHA-256"):
        load_weights("MSD_musicnn", wheel=other, cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_wheel_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"cannot read musicnn's weights from .*nowhere\.whl"):
        load_weights("MSD_musicnn", wheel=tmp_path / "nowhere.whl", cache=tmp_path / "cache")


def test_an_unknown_model_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="MSD_musicnn_big"):
        load_weights("MSD_musicnn_big", cache=tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"PK nonsense", "damaged", id="no-zip"),
        pytest.param(make_wheel()[:-40], "damaged", id="cut"),
        pytest.param(make_wheel(index=None), "MSD_musicnn", id="member-missing"),
        pytest.param(make_wheel(index=b"x" * 100), "LevelDB", id="index"),
        pytest.param(make_wheel(index=bytes((16 << 20) + 1)), "too large", id="bomb"),
        pytest.param(make_wheel(configuration=b"MSD_LABELS = open('x')"), "damaged", id="code"),
        pytest.param(make_wheel(configuration=b"MSD_LABELS = ["), "damaged", id="syntax"),
        pytest.param(make_wheel(configuration=b"SR = 1"), "LABELS", id="no-tags"),
    ],
)
def test_a_damaged_wheel_is_refused(content, message):
    with pytest.raises(WeightsError, match=message) as caught:
        convert(content)
    assert "\n" not in str(caught.value)


def test_a_damaged_cache_is_made_again(wheel, tmp_path):
    load_weights("MSD_musicnn", wheel=wheel, cache=tmp_path)
    file = tmp_path / "MSD_musicnn.safetensors"
    good = file.read_bytes()
    rng = np.random.default_rng(0)
    damages = [b"", good[:5], good[:-1], good.replace(b"Hip-Hop", b"Hip-Hup")]
    for position in (0, 9, *rng.integers(0, len(good), 60)):
        damaged = bytearray(good)
        damaged[position] ^= int(rng.integers(1, 256))
        damages.append(bytes(damaged))
    for damaged in damages:
        file.write_bytes(damaged)
        assert_right(load_weights("MSD_musicnn", wheel=wheel, cache=tmp_path)[0])
        assert load_weights("MSD_musicnn", wheel=wheel, cache=tmp_path)[1] == ["rock", "Hip-Hop"]


def test_an_interrupted_write_leaves_nothing_behind(wheel, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    write_whole = Path.write_bytes

    def disk_full(path, content):
        write_whole(path, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", disk_full)
        with pytest.raises(WeightsError, match="No space left"):
            load_weights("MSD_musicnn", wheel=wheel, cache=cache)
    assert list(cache.iterdir()) == []
    assert_right(load_weights("MSD_musicnn", wheel=wheel, cache=cache)[0])


def test_several_may_bring_the_weights_at_once(wheel, tmp_path):
    def bring(i):
        return load_weights(MODELS[i % len(MODELS)], wheel=wheel, cache=tmp_path / "cache")

    with ThreadPoolExecutor(8) as pool:
        for got, _ in pool.map(bring, range(24)):
            assert_right(got)
    assert len(list((tmp_path / "cache").iterdir())) == len(MODELS)


def test_offline_the_message_says_what_to_do(offline, tmp_path):
    with pytest.raises(WeightsError, match=r"through pip.*`weights`.*CFAUDIO_WEIGHTS") as caught:
        load_weights("MSD_musicnn", cache=tmp_path)
    assert "\n" not in str(caught.value)


def test_without_pip_the_message_says_what_to_do(offline, tmp_path, monkeypatch):
    venv.create(tmp_path / "bare", with_pip=False)
    folder, name = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / folder / name))
    with pytest.raises(WeightsError, match=r"no pip.*CFAUDIO_WEIGHTS"):
        load_weights("MSD_musicnn", cache=tmp_path)


def test_a_pip_that_hangs_is_given_up(offline, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "_PIP_TIMEOUT_S", 0.01)
    with pytest.raises(WeightsError, match=r"timed out.*CFAUDIO_WEIGHTS"):
        load_weights("MSD_musicnn", cache=tmp_path)


def test_a_file_named_pip_in_the_current_folder_is_not_run(offline, tmp_path, monkeypatch):
    (tmp_path / "pip.py").write_text("import pathlib; pathlib.Path('was_run').touch()\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError):
        load_weights("MSD_musicnn", cache=tmp_path / "cache")
    assert not (tmp_path / "was_run").exists()


def test_torch_is_not_imported():
    code = (
        "import sys; from cfaudio_core.backbones import checkpoint, registry, weights;sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.weights
@pytest.mark.parametrize(
    ("name", "tags", "parameters"),
    [
        ("MSD_musicnn", ["rock", "pop", "alternative"], 787_159),
        ("MTT_musicnn", ["guitar", "classical", "slow"], 787_159),
    ],
)
def test_the_published_weights(name, tags, parameters):
    got, published = load_weights(name)
    assert sum(array.size for variable, array in got.items() if "/moving_" not in variable) == parameters
    assert all(np.isfinite(array).all() for array in got.values())
    assert published[:3] == tags
    assert len(set(published)) == 50
