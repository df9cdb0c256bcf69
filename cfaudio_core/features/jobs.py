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
    """A file to analyse.

    Attributes
    ----------
    path
        The file.
    key
        The content key that its audio already has; "": none yet.
    net, descriptors
        Whether features of the net and descriptors are to be computed.
    verify
        Whether the file may hold other audio than that of the key; if so all is computed, under the key of what it is.
    """

    path: bytes
    key: str
    net: bool = True
    descriptors: bool = True
    verify: bool = False


class FileState(NamedTuple):
    """A file as it was when it was analysed: any change of size or time makes it another file."""

    path: bytes
    size: int
    mtime_ns: int


class FeatureResult(NamedTuple):
    """Outcome of one file: a content key and what was asked for, or else a problem.

    Attributes
    ----------
    path
        The file.
    state
        None where the outcome is not to be remembered: there is no such file, or what was wrong may pass.
    key
        The content key.
    features
        float16 (windows, dim) of the net; None where there is a problem, where they were not asked for, and in a list
        of what is stored.
    problem
        In words, or "".
    descriptors
        float16 (windows, N_DESCRIPTORS), None as above; no windows where the audio has none that can be described.
    """

    path: bytes
    state: FileState | None
    key: str = ""
    features: npt.NDArray[np.float16] | None = None
    problem: str = ""
    descriptors: npt.NDArray[np.float16] | None = None


def file_state(path: bytes) -> FileState | None:
    """Read size and time of a file, None where there is none.

    Times beyond 2262 do not fit into 64 bits; they are counted on from the other end, so that a change still shows.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 (a file name is bytes here)
    except (OSError, ValueError):
        return None
    return FileState(path, found.st_size, (found.st_mtime_ns + (1 << 63)) % (1 << 64) - (1 << 63))
