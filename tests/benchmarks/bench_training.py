"""What it takes to train a net on what is played of a library.

    bench_training.py [--tracks N] [--only head|top|all ...]

The sound is made up, ten windows a track, and so is who likes what; nets are trained for as many steps as they may be.
Reading and decoding the files, which `top` and `all` need too, is measured by `bench_extraction.py`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cfaudio_core.audio.stereo import N_WIDTHS
from cfaudio_core.backbones.registry import Backbone, load_backbone
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import Targets, TrainingSet, unit
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.feature_space import FeatureSpace
from cfaudio_core.features.summaries import summarize_tracks
from cfaudio_core.finetuning.fine_tune import train_net
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.models.kernel_machine import KernelMachine
from cfaudio_core.models.knn_graph import knn_graph
from cfaudio_core.training.selection import compare_baselines
from cfaudio_core.util.arrays import float32

WINDOWS, DIM, FACTORS = 10, 704 + N_WIDTHS, 20


class MadeUp:
    """Windows of tracks, each like one of fifty kinds of noise."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._patches = rng.uniform(0, 3, (50, WINDOWS, 187, 96)).astype(np.float16)
        self._features = rng.uniform(0, 3, (50, WINDOWS, DIM)).astype(np.float16)
        self._net = load_backbone("musicnn")

    def features(self, keys: Sequence[str]) -> Iterator[tuple[str, npt.NDArray[np.float16]]]:
        return ((key, self._features[int(key) % 50] + np.float16(0.1 * (int(key) % 7))) for key in keys)

    def patches(self, keys: Sequence[str]) -> Iterator[tuple[str, npt.NDArray[np.float16]]]:
        return ((key, self._patches[int(key) % 50]) for key in keys)

    def backbone(self) -> Backbone:
        return self._net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=2000)
    parser.add_argument("--only", nargs="*", default=["head", "top"])
    options = parser.parse_args()
    n = options.tracks
    rng, keys, windows = np.random.default_rng(0), [str(i) for i in range(n)], MadeUp()
    sound = summarize_tracks(windows.features(keys), keys, (("net", DIM - N_WIDTHS), ("stereo", N_WIDTHS)))
    space = FeatureSpace.fit(sound)
    feature_matrix = FeatureMatrix.of(sound, space)
    features = feature_matrix.rows(np.arange(n))
    liking = rng.normal(0, 1, (n, 1)).astype(np.float32)
    targets = Targets(liking, np.ones((n, 1), bool), unit(float32(rng.normal(0, 1, (n, FACTORS)))))
    groups = np.minimum(np.arange(1 + FACTORS), 1)
    training_set = TrainingSet(features, knn_graph(features), np.arange(n), targets, groups, np.arange(n) % 5)
    print(f"{n} tracks of {WINDOWS} windows   wall s   CPU s")
    started = time.perf_counter(), time.process_time()
    by_kernel = KernelMachine.fit(training_set, 0)[1]
    report("kernel machine", started)
    started = time.perf_counter(), time.process_time()
    empty = [""] * n
    tracks = Tracks(
        np.arange(n), [b""] * n, keys, empty, empty, [()] * n, empty, empty, empty, empty, empty, empty,
        np.zeros(n, np.float32), [()] * n,
    )  # fmt: skip
    listener = Listener("me", np.float32(rng.integers(1, 9, n)), np.zeros(n, np.float32))
    compare_baselines(tracks, [listener], feature_matrix, training_set, None, by_kernel, 0)
    report("comparison", started)
    for fine_tune in options.only:
        started = time.perf_counter(), time.process_time()
        settings = NetSettings.of(fine_tune, "mse", 512)
        endless = {part: replace(getattr(settings, part), patience=settings.head.steps) for part in ("head", "deep")}
        train_net(training_set, keys, windows, space, replace(settings, **endless), 0)
        report(f"fine_tune: {fine_tune}", started)


def report(what: str, started: tuple[float, float]) -> None:
    wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    print(f"{what:30} {wall:8.1f} {cpu:7.1f}", flush=True)


if __name__ == "__main__":
    main()
