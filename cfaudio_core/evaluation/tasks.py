"""The tasks of a recommender, and the data that it may know when it does them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.summaries import FeatureSummaries
from cfaudio_core.finetuning.track_windows import TrackWindows
from cfaudio_core.models.training_snapshot import TrainingSettings
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray

MIN_CASES = 5
"""Relevant tracks, and others, or sessions, below which no figure means anything."""


@dataclass(frozen=True)
class EvalData:
    """The data to evaluate on.

    Attributes
    ----------
    tracks
        n analysed tracks.
    listeners
        Over the n tracks; the first is the one whose plays are predicted.
    features
        Feature summaries of the n tracks.
    net
        Id of the net whose features they are.
    training
        Settings that cfaudio is trained with.
    windows
        Reads the stored windows of the n tracks, to fine-tune on them; None: nothing is fine-tuned.
    """

    tracks: Tracks
    listeners: list[Listener]
    features: FeatureSummaries
    net: str
    training: TrainingSettings
    windows: TrackWindows | None = None

    @property
    def listener(self) -> Listener:
        """The listener whose plays are predicted."""
        return self.listeners[0]

    @cached_property
    def feature_matrix(self) -> FeatureMatrix:
        """The features of the n tracks, which no play changes."""
        return FeatureMatrix.of(self.features)


class Task(NamedTuple):
    """Candidates to be put in order.

    Attributes
    ----------
    table
        Name of the table that its figures belong to.
    candidates
        int64 (c,): positions of tracks whose relevance is known.
    relevant
        bool (c,).
    gain
        float32 (c,): the value of having it early, 0 and up.
    pool
        int64 (p,): the candidates, and tracks whose relevance nobody knows: a list is made from these.
    given
        int64 (g,): the tracks that the relevant ones go with; none where the listener's whole taste is asked for.
    number
        Tasks of one number, in different splits, are the same one; -1 where tracks and not tasks are what was drawn.
    doubtful
        int64 (d,): candidates that are in the list, but in no pair of a relevant and another one, as their relevance
        is in doubt.
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
    """The data that a system may be trained on, and its tasks.

    Attributes
    ----------
    seed, part
        Seeds of the draws; no two splits of a protocol have the same two.
    tracks
        n tracks, without what they tell of what is hidden.
    listeners
        Without what is hidden; the first is the one whose plays are predicted.
    oracle
        The same listeners with all that is hidden: for the upper bound alone.
    now
        UTC, seconds since 1970: when the question is asked.
    tasks
        At least one; all with something given, or none.
    """

    seed: int
    part: int
    tracks: Tracks
    listeners: list[Listener]
    oracle: list[Listener]
    now: int
    tasks: list[Task]

    @property
    def listener(self) -> Listener:
        """The listener whose plays are predicted, as far as may be known."""
        return self.listeners[0]

    @property
    def is_completion(self) -> bool:
        """Whether tracks are given that the relevant ones go with."""
        return len(self.tasks[0].given) > 0


class NotEvaluatedError(Exception):
    """A protocol has no task; the message is printed in place of figures."""
