"""Stand-ins for the workers: what they do depends on the name of the file."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from cfaudio_core.backbones.activations import Activations
from cfaudio_core.features import worker
from cfaudio_core.features.jobs import FeatureResult, file_state


def make_ready(config, beat):
    def analyse(file):
        name = os.path.basename(file.path).decode()  # noqa: PTH119
        if name.startswith("SIG"):
            os.kill(os.getpid(), getattr(signal, name.split(".")[0]))
        mark = Path(os.fsdecode(file.path)).with_suffix(".tried")
        if name.startswith("once") and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith("exit"):
            os._exit(3)
        if name.startswith("hang"):
            time.sleep(1000)
        if name.startswith("slow"):
            for _ in range(4):
                time.sleep(1)
                beat()
        if name.startswith("long"):
            for _ in range(4):
                beat()
        if name.startswith("bug"):
            raise ZeroDivisionError("a bug of ours")
        if name.startswith("greedy"):
            np.ones(1 << 40)
        return FeatureResult(
            file.path, file_state(file.path), "key " + name, np.full((1, 3), os.getpid() % 1000, np.float16)
        )

    return analyse


def never_ready(config, beat):
    os.kill(os.getpid(), signal.SIGKILL)


def stuck_at_the_start(config, beat):
    time.sleep(1000)


def make_ready_without_net(config, beat):
    """All that a worker does but for the net, whose activations are none."""
    worker._limit_memory()
    worker._net = lambda *_: lambda patches: Activations(*np.zeros((3, len(patches), 0), np.float32))
    return lambda file: worker.extract_file(file, config, beat)
