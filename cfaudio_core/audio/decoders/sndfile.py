"""Decoding by libsndfile: wav, flac, mp3, aiff and others, unless it does not know their length."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from cfaudio_core.audio.decoders.av import open_av
from cfaudio_core.audio.decoders.base import EMPTY, UndecodableError, check_format, downmix

# Samples of all channels together that are read at once: what a file of many channels costs in memory.
_BLOCK_SAMPLES = 1 << 18
_MAX_FRAMES = 1 << 62  # more than a piped flac, whose header has no length, is taken to have
# In the first frame of an MPEG file: that the numbers of frames and of bytes follow, and these.
_XING = re.compile(rb"(?:Xing|Info)\0\0\0[\x03\x07\x0b\x0f].{4}(.{4})", re.DOTALL)
_FIRST_FRAME_BYTES = 4096
_MAX_REST = 0.05  # of a file: tags at its end


class SndfileSource:
    """A file that libsndfile has opened; see `base.Source`."""

    def __init__(self, file: soundfile.SoundFile) -> None:
        check_format(file.samplerate, file.channels)
        self.rate: int = file.samplerate
        self.frames: int = max(0, file.frames)
        self._file = file
        self._block = _BLOCK_SAMPLES // file.channels

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Return middle and side of the frames from `start` on: fewer where the file ends or is damaged."""
        blocks: list[NDArray[np.float32]] = []
        # Samples before the damage are good, and the caller sees that they are too few.
        with contextlib.suppress(soundfile.SoundFileError):
            if self._file.tell() != start:  # a seek, even to where the file stands, discards the decoder's buffer
                self._file.seek(start)
            # Past a length that damage made too small, soundfile would ask numpy for a negative number of frames.
            while count > 0 and self._file.tell() <= self._file.frames:
                block = self._file.read(min(count, self._block), dtype="float32", always_2d=True)
                if not len(block):
                    break
                blocks.append(downmix(block.T))
                count -= len(block)
        return np.concatenate(blocks, axis=1) if blocks else EMPTY


def silence_stderr() -> None:
    """Discard what libraries print to file descriptor 2, and leave Python's own ``sys.stderr`` as it is.

    For the start of a worker process: libmpg123, inside libsndfile, prints a line for every damaged frame, and has no
    option not to.
    """
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


@contextlib.contextmanager
def open_sndfile(path: bytes | str) -> Iterator[SndfileSource]:
    """Open a regular file with libsndfile.

    Raises
    ------
    UndecodableError
        If libsndfile does not know the format or the length, or the header makes no sense.
    """
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(Path(os.fsdecode(path)).open("rb"))
        # By its name, libsndfile would open files beside it too, such as ._NAME, where it does not know the format.
        # Numbers of open files are not shared between libraries on Windows.
        name = os.fsdecode(path) if os.name == "nt" else opened.fileno()
        try:
            file = stack.enter_context(soundfile.SoundFile(name, closefd=False))
        except soundfile.LibsndfileError as error:
            raise UndecodableError(error.error_string) from error
        if file.frames > _MAX_FRAMES or (file.format == "MP3" and not _knows_length(path, file.frames)):
            raise UndecodableError("its length is unknown")
        yield SndfileSource(file)


def _knows_length(path: bytes | str, frames: int) -> bool:
    """Whether an MPEG file has so many frames: by the bytes that its header claims as well, or by counting."""
    with Path(os.fsdecode(path)).open("rb") as file:
        tag = file.read(10)
        before = 10 + int("".join(f"{byte:07b}" for byte in tag[6:]), 2) if tag.startswith(b"ID3") else 0
        file.seek(before)
        told = _XING.search(file.read(_FIRST_FRAME_BYTES))
        size = file.seek(0, os.SEEK_END) - before
        if told and abs(int.from_bytes(told[1]) - size) < _MAX_REST * size:
            return True
    with contextlib.suppress(UndecodableError), open_av(path) as source:
        return source.recount(frames) == frames
    return True  # nothing knows better
