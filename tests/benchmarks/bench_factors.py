"""The factorizers against `implicit` and `irspack`, side by side in one run.

    bench_factors.py [--data FOLDER] [--seeds N] [--threads N] [--only quality|scaling]

FOLDER holds the public data sets; `public_data.py` says which file comes from where. Without it only the synthetic
scaling is measured. The peers are compared against where they are installed (`pip install implicit irspack`); timings
count as ratios, since they ran on the same machine in the same minutes.

Every model's hyper-parameters were chosen on validation cuts of the training part of seed 0; `wmf, tuned` chooses its
own by `factors.tuning` in the run.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from public_data import FILES, METRICS, judge, load, power_law, split
from scipy import sparse

from cfaudio_core.factorization import (  # compiled here, so that no fit has to wait for it
    least_squares as compiled,
)
from cfaudio_core.factorization import wmf
from cfaudio_core.factorization.confidence import Confidence
from cfaudio_core.factorization.factorizer import FactorizerSettings, make_factorizer
from cfaudio_core.factorization.softmax_mf import VectorExpSettings
from cfaudio_core.factorization.tuning import tune
from cfaudio_core.factorization.wmf import Factors, WmfSettings

Fit = Callable[[sparse.csr_array], tuple[np.ndarray, np.ndarray]]

CHOSEN = {
    "HetRec Last.fm-2K": FactorizerSettings(
        wmf=WmfSettings(unobserved=0.06, regularisation=0.0115, confidence="row_log", damping=0.15, iterations=15),
        vector_exp=VectorExpSettings(regularisation=0.33),
    ),
    "MovieLens 100K": FactorizerSettings(
        wmf=WmfSettings(
            unobserved=0.2, regularisation=0.4, confidence="row_log", damping=0.15, frequency=0.5, iterations=15
        ),
        vector_exp=VectorExpSettings(regularisation=0.165, confidence="binary"),
    ),
}
IMPLICIT = {
    "HetRec Last.fm-2K": {"kind": "user_log", "alpha": 20.0, "regularization": 40.0},
    "MovieLens 100K": {"kind": "raw", "alpha": 2.0, "regularization": 60.0},
}
IRSPACK = {
    "HetRec Last.fm-2K": {"alpha0": 0.1, "reg": 0.006},
    "MovieLens 100K": {"alpha0": 0.2, "reg": 0.02},
}


def ours(name: str, settings: FactorizerSettings, factors: int) -> Fit:
    """One of our factorizers."""
    model = make_factorizer(name, FactorizerSettings(factors, settings.wmf, settings.vector_exp))

    def fit(train: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
        found = model.fit(train, np.random.default_rng(0))
        return found.contexts, found.tracks

    return fit


def implicit_als(factors: int, kind: str, alpha: float, regularization: float, threads: int) -> Fit:
    """implicit's conjugate gradient ALS, C = 1 + alpha w."""
    from implicit.als import AlternatingLeastSquares

    def fit(train: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
        confidence = sparse.csr_matrix(train)
        if kind == "user_log":
            lengths = np.diff(confidence.indptr)
            means = np.asarray(confidence.sum(axis=1)).ravel() / np.maximum(lengths, 1)
            confidence.data = np.log1p(confidence.data / np.repeat(means, lengths))
        confidence.data = (1 + alpha * confidence.data).astype(np.float32)
        model = AlternatingLeastSquares(
            factors, regularization, 1.0, iterations=15, num_threads=threads, random_state=0, use_gpu=False
        )
        model.fit(confidence, show_progress=False)
        return model.user_factors, model.item_factors

    return fit


def irspack_ials(factors: int, alpha0: float, reg: float, threads: int) -> Fit:
    """irspack's iALS++, with frequency-scaled regularisation."""
    from irspack import IALSRecommender

    def fit(train: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
        binary = sparse.csr_matrix(train)
        binary.data = np.ones_like(binary.data, np.float64)
        model = IALSRecommender(
            binary, n_components=factors, alpha0=alpha0, reg=reg, train_epochs=16, n_threads=threads
        )
        with contextlib.redirect_stdout(io.StringIO()):  # its progress bar
            model.learn()
        return model.get_user_embedding(), model.get_item_embedding()

    return fit


def quality(folder: Path, seeds: int, threads: int) -> None:
    """Print the tables of the public data sets."""
    peers = [name for name in ("implicit", "irspack") if importlib.util.find_spec(name)]
    for name in FILES:
        matrix = load(folder, name)
        if matrix is None:
            print(f"{name}: {folder / FILES[name]} is not there, see public_data.py")
            continue
        start = time.perf_counter()
        tuned = tune("wmf", split(matrix, 0)[0], FactorizerSettings(64, WmfSettings(iterations=15)))
        took = time.perf_counter() - start
        chosen = CHOSEN[name]
        models: dict[str, Fit] = {"wmf F40": ours("wmf", chosen, 40)}
        if "implicit" in peers:
            models["implicit CG F40"] = implicit_als(40, **IMPLICIT[name], threads=threads)
        if "irspack" in peers:
            models["irspack F40"] = irspack_ials(40, **IRSPACK[name], threads=threads)
        models |= {"wmf F64": ours("wmf", chosen, 64), "wmf F64, tuned": ours("wmf", tuned.settings, 64)}
        if "implicit" in peers:
            models["implicit CG F64"] = implicit_als(64, **IMPLICIT[name], threads=threads)
        if "irspack" in peers:
            models["irspack F64"] = irspack_ials(64, **IRSPACK[name], threads=threads)
        models["vector_exp F40"] = ours("vector_exp", chosen, 40)
        models["both F64"] = ours("both", chosen, 64)
        compute(name, matrix, models, seeds)
        print(f"tuned in {took:.1f} s by {tuned.tried} factorisations: {tuned.settings.wmf}\n", flush=True)


def compute(name: str, matrix: sparse.csr_array, models: dict[str, Fit], seeds: int) -> None:
    """Fit all models to all splits, one after the other in each split, and print one data set's table."""
    results: dict[str, list[np.ndarray]] = {model: [] for model in models}
    seconds: dict[str, list[float]] = {model: [] for model in models}
    for seed in range(seeds):
        train, test = split(matrix, seed)
        for model, fit in models.items():
            for _ in range(1 if model.startswith(("both", "vector")) else 3):
                start = time.perf_counter()
                users, items = fit(train)
                seconds[model].append(time.perf_counter() - start)
            results[model].append(judge(users, items, train, test))
    print(f"{name}: {matrix.shape[0]} x {matrix.shape[1]}, {matrix.nnz} entries, {seeds} seeds")
    print("| model | " + " | ".join(METRICS) + " | sd NDCG@100 | fit s, least | median |")
    print("|---" * (len(METRICS) + 4) + "|")
    for model, rows in results.items():
        mean, sd = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1 if seeds > 1 else 0)
        figures = " | ".join(f"{value:.4f}" for value in mean)
        print(f"| {model} | {figures} | {sd[2]:.4f} | {min(seconds[model]):.2f} | {np.median(seconds[model]):.2f} |")


def scaling(threads: int) -> None:
    """Print the table of the synthetic matrices, each fit in a process of its own, for its peak memory."""
    print(f"synthetic power law, 20,000 x 100,000, 40 factors, 15 sweeps, {threads} threads")
    print("| entries | model | wall s | CPU s | peak MB | loss |")
    print("|---|---|---|---|---|---|")
    models = ["wmf", *(["implicit CG"] if importlib.util.find_spec("implicit") else [])]
    with tempfile.TemporaryDirectory(prefix="cfaudio-bench-") as folder:
        for entries in (1_000_000, 2_000_000, 5_000_000):
            file = Path(folder) / f"{entries}.npz"
            sparse.save_npz(file, power_law(20_000, 100_000, entries), compressed=False)
            for model in models:
                command = [sys.executable, __file__, "--fit", model, "--matrix", file, "--threads", str(threads)]
                row = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
                print(f"| {entries} | {model} | {row} |", flush=True)


def one_fit(model: str, file: Path, threads: int, c: float = 20.0, ridge: float = 20.0) -> None:
    """Fit one synthetic matrix and print wall and CPU time, peak memory and loss.

    Both minimise sum_observed c (1 - s)^2 + sum_unobserved s^2 + ridge (|x|^2 + |y|^2). In the terms of `wmf` that is,
    divided by c - 1 and with factors scaled by t^-1/2, t = c / (c - 1): unobserved 1 / (c - 1), plain ridge
    `ridge` / c. The loss printed is the former, evaluated in float64 for both.
    """
    matrix = sparse.csr_array(sparse.load_npz(file))
    t = c / (c - 1)
    settings = WmfSettings(40, 1 / (c - 1), ridge / c, 15, "binary", frequency=0.0)
    if model == "wmf":
        before, start = time.process_time(), time.perf_counter()
        found = wmf.factorize(matrix, settings, np.random.default_rng(0))
        contexts, tracks = found.contexts, found.tracks
        wall, cpu = time.perf_counter() - start, time.process_time() - before
        scaled = found
    else:
        from implicit.als import AlternatingLeastSquares

        weighted = sparse.csr_matrix(matrix * np.float32(c))
        als = AlternatingLeastSquares(40, ridge, 1.0, iterations=15, num_threads=threads, random_state=0, use_gpu=False)
        before, start = time.process_time(), time.perf_counter()
        als.fit(weighted, show_progress=False)
        wall, cpu = time.perf_counter() - start, time.process_time() - before
        contexts, tracks = als.user_factors / np.sqrt(t), als.item_factors / np.sqrt(t)
        tracks = tracks * (np.bincount(matrix.indices, minlength=len(tracks)) > 0)[:, None]  # no part of the loss
        scaled = Factors(contexts, tracks)
    peak = peak_megabytes()
    total = loss(Confidence.of(matrix, "binary").apply(matrix), scaled, settings) * t * c
    print(f"{wall:.2f} | {cpu:.2f} | {peak:.0f} | {total - matrix.nnz * c / (c - 1):.1f}")


def loss(matrix: sparse.csr_array, factors: Factors, settings: WmfSettings) -> float:
    """The formula of the module `wmf`, without scaling by frequency, at these factors and confidences, in float64."""
    x, y = factors.contexts.astype(np.float64), factors.tracks.astype(np.float64)
    total = settings.unobserved * float(np.sum((x.T @ x) * (y.T @ y)))
    for start in range(0, matrix.shape[0], 1000):  # a part of the contexts at a time keeps memory flat
        part = matrix[start : start + 1000]
        score = np.einsum("kf,kf->k", np.repeat(x[start : start + 1000], np.diff(part.indptr), axis=0), y[part.indices])
        total += float(np.sum(np.abs(part.data) * ((part.data > 0) - score) ** 2))
    return total + settings.regularisation * float(np.sum(x**2) + np.sum(y**2))


def peak_megabytes() -> float:
    """The most memory this process has held."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage's figure is at least what the parent held when it started this process
        return (
            next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 2**10
        )
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="the folder of the public data sets")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=("quality", "scaling"))
    parser.add_argument("--fit", help=argparse.SUPPRESS)
    parser.add_argument("--matrix", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    if hasattr(os, "sched_setaffinity"):  # the same cores for everybody
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    if options.fit:
        one_fit(options.fit, options.matrix, options.threads)
        return
    print(f"compiled code: {compiled.__name__}\n")
    if options.data and options.only != "scaling":
        quality(options.data, options.seeds, options.threads)
    if options.only != "quality":
        scaling(options.threads)


if __name__ == "__main__":
    # A BLAS that starts threads of its own would fight with the factorizers' (implicit warns of it).
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    main()
