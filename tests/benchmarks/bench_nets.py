"""Does it help to train a net? What is played of real music, by simulated listeners, against what they truly like.

    bench_nets.py FOLDER... [--fine-tune head top all] [--loss mse contrastive] [--backbone musicnn A+B spotify]
                  [--factorizer wmf vector_exp both] [--layers 1 2 3] [--fewest N] [--shuffled] [--each]

Each FOLDER is BEETSDIR of a library with the play counts of a simulated listener, analysed by `beet cfembed` with every
backbone asked for; nothing is written to it. Its `truth.json` maps the id of each item to [held back, liked]: the
tracks held back were never played, and those are ranked. Truth is used for nothing else.

Everything is learnt by the plugin's own functions, with the settings of FOLDER but for those of the net. Prints a
Markdown table whose rows are means over the folders: AUC / NDCG@50 of the trained net alone (the mean of the five, no
kernel machine), of the kernel machine alone on what the same backbone hears, and of the model as `cfembed` would have
it; on how many folders the net has the better AUC; the net's mean weights in the liking and in the factors, and on how
many folders it has any; and CPU seconds of its training, the decoding of files apart. `--shuffled` exchanges the sound
of tracks at random first: what is left when it means nothing. Where tracks share artists, the artist's mean is printed
too: how the other tracks of the artist are liked.

`--backbone spotify --fine-tune all` trains Dieleman's network from nothing, where musicnn hears beside it. cfaudio asks
for 1,000 played tracks before it does; here `--fewest` are enough, and a line says so.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import beets
import numpy as np
import numpy.typing as npt
from beets.library import Library
from threadpoolctl import threadpool_limits

from beetsplug.cfaudio.config.settings import DEFAULTS, Settings, read_settings
from beetsplug.cfaudio.pipeline import load, open_store, run_settings
from cfaudio_core.backbones.registry import Backbone, backbone_id
from cfaudio_core.data.training_set import standard_preference
from cfaudio_core.evaluation.metrics import Ranking
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.finetuning import fine_tune as tuned
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.finetuning.track_windows import TrackWindows
from cfaudio_core.finetuning.trainer import State
from cfaudio_core.pipeline.scoring import embed_tracks, predict_tracks
from cfaudio_core.training.fit import fit_model
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

Patches = npt.NDArray[np.float16]
PATCHES: dict[str, Patches] = {}  # of a file, decoded once for all rows and folders


@dataclass
class KeptWindows:
    """Windows of a library's tracks, whose files are decoded once."""

    extracted: TrackWindows

    def features(self, keys: Sequence[str]) -> Iterator[tuple[str, Patches]]:
        return self.extracted.features(keys)

    def patches(self, keys: Sequence[str]) -> Iterator[tuple[str, Patches]]:
        PATCHES.update(self.extracted.patches([key for key in keys if key not in PATCHES]))
        return ((key, PATCHES[key]) for key in keys if key in PATCHES)

    def backbone(self) -> Backbone:
        return self.extracted.backbone()


def open_library(folder: Path, section: dict[str, Any]) -> tuple[Library, Settings]:
    """The library in a folder, and its settings but for those of `section`."""
    os.environ["BEETSDIR"] = str(folder.resolve())
    beets.config.clear()
    beets.config.read()
    beets.config["cfaudio"].add(DEFAULTS)
    beets.config["cfaudio"].set(section)
    lib = Library(beets.config["library"].as_filename(), beets.config["directory"].as_filename())
    return lib, read_settings(beets.config["cfaudio"])


def read_truth(folder: Path, ids: IntArray) -> npt.NDArray[np.bool_]:
    """bool (2, n): which of n items were held back, and which are liked."""
    truth = {int(key): value for key, value in json.loads((folder / "truth.json").read_text()).items()}
    return np.array([truth[int(i)] for i in ids], bool).T


def measure(folder: Path, section: dict[str, Any], *, shuffled: bool, fewest: int) -> dict[str, Any]:
    """What one folder says of one setting of the net, which is trained if at least `fewest` tracks are known."""
    lib, settings = open_library(folder, section)
    tracks, people = load(lib, settings, match=False)
    run = run_settings(settings, jobs=1)
    asked, training = (
        run.training.net.min_tracks,
        replace(run.training, net=replace(run.training.net, min_tracks=fewest)),
    )
    net = backbone_id(run.extractor.backbone)
    with open_store(settings) as store:
        there = store.keys(net, run.extractor.windows)
        rows = np.flatnonzero([key in there for key in tracks.keys])
        if not len(rows):
            raise SystemExit(f"{folder}: nothing was analysed by {net} yet (beet cfembed with that backbone)")
        analysed, people = tracks.subset(rows), [person.subset(rows) for person in people]
        paths = dict(zip(analysed.keys, analysed.paths, strict=True))
        if shuffled:
            order = np.random.default_rng(0).permutation(len(rows))
            analysed = replace(analysed, keys=[analysed.keys[i] for i in order])
        windows = KeptWindows(TrackWindows(store, net, run.extractor, paths, 1))
        if section["fine_tune"] in {"top", "all"}:
            list(windows.patches(sorted(set(analysed.keys))))
        feature_matrix = FeatureMatrix.of(store.summaries(net, analysed.keys))
        trained: list[tuple[list[State], FloatArray]] = []
        cpu = 0.0

        def train(*args: Any) -> tuple[list[State], FloatArray] | None:
            nonlocal cpu
            started = time.process_time()
            if done := train_net(*args):
                trained.append(done)
            cpu = time.process_time() - started
            return done

        train_net = tuned.train_net
        with patch.object(tuned, "train_net", train):  # to know the net as well where it gets no say
            model, predictions = fit_model(analysed, people, feature_matrix, net, training, windows)
        cold, liked = read_truth(folder, analysed.ids)
        by_net = (
            net_predictions(trained[0], feature_matrix, analysed.keys, windows, training.net, cold) if trained else None
        )
    effects = model.tag_effects
    nothing = effects._replace(values=np.zeros_like(effects.values), audio_weight=np.ones_like(effects.audio_weight))
    bare = replace(model, tag_effects=nothing)
    scores = {
        "net": np.zeros(len(analysed), np.float32) if by_net is None else by_net[:, 0],
        "kernel": predict_tracks(bare, analysed, people, predictions)[0][:, 0],
        "model": embed_tracks(model, analysed, people, predictions, by_net if model.nets else None).scores[
            people[0].name
        ],
    }
    if len(set(analysed.artists)) < len(analysed):
        scores["artist"] = artist_means(analysed.artists, standard_preference(people[0]), people[0].known)
    shares = model.stack_weights[1]
    weights = np.array([shares[0], shares[-1] if len(shares) > 1 else 0])
    facts = {"cpu": cpu, "weights": weights, "known": model.factors.n_known, "asked": asked}
    return {**facts, **{name: judged(predicted[cold], liked[cold]) for name, predicted in scores.items()}}


def net_predictions(
    trained: tuple[list[State], FloatArray],
    feature_matrix: FeatureMatrix,
    keys: list[str],
    windows: KeptWindows,
    net: NetSettings,
    cold: npt.NDArray[np.bool_],
) -> FloatArray:
    """float32 (n, outputs): what the trained nets say together of tracks, as `cfembed` asks them.

    Nets that listen themselves are asked about those that are ranked; NaN stands for the others.
    """
    if net.fine_tune == "head":
        return tuned.NetEnsemble(trained[0], net).predict(feature_matrix.rows(np.arange(len(keys))))
    nets = tuned.NetEnsemble(trained[0], net, None if net.fine_tune == "spotify" else windows.backbone())
    asked = sorted({key for key, held_back in zip(keys, cold, strict=True) if held_back})
    by_key = {key: nets.predict_patches(patches) for key, patches in windows.patches(asked)}
    nothing = np.full(trained[1].shape[1], np.nan)
    return float32([by_key.get(key, nothing) for key in keys])


def artist_means(artists: list[str], liking: FloatArray, known: npt.NDArray[np.bool_]) -> FloatArray:
    """float32 (n,): mean liking of the artist's known tracks, 0 where there are none."""
    _, of = np.unique(artists, return_inverse=True)
    return float32((np.bincount(of, liking * known) / np.maximum(np.bincount(of, known), 1))[of])


def judged(scores: FloatArray, liked: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """AUC and NDCG@50."""
    order = np.argsort(-scores, kind="stable")
    ranking = Ranking(scores[order], liked[order])
    return np.array([ranking.auc()[0], ranking.ndcg(float32(liked[order]))[0]])


def both(figures: npt.NDArray[np.float64]) -> str:
    return "{:.3f} / {:.3f}".format(*figures)


def unusual(section: dict[str, Any]) -> Iterator[str]:
    """What a setting has that has no column of its own."""
    if section["factorizer"] != DEFAULTS["factorizer"]:
        yield section["factorizer"]
    if section["layers"]:
        yield f"layers: {section['layers']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--fine-tune", nargs="+", default=["head"], choices=["head", "top", "all"])
    parser.add_argument("--loss", nargs="+", default=["mse"], choices=["mse", "contrastive"])
    parser.add_argument("--backbone", nargs="+", default=["musicnn"])
    parser.add_argument("--factorizer", nargs="+", default=["vector_exp"], choices=["wmf", "vector_exp", "both"])
    parser.add_argument("--layers", nargs="+", type=int, default=[None], help="hidden layers; default: the net's own")
    parser.add_argument(
        "--fewest", type=int, default=NetSettings.min_tracks, help="tracks that it takes to train a net"
    )
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--each", action="store_true", help="print every folder too")
    options = parser.parse_args()
    ways = ["net", "kernel", "model"]
    print("| `fine_tune` | `loss` | `backbone` | trained net | kernel machine | model | better | weights | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|")
    keys = ["backbone", "fine_tune", "loss", "factorizer", "layers"]
    for backbone, *others in product(*(getattr(options, key) for key in keys)):
        section = dict(zip(keys, [backbone.split("+") if "+" in backbone else backbone, *others], strict=True))
        rows = []
        for folder in options.folders:
            with threadpool_limits(1):
                row = measure(folder, section, shuffled=options.shuffled, fewest=options.fewest)
            rows.append(row)
            if options.each:
                figures = "; ".join(f"{way} {both(row[way])}" for way in [*ways, "artist"] if way in row)
                print(f"{folder}: {figures}; weights {row['weights'].round(2)}; {row['cpu']:.0f} s", flush=True)
        mean = {name: np.mean([row[name] for row in rows], axis=0) for name in rows[0]}
        better = sum(row["net"][0] > row["kernel"][0] for row in rows)
        says = [sum(row["weights"][k] > 0 for row in rows) for k in (0, 1)]
        figures = " | ".join(both(mean[way]) for way in ways)
        weights = ", ".join(f"{w:.2f} ({n})" for w, n in zip(mean["weights"], says, strict=True))
        name = ", ".join([backbone, *unusual(section), *(["shuffled"] if options.shuffled else [])])
        start, of = f"| {section['fine_tune']} | {section['loss']} | {name}", f"{better} of {len(rows)}"
        print(f"{start} | {figures} | {of} | {weights} | {mean['cpu']:.0f} |", flush=True)
        if mean["known"] < mean["asked"]:
            print(
                f"cfaudio asks for {mean['asked']:,.0f} tracks; there are {mean['known']:.0f} in the mean", flush=True
            )
        if "artist" in mean:
            print(f"artist's mean: {both(mean['artist'])}", flush=True)


if __name__ == "__main__":
    main()
