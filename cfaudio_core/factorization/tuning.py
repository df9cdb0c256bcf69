"""Choose hyper-parameters on a validation cut of the listener's own data.

The weight of the unobserved and regularisation decide more than anything else about implicit-feedback factorisation:
with a library's defaults a third of the quality is lost. As Rendle et al. advise ("Revisiting the performance of iALS",
RecSys 2022), this looks at a low dimension first: a fifth of each context's tracks is hidden, and a walk over a small
grid finds the settings that rank the hidden ones highest. Where there are few entries each fifth is hidden in its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from cfaudio_core.factorization.factorizer import FactorizerSettings, make_factorizer
from cfaudio_core.factorization.wmf import Factors
from cfaudio_core.util.arrays import FloatArray, IntArray
from cfaudio_core.util.threads import one_thread

MIN_HIDDEN_ENTRIES = 300
"""Hidden entries below which chance would choose."""

_FOLDS = 5  # as many parts of each row's tracks are hidden in turn, until enough were

UNOBSERVED = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)
REGULARISATION = (0.002, 0.004, 0.008, 0.012, 0.017, 0.024, 0.034, 0.05, 0.1)
DAMPING = (0.0, 0.1, 0.2, 0.3)
SOFTMAX_REGULARISATION = (0.04, 0.08, 0.12, 0.17, 0.24, 0.33, 0.45, 0.6)

Point = tuple[float | str, ...]


@dataclass(frozen=True)
class Tuned:
    """Settings that were chosen, and the figures that chose them.

    Attributes
    ----------
    settings
        The settings to use: those given, where nothing could be chosen.
    reason
        "" if they were chosen, else one line why not.
    tried
        Number of factorisations.
    before, after
        Mean NDCG@100 of the hidden tracks with the settings given and with those chosen, at the low dimension.
    """

    settings: FactorizerSettings
    reason: str = ""
    tried: int = 0
    before: float = float("nan")
    after: float = float("nan")


def tune(
    name: str,
    matrix: sparse.csr_array,
    settings: FactorizerSettings,
    confidences: Sequence[str] = ("raw", "row_log", "binary"),
    rows: IntArray | None = None,
    seed: int = 0,
) -> Tuned:
    """Choose hyper-parameters.

    Parameters
    ----------
    name
        The factorizer, see `factorizer.NAMES`; for `both`, each is tuned alone.
    matrix
        CSR (contexts, tracks) of weights.
    settings
        Where to begin; whatever is not chosen stays as it is here.
    confidences
        The kinds of confidence to choose among.
    rows
        int64 positions of the contexts that tracks are hidden from; all if left out.
    seed
        Decides which entries are hidden, and the first guess of every factorisation.
    """
    cuts, hidden = [], 0
    for fold in range(_FOLDS):
        cuts.append(_Cut.of(matrix, rows, np.random.default_rng(seed), fold))
        hidden += cuts[-1].hidden.nnz
        if hidden >= MIN_HIDDEN_ENTRIES:
            break
    else:
        return Tuned(settings, f"{hidden} hidden entries are too few to choose by: at least {MIN_HIDDEN_ENTRIES}")
    tried, before, after = 0, [], []
    for part in ("wmf", "vector_exp") if name == "both" else (name,):
        at = _wmf_at if part == "wmf" else _vector_exp_at

        def score(
            point: Point,
            part: str = part,
            at: Callable[..., FactorizerSettings] = at,
            others: FactorizerSettings = settings,
        ) -> float:
            model = make_factorizer(part, _low(at(others, point)))
            fits = (model.fit(cut.kept, np.random.default_rng(seed), optimise_contexts=False) for cut in cuts)
            scores = [cut.score(fitted) for cut, fitted in zip(cuts, fits, strict=True)]
            return float(np.average(scores, weights=[len(cut.rows) for cut in cuts]))

        axes: list[Sequence[float | str]]
        if part == "wmf":
            wmf = settings.wmf
            axes = [UNOBSERVED, REGULARISATION, DAMPING, confidences]
            start: Point = (wmf.unobserved, wmf.regularisation, wmf.damping, wmf.confidence)
        else:
            axes = [SOFTMAX_REGULARISATION, confidences]
            start = (settings.vector_exp.regularisation, settings.vector_exp.confidence)
        best, scores = _walk(start, axes, score)
        tried += len(scores)
        before.append(scores[start])
        after.append(scores[best])
        settings = at(settings, best)
    return Tuned(settings, "", tried, float(np.mean(before)), float(np.mean(after)))


def _wmf_at(settings: FactorizerSettings, point: Point) -> FactorizerSettings:
    a0, reg, damping = map(float, point[:3])
    wmf = replace(settings.wmf, unobserved=a0, regularisation=reg, damping=damping, confidence=str(point[3]))
    return replace(settings, wmf=wmf)


def _vector_exp_at(settings: FactorizerSettings, point: Point) -> FactorizerSettings:
    changed = replace(settings.vector_exp, regularisation=float(point[0]), confidence=str(point[1]))
    return replace(settings, vector_exp=changed)


def _low(settings: FactorizerSettings) -> FactorizerSettings:
    """Reduce factors and sweeps: what is best there is near enough to what is best with more."""
    return replace(
        settings,
        factors=min(settings.factors, 32),
        wmf=replace(settings.wmf, iterations=min(settings.wmf.iterations, 8), steps=2),
        vector_exp=replace(settings.vector_exp, epochs=min(settings.vector_exp.epochs, 8)),
    )


def _walk(
    start: Point, axes: Sequence[Sequence[float | str]], score: Callable[[Point], float]
) -> tuple[Point, dict[Point, float]]:
    """From `start` to the best neighbour, again and again, until none is better.

    The first two axes are walked diagonally too if they are ordered: more weight for the unobserved wants less
    regularisation.
    """
    scores = {start: score(start)}
    best = start
    while True:
        here = best
        for point in _neighbours(here, axes):
            if point not in scores:
                scores[point] = score(point)
            if scores[point] > scores[best]:
                best = point
        if best == here:
            return best, scores


def _neighbours(point: Point, axes: Sequence[Sequence[float | str]]) -> Iterable[Point]:
    beside = [_beside(value, axis) for value, axis in zip(point, axes, strict=True)]
    for k, values in enumerate(beside):
        for value in values:
            yield (*point[:k], value, *point[k + 1 :])
    if all(not isinstance(value, str) for value in point[:2]):
        for first in beside[0]:
            for second in beside[1]:
                if (float(first) - float(point[0])) * (float(second) - float(point[1])) < 0:
                    yield (first, second, *point[2:])


def _beside(value: float | str, axis: Sequence[float | str]) -> list[float | str]:
    """Find the next smaller and greater number of an axis; of texts, all others."""
    if isinstance(value, str):
        return [other for other in axis if other != value]
    numbers = [float(other) for other in axis]
    smaller, greater = [n for n in numbers if n < value * 0.999], [n for n in numbers if n > value * 1.001 + 1e-9]
    return [*smaller[-1:], *greater[:1]]


@dataclass(frozen=True)
class _Cut:
    """A matrix without the hidden entries, the hidden ones, and the rows to evaluate."""

    kept: sparse.csr_array
    hidden: sparse.csr_array
    rows: IntArray

    @classmethod
    def of(
        cls, matrix: sparse.csr_array, rows: IntArray | None, rng: np.random.Generator, fold: int, max_rows: int = 1000
    ) -> _Cut:
        """Hide one fifth of the positive entries of every row that has five, of at most `max_rows` rows."""
        matrix = sparse.csr_array(matrix, dtype=np.float32)
        lengths = np.diff(matrix.indptr)
        row = np.repeat(np.arange(len(lengths)), lengths)
        positive = np.bincount(row[matrix.data > 0], minlength=len(lengths))
        evaluated = np.flatnonzero(positive >= 5)
        if rows is not None:
            evaluated = np.intersect1d(evaluated, rows)
        if len(evaluated) > max_rows:
            evaluated = np.sort(rng.choice(evaluated, max_rows, replace=False))
        # The fifths of each row by a random order, which is the same for every fold.
        order = np.lexsort((rng.random(matrix.nnz), matrix.data <= 0, row))
        rank = np.empty(matrix.nnz, np.int64)
        rank[order] = np.arange(matrix.nnz) - matrix.indptr[row[order]]
        size = positive[row] // _FOLDS
        away = (rank >= fold * size) & (rank < (fold + 1) * size) & np.isin(row, evaluated)
        left = np.bincount(matrix.indices[~away & (matrix.data > 0)], minlength=matrix.shape[1])
        found = away & (left[matrix.indices] > 0)  # a track that is left nowhere cannot be found by what is left
        kept, hidden = (
            sparse.csr_array((matrix.data[e], (row[e], matrix.indices[e])), shape=matrix.shape) for e in (~away, found)
        )
        return cls(kept, hidden, evaluated[np.diff(hidden.indptr)[evaluated] > 0])

    @one_thread
    def score(self, factors: Factors, depth: int = 100) -> float:
        """Compute the mean NDCG of the hidden tracks among all that the row does not keep."""
        depth = min(depth, factors.tracks.shape[0])
        discount = 1 / np.log2(np.arange(2, depth + 2))
        ideal = np.concatenate([[0], np.cumsum(discount)])
        met = np.bincount(self.kept.indices, minlength=self.kept.shape[1]) > 0
        total = 0.0
        for start in range(0, len(self.rows), 256):
            rows = self.rows[start : start + 256]
            scores: FloatArray = factors.contexts[rows] @ factors.tracks.T
            scores[:, ~met] = -np.inf
            kept, hidden = self.kept[rows], self.hidden[rows]
            scores[_row_of(kept), kept.indices] = -np.inf
            relevant = np.zeros(scores.shape, bool)
            relevant[_row_of(hidden), hidden.indices] = True
            top = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
            order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
            hits = np.take_along_axis(relevant, np.take_along_axis(top, order, axis=1), axis=1)
            total += float(np.sum(hits @ discount / ideal[np.minimum(np.diff(hidden.indptr), depth)]))
        return total / max(len(self.rows), 1)


def _row_of(matrix: sparse.csr_array) -> IntArray:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
