"""Packages that some machines cannot have, such as those of musl or armv7: cfaudio does with less there."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib.util import find_spec

from cfaudio_core.errors import SettingError

LOSSES: Mapping[str, str] = {
    "torch": "the net is not fine-tuned",
    "librosa": "no tempo, key, energy and timbre",
    "numba": "training takes longer",
    "soxr": "audio is resampled by SciPy",
}
"""What is lost without each of them."""

_NEEDED_BY = {"librosa": ("librosa", "numba")}  # librosa is installed without numba by --no-deps alone


@functools.cache
def has_package(name: str) -> bool:
    """Whether a package is installed; it is not imported."""
    return all(map(_is_installed, _NEEDED_BY.get(name, (name,))))


def missing_packages() -> list[str]:
    """List those of `LOSSES` that are not installed."""
    return [name for name in LOSSES if not has_package(name)]


def require_package(name: str, setting: str) -> None:
    """Raise a `SettingError` where a setting, as in "fine_tune: head", needs a package that is not installed."""
    if not has_package(name):
        raise SettingError(f"{setting} needs {name}, which is not installed")


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ImportError:
        return False
