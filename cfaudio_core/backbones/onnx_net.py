"""A net of one's own, in an ONNX file: log-mel patches in, activations out.

ONNX describes a graph of known operators and its weights, and no code: unlike a pickled model, a file of unknown origin
can compute nonsense, but not run anything. A file whose weights lie outside of it is refused: onnxruntime would read
them from wherever the file says below the current folder, or from an address in memory.
"""

from __future__ import annotations

import hashlib
import re
from functools import partial
from pathlib import Path

import numpy as np

from cfaudio_core.audio.melspec import FRAMES, N_MELS
from cfaudio_core.backbones.activations import Activations, check_patches
from cfaudio_core.errors import SettingError, WeightsError
from cfaudio_core.util.arrays import FloatArray
from cfaudio_core.util.deadline import run_within

_BATCH_PATCHES = 8
_MAX_RUN_S = 60.0  # for a batch, which takes a large net a second: a graph may hold loops
# The key of a place for weights as protobuf writes it: text 1 of a message, of eight bytes; both numbers may be padded.
_ELSEWHERE = re.compile(rb"(\x0a|\x8a\x80*\x00)(\x08|\x88\x80*\x00)location")


def file_id(name: str) -> str:
    """Identify a file by its content.

    Raises
    ------
    SettingError
        If there is no such file.
    """
    return f"onnx.{hashlib.blake2b(_content(name), digest_size=8).hexdigest()}"


class OnnxNet:
    """A net that is run by onnxruntime, on one thread: the worker processes are the parallelism.

    Parameters
    ----------
    name
        A file whose only input is float32 (n, 187, 96), as `audio.melspec.log_mel` makes it, n free or fixed, and whose
        first output is float32 (n, features).

    Raises
    ------
    SettingError
        If there is no such file, or no onnxruntime.
    WeightsError
        If it is not an ONNX model, has weights in other files, or takes or gives something else.
    """

    def __init__(self, name: str) -> None:
        content = _content(name)
        if _ELSEWHERE.search(content):
            raise WeightsError(f"{name}: has weights outside of the file, which are not read")
        try:
            import onnxruntime
        except ImportError:
            raise SettingError(
                f"backbone: {name} takes onnxruntime to read (pip install 'beets-cfaudio[onnx]')"
            ) from None
        self._run_options = onnxruntime.RunOptions
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what is wrong comes as an error, and not on stderr too
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has a class of its own for every mishap
            raise WeightsError(f"{name}: not an ONNX model that can be run ({_first_line(error)})") from error
        self._name = name
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or not _takes_patches(inputs[0].shape):
            described = ", ".join(f"{one.name}: {one.type} {one.shape}" for one in inputs)
            raise WeightsError(f"{name}: must take one input, float (n, {FRAMES}, {N_MELS}), and takes {described}")
        self._input, self._output = inputs[0].name, self._session.get_outputs()[0].name
        fixed = inputs[0].shape[0]
        self._batch = fixed if isinstance(fixed, int) else _BATCH_PATCHES
        self._pads = isinstance(fixed, int)
        self.activations(np.zeros((1, FRAMES, N_MELS), np.float32))  # any complaint comes now

    def activations(self, patches: FloatArray) -> Activations[FloatArray]:
        """Run log-mel patches, float32 (n, 187, 96), through the net; all of its output counts as pooled."""
        check_patches(patches)
        patches = np.ascontiguousarray(patches, np.float32)
        outputs = [self._run(patches[at : at + self._batch]) for at in range(0, max(len(patches), 1), self._batch)]
        pooled = np.concatenate(outputs)
        return Activations(pooled, pooled[:, :0], pooled[:, :0])

    def _run(self, patches: FloatArray) -> FloatArray:
        n = len(patches)
        if self._pads and n < self._batch:
            patches = np.concatenate([patches, np.zeros((self._batch - n, FRAMES, N_MELS), np.float32)])
        options = self._run_options()
        run = partial(self._session.run, [self._output], {self._input: patches}, options)
        try:
            output = run_within(_MAX_RUN_S, run)[0]
        except TimeoutError:
            options.terminate = True
            raise WeightsError(f"{self._name}: does not end within {_MAX_RUN_S:g} s") from None
        except Exception as error:
            raise WeightsError(f"{self._name}: cannot be run ({_first_line(error)})") from error
        if (
            not isinstance(output, np.ndarray)
            or output.ndim != 2
            or len(output) != len(patches)
            or output.dtype != np.float32
        ):
            shape = f"{output.dtype} {output.shape}" if isinstance(output, np.ndarray) else type(output).__name__
            raise WeightsError(f"{self._name}: must give float32 ({len(patches)}, features), and gives {shape}")
        return output[:n]


def _takes_patches(shape: list[int | str | None]) -> bool:
    """Whether (n, 187, 96) fits; a free dimension has a name, or None."""
    fits = [not isinstance(given, int) or given == own for given, own in zip(shape[1:], (FRAMES, N_MELS), strict=False)]
    return len(shape) == 3 and all(fits)


def _content(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise SettingError(f"backbone: {name}: {error.strerror}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
