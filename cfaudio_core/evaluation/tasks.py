"""What a recommender is asked, and what it may know when it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.features.summaries import FeatureSummaries
from cfaudio_core.models.training_snapshot import TrainingSettings
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray

FEWEST = 5
"""So many relevant tracks, and others, or sessions, it takes to judge by."""


@dataclass(frozen=True)
class EvalData:
    """All that there is to judge on.

    Attributes
    ----------
    tracks
        n heard tracks.
    people
        The listeners over them; the first is the one that is judged.
    sound
        What was heard of the n tracks.
    net
        Id of the net whose features they are.
    lesson
        How cfaudio learns.
    """

    tracks: Tracks
    people: list[Listener]
    sound: FeatureSummaries
    net: str
    training_set: TrainingSettings

    @property
    def listener(self) -> Listener:
        """Who is judged."""
        return self.people[0]


class Task(NamedTuple):
    """Candidates to be put in order.

    Attributes
    ----------
    table
        Name of the table that its figures belong to.
    candidates
        int64 (c,): positions of tracks of which the truth is known.
    relevant
        bool (c,): whether it is one that ought to come first.
    gain
        float32 (c,): how much it is worth to have it early, 0 and up.
    pool
        int64 (p,): the candidates, and tracks of which nobody knows the truth: what a list is made from.
    given
        int64 (g,): the tracks that the wanted ones go with; none where the listener's whole taste is asked for.
    number
        Tasks of one number, in different cases, are the same one; -1 where tracks and not tasks are what was drawn.
    doubtful
        int64 (d,): candidates that are in the list, but in no pair of a relevant and another one: nobody knows which
        they are.
    """

    table: str
    candidates: IntArray
    relevant: BoolArray
    gain: FloatArray
    pool: IntArray
    given: IntArray = np.zeros(0, np.int64)
    number: int = -1
    doubtful: IntArray = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Split:
    """What may be known, and tasks to be done with it.

    Attributes
    ----------
    seed, part
        Start all that is random; no two cases of a protocol have the same two.
    tracks
        n tracks, without what they tell of what is hidden.
    people
        Their listeners, without what is hidden; the first is judged.
    everything
        The same listeners with all that is hidden: for the upper bound alone.
    now
        UTC, seconds since 1970: when the question is asked.
    tasks
        At least one; all with something given, or none.
    """

    seed: int
    part: int
    tracks: Tracks
    people: list[Listener]
    everything: list[Listener]
    now: int
    tasks: list[Task]

    @property
    def listener(self) -> Listener:
        """Who is judged, as far as may be known."""
        return self.people[0]

    @property
    def completes(self) -> bool:
        """Whether something is given that the wanted tracks go with."""
        return len(self.tasks[0].given) > 0


class NotEvaluatedError(Exception):
    """A protocol has nothing to ask; the message is what stands in place of figures."""
