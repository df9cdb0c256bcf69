"""Drift of the training data since a model was fitted, and whether it is worth a new fit.

A few plays more hardly change a fit: they are folded in, and the model stays. A new fit is due when there is likely
something to gain: when a tenth of the training data has changed, or when the settings have.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log1p
from typing import NamedTuple

import numpy as np

from cfaudio_core.data.listeners import MAIN_LISTENER
from cfaudio_core.models.training_snapshot import TrainingSnapshot
from cfaudio_core.util.fingerprint import fingerprint

REFIT_SHARE = 0.1
"""Share of the training data that has to change before a new fit is due."""


class Drift(NamedTuple):
    """A change of the training data.

    Attributes
    ----------
    what
        The largest change, in words: "your history has changed by 3.2%".
    n_plays
        The number of plays and skips that are new.
    due
        Whether a new fit is due.
    """

    what: str
    n_plays: int
    due: bool


def measure_drift(then: TrainingSnapshot, now: TrainingSnapshot) -> Drift | None:
    """Measure the change between two snapshots; None if there is none.

    Measured are, each as a share of what there was: log(1 + plays) and log(1 + skips) of every trained listener,
    summed over the tracks, so that the first play of a track counts for more than its tenth; their plays whose time
    is known; the known tracks that are tagged otherwise; and the numbers of analysed tracks and of described ones.
    """
    if fingerprint(then) == fingerprint(now):
        return None
    if then.conditions != now.conditions:
        return Drift("the settings have changed", 0, due=True)
    trained = now.trained_listeners()
    if then.plays.keys() != now.plays.keys() or set(then.trained_listeners()) != set(trained):
        return Drift(_listeners(then, trained), 0, due=True)
    shares, n_plays = {}, 0
    for name in now.plays:
        before, after = then.counts(name), now.counts(name)
        n_plays += (after - before).total()
        if name in trained:
            moved = sum(abs(log1p(before[what]) - log1p(after[what])) for what in before | after)
            timed = abs(now.n_listens[name] - then.n_listens[name]) / max(then.n_listens[name], len(then.keys))
            whose = "your history has" if name == MAIN_LISTENER else f"the history of {name} has"
            shares[whose] = max(moved / np.log1p([*before.values()]).sum(), timed)
    tagged = dict(zip(then.keys, then.tags, strict=True))
    retagged = sum(tagged.get(key, tag) != tag for key, tag in zip(now.keys, now.tags, strict=True))
    shares["the tags of played tracks have"] = retagged / max(len(then.keys), 1)
    shares["the number of tracks has"] = abs(now.n_tracks - then.n_tracks) / max(then.n_tracks, 1)
    shares["the number of tracks with audio descriptors has"] = abs(now.n_described - then.n_described) / max(
        then.n_tracks, 1
    )
    what = max(shares, key=lambda name: shares[name])
    by = "more than doubled" if shares[what] > 1 else f"changed by {shares[what]:.1%}"
    return Drift(f"{what} {by}", n_plays, due=shares[what] >= REFIT_SHARE)


def _listeners(then: TrainingSnapshot, trained: Sequence[str]) -> str:
    """Name the listeners who are new, or else those who are gone."""
    names = {MAIN_LISTENER: "you"}
    new = [names.get(name, name) for name in trained if name not in then.trained_listeners()]
    gone = [names.get(name, name) for name in then.trained_listeners() if name not in trained]
    if new:
        return f"first time for {', '.join(new)}"
    return f"fewer plays are left of {', '.join(gone)}" if gone else "there are other listeners"
