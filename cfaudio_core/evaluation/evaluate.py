"""The judgement: every system does every task of a protocol, and what came of it is put side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.evaluation.bootstrap import Array, Estimate, estimate, resampled
from cfaudio_core.evaluation.metrics import Ranking
from cfaudio_core.evaluation.protocols import PROTOCOLS
from cfaudio_core.evaluation.splits import groups_of
from cfaudio_core.evaluation.systems import CFAUDIO, SYSTEMS
from cfaudio_core.evaluation.tasks import EvalData, NotEvaluatedError, Split, Task
from cfaudio_core.util.arrays import FloatArray, IntArray

METRICS = ("recall", "ndcg", "precision", "auc", "found")
"""See `metrics.Ranking`; all are of the pool, but for the AUC, which is of the candidates that are not in doubt.

Of the others in the pool nobody knows whether they are relevant. They count as if they were not, which makes the
figures of lists lower than the truth.
"""

LONGEST = 50
ORDERS = 4
"""In so many orders equal scores are looked at."""

_SEED = 20131205  # of the draws of the bootstrap, the same for every system


@dataclass(frozen=True)
class Row:
    """What one system came to.

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
    """What all systems came to in one protocol.

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


def plan(world: EvalData, protocols: Iterable[str], seeds: Sequence[int]) -> tuple[dict[str, list[Split]], list[Table]]:
    """The cases of each protocol, and an empty table for each that has none."""
    cases: dict[str, list[Split]] = {}
    empty = []
    for name in protocols:
        try:
            cases[name] = list(PROTOCOLS[name](world, seeds))
        except NotEvaluatedError as error:
            empty.append(Table(name.replace("-", " "), str(error)))
    return cases, empty


def evaluate_splits(
    world: EvalData,
    cases: Sequence[Split],
    units: IntArray,
    on_progress: Callable[[int], None] = lambda _: None,
    systems: Iterable[str] = tuple(SYSTEMS),
) -> list[Table]:
    """Let every system do the tasks.

    Parameters
    ----------
    world
        What the cases were made from.
    cases
        Of one protocol.
    units
        int64 (n,): tracks of one number are drawn together by the bootstrap.
    on_progress
        Told of every system that has done a case.
    systems
        Which; cfaudio among them.

    Returns
    -------
    list of Table
        One for each kind of task.
    """
    draws = resampled(units, _SEED)
    books: dict[str, dict[str, _Book]] = {}
    for case in cases:
        rng = np.random.default_rng([case.seed, case.part])
        orders = np.array([rng.permutation(len(world.tracks)) for _ in range(ORDERS)])
        known_artists = _half_of_the_plays(case.tracks, case.listener)
        for system in systems:
            scores = np.atleast_2d(SYSTEMS[system](world, case))
            for k, task in enumerate(case.tasks):
                book = books.setdefault(task.table, {}).setdefault(system, _Book(world.tracks.artists))
                book.enter(task, scores[k % len(scores)], orders, draws, known_artists)
            on_progress(1)
    return [_table(name, [t for c in cases for t in c.tasks if t.table == name], made) for name, made in books.items()]


def units_of(world: EvalData, protocol: str) -> IntArray:
    """int64 (n,): what was drawn in a protocol, and is drawn again by its bootstrap."""
    kind = protocol.removeprefix("cold-") if protocol.startswith("cold-") else "tracks"
    return groups_of(world.tracks, kind)


class _Book:
    """What one system came to, task by task."""

    def __init__(self, artists: Sequence[str]) -> None:
        self._artists = artists
        self._values: list[Array] = []  # (1 + replicates or 1, metrics) each
        self._novelty: list[float] = []
        self._spread: list[float] = []
        self._listed: set[int] = set()

    def enter(self, task: Task, scores: FloatArray, orders: IntArray, draws: Array, usual: set[str]) -> None:
        """Note how a task was done.

        What has to know in which order equal scores stand is the mean over some orders, int64 (orders, n).
        """
        times = draws if task.number < 0 else np.ones((1, len(scores)))
        relevant, gain, certain = np.zeros((3, len(scores)), np.float32)
        relevant[task.candidates], gain[task.candidates], certain[task.candidates] = task.relevant, task.gain, 1
        certain[task.doubtful] = 0
        size = list_length(task)
        tied = len(np.unique(scores[task.pool])) < len(task.pool)
        precision = []
        for chance in orders if tied else orders[:1]:
            order = task.pool[np.lexsort((chance[task.pool], -scores[task.pool]))]
            ranking = Ranking(scores[order], relevant[order] > 0, times[:, order])
            precision.append(ranking.precision())
            names = [self._artists[track] or f"#{track}" for track in order[:size]]
            self._novelty.append(float(np.mean([name not in usual for name in names])))
            self._spread.append(len(set(names)) / size)
        self._listed.update(order[:size].tolist())
        told = order[certain[order] > 0]
        area = Ranking(scores[told], relevant[told] > 0, times[:, told]).auc()
        mean = np.mean(precision, axis=0)
        done = (ranking.recall(), ranking.ndcg(gain[order]), mean, area, ranking.found(size))
        self._values.append(np.stack(done, axis=1))

    def values(self, numbers: IntArray) -> Array:
        """float64 (1 + replicates, metrics): means over the tasks, of which those of one number are drawn together."""
        if numbers[0] < 0:
            stacked = np.stack(self._values)
            there = np.isfinite(stacked)
            total, count = np.where(there, stacked, 0).sum(axis=0), there.sum(axis=0)
            return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))
        weight = resampled(np.unique(numbers, return_inverse=True)[1], _SEED)
        return np.asarray(weight @ np.concatenate(self._values) / weight.sum(axis=1, keepdims=True))

    def row(self, system: str, own: Array, best: Array, pooled: int) -> Row:
        """Closed, beside cfaudio's own figures."""
        return Row(
            system,
            {name: estimate(own[:, m]) for m, name in enumerate(METRICS)},
            {name: estimate(best[:, m] - own[:, m]) for m, name in enumerate(METRICS)},
            float(np.mean(self._novelty)),
            len(self._listed) / pooled,
            float(np.mean(self._spread)),
        )


def list_length(task: Task) -> int:
    """Fifty tracks, or a fifth of what there is where that is less."""
    return max(min(LONGEST, len(task.pool) // 5), 1)


def _table(name: str, tasks: Sequence[Task], books: dict[str, _Book]) -> Table:
    numbers = np.array([task.number for task in tasks])
    values = {system: book.values(numbers) for system, book in books.items()}
    pooled = len(np.unique(np.concatenate([task.pool for task in tasks])))
    return Table(
        name,
        rows=[book.row(system, values[system], values[CFAUDIO], pooled) for system, book in books.items()],
        tasks=len(tasks),
        candidates=float(np.mean([len(task.candidates) for task in tasks])),
        relevant=float(np.mean([task.relevant.sum() for task in tasks])),
        pool=float(np.mean([len(task.pool) for task in tasks])),
        listed=float(np.mean([list_length(task) for task in tasks])),
    )


def _half_of_the_plays(tracks: Tracks, person: Listener) -> set[str]:
    """The fewest artists that together have half of the plays."""
    plays: Counter[str] = Counter()
    for track in np.flatnonzero(person.played):
        if tracks.artists[track]:
            plays[tracks.artists[track]] += int(person.plays[track])
    usual: set[str] = set()
    left = plays.total() / 2
    for artist, number in plays.most_common():
        if left <= 0:
            break
        usual.add(artist)
        left -= number
    return usual
