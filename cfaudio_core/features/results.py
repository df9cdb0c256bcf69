"""What comes of hearing a file: plain values that workers send and the store keeps."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class FileState(NamedTuple):
    """A file as it was when it was heard: any change of size or time makes it another file."""

    path: bytes
    size: int
    mtime_ns: int


class FeatureResult(NamedTuple):
    """The outcome of hearing one file: a content key and features, or else a problem.

    `features` is float16 (windows, dim); `state` is None where there is no such file.
    """

    path: bytes
    state: FileState | None
    key: str = ""
    features: npt.NDArray[np.float16] | None = None
    problem: str = ""


def file_state(path: bytes) -> FileState | None:
    """Size and time of a file now, or None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 (a file name is bytes here)
    except (OSError, ValueError):
        return None
    return FileState(path, found.st_size, found.st_mtime_ns)
