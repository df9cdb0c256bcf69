"""How well are never played tracks ranked, and do tracks that belong together lie together? On simulated libraries.

    bench_scores.py FOLDER...

Each FOLDER is BEETSDIR of a library of real music with the play counts of a simulated listener, on which `beet cfembed`
was run with the backbone musicnn; nothing is written to it. Its `truth.json` maps the id of each item to [held back,
liked]: the tracks held back were never played, and those are ranked. Tracks in one folder of music belong together.

Prints Markdown tables. The first: AUC / NDCG@50 of Gaussian kernel ridge regression of log(1 + plays) on what the
frozen net hears, of `cf_score` as it stands in the library, of the same learnt anew from sound that was exchanged
between tracks, and, where tracks share artists, of how the artist's played tracks are liked. The second: mAP and P@5
of the tracks of a folder among all others, by the cosine of the net's penultimate layer (mean over windows, as it is
and standardised) and of `cf_embedding`.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from bench_nets import artist_means, judged, open_library, read_truth
from threadpoolctl import threadpool_limits

from beetsplug.cfaudio.library.fields import column, read_fields
from beetsplug.cfaudio.pipeline import load, open_store, run_settings
from cfaudio_core.backbones.registry import backbone_id
from cfaudio_core.backbones.tagger import load_tagger
from cfaudio_core.data.training_set import standard_preference, unit
from cfaudio_core.evaluation.baselines import kernel_regression, standardised
from cfaudio_core.evaluation.metrics import Ranking
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.pipeline.scoring import embed_tracks
from cfaudio_core.training.fit import fit_model
from cfaudio_core.util.arrays import FloatArray, float32
from cfaudio_core.util.vector_codec import decode_ragged, stack

Figures = npt.NDArray[np.float64]
NEAR = 5


@dataclass
class Found:
    """What one folder says: AUC and NDCG@50 of each ranking, mAP and P@5 of each kind of vectors."""

    rankings: dict[str, Figures]
    retrieval: dict[str, Figures]


def measure(folder: Path) -> Found:
    """Rank what was held back, and look for what belongs together."""
    lib, settings = open_library(folder, {})
    tracks, people = load(lib, settings, match=False)
    fields = read_fields(lib, ["cf_score", "cf_embedding"])
    run, net = run_settings(settings, jobs=1), backbone_id("musicnn")
    tagger = load_tagger("musicnn")
    with open_store(settings) as store:
        features = {key: windows.astype(np.float32) for key, windows in store.read(net, set(tracks.keys))}
        sound = store.summaries(net, tracks.keys)
    cold, liked = read_truth(folder, tracks.ids)
    person = people[0]
    pooled = float32([features[key][:, : tagger.width].mean(axis=0) for key in tracks.keys])
    places, known = float32(standardised(pooled) / np.sqrt(pooled.shape[1])), np.flatnonzero(person.known)
    order = np.random.default_rng(0).permutation(len(tracks))
    shuffled = FeatureMatrix.of(sound.subset(order))
    model, predictions = fit_model(tracks, people, shuffled, net, run.training)
    scores = {
        "kernel": kernel_regression(places, known, np.log1p(person.plays[known])),
        "cfaudio": column(tracks.ids, fields["cf_score"]),
        "shuffled": embed_tracks(model, tracks, people, predictions).scores[person.name],
    }
    if len(set(tracks.artists)) < len(tracks):
        scores["artist's mean"] = artist_means(tracks.artists, standard_preference(person), person.known)
    assert tagger.dense is not None
    *_, scale, shift = tagger.dense
    penultimate = float32([tagger.top(features[key])[0].mean(axis=0) * scale + shift for key in tracks.keys])
    vectors = {
        "penultimate layer": penultimate,
        "the same, standardised": standardised(penultimate),
        "`cf_embedding`": stack(*decode_ragged(str(fields["cf_embedding"][int(i)]) for i in tracks.ids)),
    }
    home = [os.path.dirname(path) for path in tracks.paths]  # noqa: PTH120 (names are bytes)
    return Found(
        {name: judged(predicted[cold], liked[cold]) for name, predicted in scores.items()},
        {name: retrieved(unit(own), home) for name, own in vectors.items()},
    )


def retrieved(vectors: FloatArray, home: list[bytes]) -> Figures:
    """Mean average precision, and precision at 5, of the tracks in the same folder; those alone there are no query."""
    of = np.unique(np.array(home, object), return_inverse=True)[1]
    alike = vectors @ vectors.T
    figures = []
    for query in range(len(vectors)):
        others = np.delete(np.arange(len(vectors)), query)
        ranked = others[np.argsort(-alike[query, others], kind="stable")]
        same = of[ranked] == of[query]
        if same.any():
            precision = Ranking(float32(-np.arange(len(same))), same).precision(len(same))[0]
            figures.append([precision, same[:NEAR].mean()])
    return np.mean(figures, axis=0)


def table(title: str, rows: dict[str, dict[str, Figures]]) -> None:
    """Print a row a folder, and their mean."""
    names = list(next(iter(rows.values())))
    print(f"\n| {title} | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    mean = {name: np.mean([row[name] for row in rows.values()], axis=0) for name in names}
    for label, row in {**rows, "**mean**": mean}.items():
        print(f"| {label} | {' | '.join('{:.3f} / {:.3f}'.format(*row[name]) for name in names)} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    with threadpool_limits(1):
        found = {folder.name: measure(folder) for folder in parser.parse_args().folders}
    table("AUC / NDCG@50", {name: one.rankings for name, one in found.items()})
    table("mAP / P@5", {name: one.retrieval for name, one in found.items()})


if __name__ == "__main__":
    main()
