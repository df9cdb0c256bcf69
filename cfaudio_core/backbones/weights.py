"""Published weights of musicnn: fetched once through pip, converted, cached.

The weights are part of the ``musicnn`` 0.1.0 wheel (Pons and Serra, "musicnn: pre-trained convolutional
neural networks for music audio tagging", 2019; ISC licence). Of that wheel, known by its SHA-256, only the
data is used: nothing of it is installed or run. Two of its TensorFlow checkpoints become safetensors
files in the user's cache folder, each with its tags, the licence and a checksum in its metadata.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from cfaudio_core.backbones import tensor_files
from cfaudio_core.backbones.checkpoint import read_bundle
from cfaudio_core.errors import WeightsError

MODELS = ("MSD_musicnn", "MTT_musicnn")
REQUIREMENT = "musicnn==0.1.0"
WHEEL_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
DIGESTS = {
    "MSD_musicnn": "6fe5228e25ff032da15fee7b70d93881bf7bcca2187098f6894ea81d769f1a4a",
    "MTT_musicnn": "67d2523a8f44003f5fb62edf98dd39fefe0487816a238f2c72690f4fddfb42db",
}
"""`tensor_files.digest` of each model as it is converted from that wheel."""

_ADVICE = "give the wheel of musicnn 0.1.0 as a file by `weights` in the config or by CFAUDIO_WEIGHTS"
_LICENCE = "musicnn-0.1.0.dist-info/LICENSE.md"
_MAX_MEMBER_BYTES = 16 << 20  # the largest that is read has 9.5 MB
_PIP_TIMEOUT_S = 900  # for 29 MB
# What zipfile, ast and a missing member or name raise.
_DAMAGE_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, KeyError, ValueError, SyntaxError)


def load_weights(
    name: str, *, wheel: Path | None = None, cache: Path | None = None
) -> tuple[dict[str, NDArray[np.float32]], list[str]]:
    """Load the weights and the tags of one published model, fetching them first if they are not cached.

    Parameters
    ----------
    name : str
        One of `MODELS`: the training set (MSD, Million Song Dataset, or MTT, MagnaTagATune) and the
        architecture.
    wheel : pathlib.Path, optional
        The musicnn 0.1.0 wheel as a local file, for machines without a network; the environment variable
        ``CFAUDIO_WEIGHTS`` does the same. Without either, pip fetches it from the user's own package index.
    cache : pathlib.Path, optional
        Folder of the converted weights; a folder of the user's cache by default.

    Returns
    -------
    tuple
        float32 arrays by TensorFlow's variable names, in its layouts (convolutions: height, width, in, out); and the 50
        tags that the model predicts, in the order of its outputs.

    Raises
    ------
    WeightsError
        If the weights cannot be had, or the wheel is not the published one.
    """
    if name not in MODELS:
        raise WeightsError(f"no model is named {name!r}; there are {', '.join(MODELS)}")
    folder = cache or cache_folder()
    try:
        return read_cached(name, folder)
    except WeightsError:  # absent or damaged: made again
        tensor_files.write(convert(_wheel(wheel)), folder)
        return read_cached(name, folder)


def read_cached(name: str, folder: Path) -> tuple[dict[str, NDArray[np.float32]], list[str]]:
    """Read the weights and the tags of one of `MODELS` from a folder of converted weights; see `load_weights`.

    Raises
    ------
    WeightsError
        If they are not there, or are not the published ones.
    """
    path = folder / f"{name}.safetensors"
    if not path.exists():
        raise WeightsError("not fetched yet")
    tensors, tags = tensor_files.read(path)
    if tensor_files.digest(tensors, tags) != DIGESTS.get(name):
        raise WeightsError(f"{path} does not hold the published weights")
    return tensors, json.loads(tags)


def cache_folder() -> Path:
    """Return the folder of the converted weights, and of the pruned nets made of them."""
    return user_cache_path("cfaudio", appauthor=False) / "musicnn-0.1.0"


def convert(wheel: bytes) -> dict[str, bytes]:
    """Convert the checkpoints in the content of musicnn's wheel to a safetensors file for each of `MODELS`.

    Raises
    ------
    WeightsError
        If the wheel is damaged, or lacks or oversizes what is looked for.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            licence = _member(archive, _LICENCE).decode()
            constants = _constants(_member(archive, "musicnn/configuration.py"))
            files = {}
            for name in MODELS:
                index = _member(archive, f"musicnn/{name}/.index")
                data = _member(archive, f"musicnn/{name}/.data-00000-of-00001")
                tensors = read_bundle(index, data, keep=_is_weight)
                tags = json.dumps(constants[f"{name[:3]}_LABELS"])
                files[name] = tensor_files.pack(tensors, tags, {"source": REQUIREMENT, "licence": licence})
            return files
    except _DAMAGE_ERRORS as error:
        raise WeightsError(f"the wheel of musicnn is damaged: {error}") from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > _MAX_MEMBER_BYTES:
        raise WeightsError(f"{name} in the wheel of musicnn is too large")
    return archive.read(info)


def _constants(source: bytes) -> dict[str, object]:
    """Read the plain constants that a Python module assigns, without running it."""
    statements = [s for s in ast.parse(source).body if isinstance(s, ast.Assign)]
    return {ast.unparse(s.targets[0]): ast.literal_eval(s.value) for s in statements}


def _is_weight(variable: str) -> bool:
    """Whether a variable is a weight, not one that only the optimiser needed."""
    return "Adam" not in variable and not variable.endswith("_power")


def _wheel(given: Path | None) -> bytes:
    """Read the wheel from where the user put it, else fetch it; either way it must be the published one."""
    local = given or os.environ.get("CFAUDIO_WEIGHTS")
    if local:
        return _checked(Path(local).expanduser())
    with tempfile.TemporaryDirectory() as folder:
        _fetch(Path(folder))
        wheels = list(Path(folder).glob("*.whl"))
        if not wheels:
            raise WeightsError(f"pip did not deliver musicnn's weights; {_ADVICE}")
        return _checked(wheels[0])


def _checked(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read musicnn's weights from {path}: {error}") from error
    if hashlib.sha256(content).hexdigest() != WHEEL_SHA256:
        raise WeightsError(f"{path} is not the published wheel of musicnn 0.1.0 (its SHA-256 differs)")
    return content


def _fetch(folder: Path) -> None:
    """Let pip download the wheel, from whichever index the user has set."""
    # -P: whatever is named pip in the current folder, which may hold anybody's music, is not run.
    pip = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries=2"]
    download = ["download", "--no-deps", "--only-binary=:all:", "--dest", str(folder), REQUIREMENT]
    try:
        done = subprocess.run(
            pip + download, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PIP_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WeightsError(f"cannot fetch musicnn's weights: {error}; {_ADVICE}") from error
    if done.returncode == 0:
        return
    if "No module named pip" in done.stderr:
        raise WeightsError(f"cannot fetch musicnn's weights: this Python has no pip; {_ADVICE}")
    reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
    reason = reasons[-1].removeprefix("ERROR:").strip() if reasons else f"exit status {done.returncode}"
    raise WeightsError(f"cannot fetch musicnn's weights through pip: {reason}; {_ADVICE}")
