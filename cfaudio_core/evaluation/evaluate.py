"""Evaluation: every system does every task of a protocol, and their figures are put side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.evaluation.metrics import Array, Estimate, Ranking, estimate, resampled
from cfaudio_core.evaluation.protocols import COLD, PROTOCOLS
from cfaudio_core.evaluation.splits import groups_of
from cfaudio_core.evaluation.systems import CFAUDIO, SYSTEMS
from cfaudio_core.evaluation.tasks import EvalData, NotEvaluatedError, Split, Task
from cfaudio_core.util.arrays import FloatArray, IntArray

METRICS = ("recall", "ndcg", "precision", "auc", "found")
"""See `metrics.Ranking`; all are of the pool, but for the AUC, which is of the candidates that are not in doubt.

Of the others in the pool nobody knows whether they are relevant. They count as if they were not, which makes the
figures of lists lower than the truth.
"""

MAX_LIST_TRACKS = 50
TIE_ORDERS = 4
"""Random orders of equal scores that a figure is the mean over, where it depends on their order."""

_SEED = 20131205  # of the draws of the bootstrap, the same for every system


@dataclass(frozen=True)
class Row:
    """The figures of one system.

    Attributes
    ----------
    system
        Its name.
    figures
        Metric to its mean over the tasks.
    behind
        Metric to how far the system is behind cfaudio, on the same tasks and draws.
    novelty
        Share of the lists' tracks by other artists than those few who make up half of the plays.
    coverage
        Share of all tracks to choose from that are on a list.
    artists
        Different artists on a list, of as many as it has tracks.
    """

    system: str
    figures: dict[str, Estimate]
    behind: dict[str, Estimate]
    novelty: float
    coverage: float
    artists: float


@dataclass(frozen=True)
class Table:
    """The figures of all systems in one protocol.

    Attributes
    ----------
    name
        Of the table, see `Task.table`.
    empty
        "", or why there are no rows.
    rows
        One a system.
    tasks, candidates, relevant
        Number of tasks, and per task on average.
    pool, listed
        Number of tracks to make a list from, and on it; per task on average.
    """

    name: str
    empty: str = ""
    rows: list[Row] = field(default_factory=list)
    tasks: int = 0
    candidates: float = 0
    relevant: float = 0
    pool: float = 0
    listed: float = 0

    def row(self, system: str) -> Row:
        """The row of a system."""
        return next(row for row in self.rows if row.system == system)


def plan(data: EvalData, protocols: Iterable[str], seeds: Sequence[int]) -> tuple[dict[str, list[Split]], list[Table]]:
    """Make the splits of each protocol, and an empty table for each that has none."""
    splits: dict[str, list[Split]] = {}
    empty = []
    for name in protocols:
        try:
            splits[name] = list(PROTOCOLS[name](data, seeds))
        except NotEvaluatedError as error:
            empty.append(Table(name.replace("-", " "), str(error)))
    return splits, empty


def evaluate_splits(
    data: EvalData,
    splits: Sequence[Split],
    units: IntArray,
    on_progress: Callable[[int], None] = lambda _: None,
    systems: Iterable[str] = tuple(SYSTEMS),
) -> list[Table]:
    """Let every system do the tasks of a protocol's splits; returns one table for each kind of task.

    Parameters
    ----------
    data, splits
        The data, and the splits made from it.
    units
        int64 (n,): tracks of one number are drawn together by the bootstrap.
    on_progress
        Called for every system that has done a split.
    systems
        Their names; cfaudio among them.
    """
    draws = resampled(units, _SEED)
    results: dict[str, dict[str, _Results]] = {}
    for split in splits:
        rng = np.random.default_rng([split.seed, split.part])
        orders = np.array([rng.permutation(len(data.tracks)) for _ in range(TIE_ORDERS)])
        usual = _half_of_the_plays(split.tracks, split.listener)
        for system in systems:
            scores = np.atleast_2d(SYSTEMS[system](data, split))
            for k, task in enumerate(split.tasks):
                of_system = results.setdefault(task.table, {}).setdefault(system, _Results(data.tracks.artists))
                of_system.add(task, scores[k % len(scores)], orders, draws, usual)
            on_progress(1)
    tasks = [task for split in splits for task in split.tasks]
    return [_table(name, [task for task in tasks if task.table == name], of) for name, of in results.items()]


def units_of(data: EvalData, protocol: str) -> IntArray:
    """int64 (n,): the groups that a protocol draws, and that its bootstrap draws again."""
    return groups_of(data.tracks, protocol.split("-")[1] if protocol in COLD else "tracks")


class _Results:
    """The figures of one system, task by task."""

    def __init__(self, artists: Sequence[str]) -> None:
        self._artists = artists
        self._values: list[Array] = []  # (1 + replicates or 1, metrics) each
        self._novelty: list[float] = []
        self._variety: list[float] = []
        self._listed: set[int] = set()

    def add(self, task: Task, scores: FloatArray, orders: IntArray, draws: Array, usual: set[str]) -> None:
        """Add the figures of a task.

        A figure that depends on the order of equal scores is the mean over some orders, int64 (orders, n).
        """
        times = draws if task.number < 0 else np.ones((1, len(scores)))
        relevant, gain, certain = np.zeros((3, len(scores)), np.float32)
        relevant[task.candidates], gain[task.candidates], certain[task.candidates] = task.relevant, task.gain, 1
        certain[task.doubtful] = 0
        size = list_length(task)
        tied = len(np.unique(scores[task.pool])) < len(task.pool)
        precision = []
        for tie_order in orders if tied else orders[:1]:
            order = task.pool[np.lexsort((tie_order[task.pool], -scores[task.pool]))]
            ranking = Ranking(scores[order], relevant[order] > 0, times[:, order])
            precision.append(ranking.precision())
            names = [self._artists[track] or f"#{track}" for track in order[:size]]
            self._novelty.append(float(np.mean([name not in usual for name in names])))
            self._variety.append(len(set(names)) / size)
        self._listed.update(order[:size].tolist())
        sure = order[certain[order] > 0]
        auc = Ranking(scores[sure], relevant[sure] > 0, times[:, sure]).auc()
        mean = np.mean(precision, axis=0)
        figures = (ranking.recall(), ranking.ndcg(gain[order]), mean, auc, ranking.list_recall(size))
        self._values.append(np.stack(figures, axis=1))

    def values(self, numbers: IntArray) -> Array:
        """float64 (1 + replicates, metrics): means over the tasks, of which those of one number are drawn together."""
        if numbers[0] < 0:
            stacked = np.stack(self._values)
            finite = np.isfinite(stacked)
            total, count = np.where(finite, stacked, 0).sum(axis=0), finite.sum(axis=0)
            return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))
        weight = resampled(np.unique(numbers, return_inverse=True)[1], _SEED)
        return np.asarray(weight @ np.concatenate(self._values) / weight.sum(axis=1, keepdims=True))

    def row(self, system: str, values: Array, of_cfaudio: Array, pooled: int) -> Row:
        """The row of the table, beside cfaudio's own figures."""
        return Row(
            system,
            {name: estimate(values[:, m]) for m, name in enumerate(METRICS)},
            {name: estimate(of_cfaudio[:, m] - values[:, m]) for m, name in enumerate(METRICS)},
            float(np.mean(self._novelty)),
            len(self._listed) / pooled,
            float(np.mean(self._variety)),
        )


def list_length(task: Task) -> int:
    """Fifty tracks, or a fifth of the pool where that is less."""
    return max(min(MAX_LIST_TRACKS, len(task.pool) // 5), 1)


def _table(name: str, tasks: Sequence[Task], results: dict[str, _Results]) -> Table:
    numbers = np.array([task.number for task in tasks])
    values = {system: of_system.values(numbers) for system, of_system in results.items()}
    pooled = len(np.unique(np.concatenate([task.pool for task in tasks])))
    return Table(
        name,
        rows=[of.row(system, values[system], values[CFAUDIO], pooled) for system, of in results.items()],
        tasks=len(tasks),
        candidates=float(np.mean([len(task.candidates) for task in tasks])),
        relevant=float(np.mean([task.relevant.sum() for task in tasks])),
        pool=float(np.mean([len(task.pool) for task in tasks])),
        listed=float(np.mean([list_length(task) for task in tasks])),
    )


def _half_of_the_plays(tracks: Tracks, listener: Listener) -> set[str]:
    """The fewest artists that together have half of the plays."""
    plays: Counter[str] = Counter()
    for track in np.flatnonzero(listener.played):
        if tracks.artists[track]:
            plays[tracks.artists[track]] += int(listener.plays[track])
    usual: set[str] = set()
    left = plays.total() / 2
    for artist, number in plays.most_common():
        if left <= 0:
            break
        usual.add(artist)
        left -= number
    return usual
