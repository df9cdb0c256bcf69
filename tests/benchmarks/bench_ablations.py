"""What is each part of cfaudio worth? On simulated libraries, by the product's own switches.

    bench_ablations.py FOLDER...

Each FOLDER is BEETSDIR of a library of real music with the plays of a simulated listener, analysed by `beet cfembed`
with the backbone musicnn. Its `truth.json` maps the id of each item to [held back, liked]: the tracks held back were
never played, and those are ranked. Tracks in one folder of music belong together.

On copies, one process after the other, `beet cfembed` runs as it is, with `factorizer: none`, with `fine_tune: none`,
and with shuffled sound: the features of each track, descriptors and remastered windows too, are those of another.
Prints a Markdown table of means over the folders: AUC and NDCG@50 of `cf_score`; AUC of the cosine of `cf_embedding`
to the nearest of the 30 most played tracks, and to the mean of the played ones; mAP of the tracks of a folder among all
others; CPU seconds. With several folders each difference to the default has its standard error over them. The frozen
kernel is the one that `cfembed` and `cfevaluate` compare with.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml
from bench_nets import judged, open_library, read_truth

from beetsplug.cfaudio.library.fields import column, read_fields
from beetsplug.cfaudio.pipeline import load, open_store
from cfaudio_core.backbones.registry import backbone_id
from cfaudio_core.data.training_set import unit
from cfaudio_core.evaluation.metrics import Ranking
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.models.frozen_kernel import frozen_features, frozen_kernel
from cfaudio_core.util.arrays import FloatArray, float32
from cfaudio_core.util.vector_codec import decode_ragged, stack

FIGURES = ("AUC", "NDCG@50", "nearest AUC", "mean AUC", "mAP", "CPU s")
BUILDS: dict[str, dict[str, str]] = {
    "default": {},
    "no factors": {"factorizer": "none"},
    "no fine-tuning": {"fine_tune": "none"},
    "shuffled sound": {},
}
KEPT = ("config.yaml", "library.db", "truth.json", "cfaudio/features.db", "cfaudio/history.db")
LOVED = 30

Row = npt.NDArray[np.float64]


def run(folder: Path, build: str, work: Path) -> Row:
    """Run `beet cfembed` on a copy of a library, and measure what came out."""
    copy = work / folder.name
    for name in KEPT:
        if (folder / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / name, copy / name)
    if build == "shuffled sound":
        shuffle_features(copy / "cfaudio" / "features.db")
    config = yaml.safe_load((copy / "config.yaml").read_text())
    config |= {"library": str(copy / "library.db"), "cfaudio": {**config.get("cfaudio", {}), **BUILDS[build]}}
    (copy / "config.yaml").write_text(yaml.safe_dump(config))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "beets", "cfembed", "-j", "1", "--retrain"],
        env={**os.environ, "BEETSDIR": str(copy)},
        cwd=copy,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = measure(copy)
    shutil.rmtree(copy)
    return np.array([*figures, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime])


def shuffle_features(file: Path) -> None:
    """Give every track the stored features of another one, all of them of the same."""
    with closing(sqlite3.connect(file)) as store, store:
        keys = [key for (key,) in store.execute("SELECT DISTINCT cf_key FROM features ORDER BY cf_key")]
        order = np.random.default_rng(0).permutation(len(keys))
        store.execute("CREATE TEMP TABLE other (cf_key TEXT PRIMARY KEY, becomes TEXT)")
        store.executemany("INSERT INTO other VALUES (?, ?)", [(keys[i], keys[j]) for i, j in enumerate(order.tolist())])
        store.execute("CREATE TEMP TABLE moved AS SELECT * FROM features")
        store.execute("UPDATE moved SET cf_key = (SELECT becomes FROM other WHERE other.cf_key = moved.cf_key)")
        store.execute("DELETE FROM features")
        store.execute("INSERT INTO features SELECT * FROM moved")


def measure(folder: Path) -> list[float]:
    """Measure scores and vectors as they stand in a library; see `FIGURES`."""
    lib, settings = open_library(folder, {})
    fields = read_fields(lib, ["cf_score", "cf_embedding"])
    tracks, people = load(lib, settings, match=False)
    rows = np.flatnonzero([int(i) in fields["cf_embedding"] for i in tracks.ids])
    tracks, person = tracks.subset(rows), people[0].subset(rows)
    cold, liked = read_truth(folder, tracks.ids)
    vectors = unit(stack(*decode_ragged(str(fields["cf_embedding"][int(i)]) for i in tracks.ids)))
    loved = np.argsort(-person.plays, kind="stable")[:LOVED]
    nearest, mean = (vectors @ vectors[loved].T).max(axis=1), vectors @ (person.plays @ vectors)
    aucs = [judged(float32(scores)[cold], liked[cold])[0] for scores in (nearest, mean)]
    return [*judged(column(tracks.ids, fields["cf_score"])[cold], liked[cold]), *aucs, retrieved(vectors, tracks.paths)]


def retrieved(vectors: FloatArray, paths: list[bytes]) -> float:
    """Mean average precision of the tracks in the same folder; those alone there are no query."""
    of = np.unique([os.path.dirname(path) for path in paths], return_inverse=True)[1]  # noqa: PTH120 (bytes)
    alike = vectors @ vectors.T
    figures = []
    for query in range(len(vectors)):
        others = np.delete(np.arange(len(vectors)), query)
        same = of[others[np.argsort(-alike[query, others], kind="stable")]] == of[query]
        if same.any():
            figures.append(Ranking(float32(-np.arange(len(same))), same).precision(len(same))[0])
    return float(np.mean(figures))


def kernel(folder: Path) -> Row:
    """AUC and NDCG@50 of the frozen kernel."""
    lib, settings = open_library(folder, {})
    tracks, people = load(lib, settings, match=False)
    net = backbone_id(settings.backbone)
    with open_store(settings) as store:
        existing = store.keys(net, settings.windows)
        rows = np.flatnonzero([key in existing for key in tracks.keys])
        tracks, person = tracks.subset(rows), people[0].subset(rows)
        feature_matrix = FeatureMatrix.of(store.summaries(net, tracks.keys))
    features = frozen_features(feature_matrix, np.arange(len(tracks)), 0)
    cold, liked = read_truth(folder, tracks.ids)
    predicted = frozen_kernel(features, features[person.known], person.plays[person.known], 0)
    return judged(predicted[cold], liked[cold])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    folders = [folder.resolve() for folder in parser.parse_args().folders]
    print(f"| {len(folders)} libraries | {' | '.join(FIGURES)} |\n|---|{'---|' * len(FIGURES)}")
    simple = np.mean([kernel(folder) for folder in folders], axis=0)
    print(f"| frozen kernel | {simple[0]:.3f} | {simple[1]:.3f} |{' |' * (len(FIGURES) - 2)}", flush=True)
    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory() as work:
        for build in BUILDS:
            rows[build] = np.array([run(folder, build, Path(work)) for folder in folders])
            mean = rows[build].mean(axis=0)
            print(f"| {build} | {' | '.join(f'{value:.3f}' for value in mean[:-1])} | {mean[-1]:.0f} |", flush=True)
    for build in list(BUILDS)[1:] if len(folders) > 1 else []:
        worse = (rows["default"] - rows[build])[:, :-1]
        error = worse.std(axis=0, ddof=1) / len(folders) ** 0.5
        cells = (f"{value:+.3f} ± {off:.3f}" for value, off in zip(worse.mean(axis=0), error, strict=True))
        print(f"| default less {build} | {' | '.join(cells)} | |")


if __name__ == "__main__":
    main()
