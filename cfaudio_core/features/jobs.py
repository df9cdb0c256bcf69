"""Jobs of the workers and their results: plain values, which the store keeps too."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cfaudio_core.backbones.registry import Names

FULL_TRACK = 0
"""In place of a number of windows: all of the track."""


@dataclass(frozen=True)
class ExtractorConfig:
    """Settings of an extractor.

    Attributes
    ----------
    backbone
        Name of the pretrained net, or names of several.
    windows
        Windows of 3 s a track, or `FULL_TRACK`.
    wheel
        A local wheel with the net's weights, or None to fetch them through pip.
    """

    backbone: Names = "musicnn"
    windows: int = 10
    wheel: Path | None = None


class FileJob(NamedTuple):
    """A file to analyse, and the content key that its audio already has ("": none yet)."""

    path: bytes
    key: str


class FileState(NamedTuple):
    """A file as it was when it was analysed: any change of size or time makes it another file."""

    path: bytes
    size: int
    mtime_ns: int


class FeatureResult(NamedTuple):
    """Outcome of one file: a content key and features, or else a problem.

    `features` is float16 (windows, dim), None where there is a problem, and in a list of what is stored; `state` is
    None where there is no such file.
    """

    path: bytes
    state: FileState | None
    key: str = ""
    features: npt.NDArray[np.float16] | None = None
    problem: str = ""


def file_state(path: bytes) -> FileState | None:
    """Read size and time of a file, None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 (a file name is bytes here)
    except (OSError, ValueError):
        return None
    return FileState(path, found.st_size, found.st_mtime_ns)
