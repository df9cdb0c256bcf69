"""What artists, albums and genres add to the sound: random effects beside the prediction from sound.

An artist whose tracks are all liked more than they sound lifts the artist's unheard tracks too. Where labels say
much, sound has less to add: how much one album or artist with a few known tracks may say, and how far the sound is
trusted beside it, is chosen on held-out tracks. An artist nobody has played says nothing, and the sound stands alone.
"""

from __future__ import annotations

import itertools
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import same_columns
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

STRENGTHS = {"artist": (0.5, 2.0, 8.0, np.inf), "album": (0.5, 2.0, 8.0, np.inf), "genre": (8.0, np.inf)}
"""Ridges to choose from, in known tracks: at 2, two known tracks count half. inf leaves a kind out."""


class TagEffects(NamedTuple):
    """What each label adds, and how far the sound is trusted beside it.

    Attributes
    ----------
    labels
        Artists, albums and genres, each with its kind in front: "artist:Can".
    values
        float32 (labels, outputs): to be added to the prediction of every track with the label.
    coverage
        float32 (labels,): 0 to 1, how much is known of the label.
    trust
        float32 (2, outputs): what the prediction from sound is multiplied by where labels say nothing, and where they
        say all.
    """

    labels: list[str]
    values: FloatArray
    coverage: FloatArray
    trust: FloatArray

    def apply(self, tracks: Tracks, sound: FloatArray) -> FloatArray:
        """What sound and labels foretell together.

        Parameters
        ----------
        tracks
            n tracks.
        sound
            float32 (n, outputs): predictions from their sound.
        """
        has = _one_hot(len(tracks), _labels(tracks), self.labels)
        covered = self._covered(has)[:, None]
        trust = (1 - covered) * self.trust[0] + covered * self.trust[1]
        return float32(trust * sound + has @ self.values)

    def covered(self, tracks: Tracks) -> FloatArray:
        """float32 (n,): 0 to 1, how much is known of the label of each track of which most is known."""
        return self._covered(_one_hot(len(tracks), _labels(tracks), self.labels))

    def _covered(self, has: sparse.csr_array) -> FloatArray:
        if not len(self.labels):
            return np.zeros(has.shape[0], np.float32)
        return float32((has * self.coverage).max(axis=1).toarray().ravel())


class HeldOutPredictions(NamedTuple):
    """Predictions for the known tracks, float32 (m, outputs), each made without the track's own fold."""

    sound: FloatArray
    truth: FloatArray
    weights: FloatArray
    fold: IntArray


def fit_tag_effects(
    tracks: Tracks, known: IntArray, held: HeldOutPredictions, groups: IntArray
) -> tuple[TagEffects, FloatArray]:
    """Fit the effects of artists, albums and genres, and the trust in sound.

    Parameters
    ----------
    tracks
        n tracks with their labels.
    known
        int64 (m,): positions of the tracks whose targets are known.
    held
        Held-out predictions from sound for those m tracks, with the truth.
    groups
        int64 (outputs,): outputs with one number share their trust.

    Returns
    -------
    tuple
        The effects, and float32 (m, outputs): what sound and labels foretell of the known tracks, each by effects
        fitted without its fold.
    """
    names = _telling(tracks, known)
    design = _one_hot(len(known), _labels(tracks.subset(known)), names)
    kinds = np.array([name.partition(":")[0] for name in names])
    alone = _trust(held.sound, held.truth, held.weights, groups)
    best, ridge, trust = alone * held.sound, np.full(len(names), np.inf), alone
    error = _error(best, held)
    for strengths in itertools.product(*STRENGTHS.values()):
        tried = np.select([kinds == kind for kind in STRENGTHS], strengths, np.inf)
        if not np.isfinite(tried).any():
            continue
        # TagEffects are linear in what they explain: fitted to truth and sound apart, they serve any trust.
        of_truth, of_sound = np.split(_held_out(design, held, tried), 2, axis=1)
        own = _trust(held.sound - of_sound, held.truth - of_truth, held.weights, groups)
        predicted = of_truth + own * (held.sound - of_sound)
        if _error(predicted, held) < 0.999 * error:  # a kind of label must earn its place
            best, error, ridge, trust = predicted, _error(predicted, held), tried, own
    values = _solve(design, held.truth - trust * held.sound, held.weights, ridge)
    count = design.sum(axis=0)
    coverage = (count / (count + ridge)).astype(np.float32)
    return TagEffects(names, values, coverage, np.stack([alone, trust])), best.astype(np.float32)


def _trust(sound: FloatArray, truth: FloatArray, weights: FloatArray, groups: IntArray) -> FloatArray:
    """float32 (outputs,): the factor, 0 to 1, with which the sound comes nearest to the truth."""
    both = np.bincount(groups, np.sum(weights * sound * truth, axis=0))
    own = np.bincount(groups, np.sum(weights * sound**2, axis=0))
    return float32(np.clip(both / np.maximum(own, 1e-9), 0, 1)[groups])


def _error(predicted: FloatArray, held: HeldOutPredictions) -> float:
    return float(np.sum(held.weights * (held.truth - predicted) ** 2))


def _held_out(design: sparse.csr_array, held: HeldOutPredictions, ridge: FloatArray) -> FloatArray:
    """float32 (m, 2 outputs): the effects on truth and on sound of each track's labels, fitted without its fold."""
    sides, weights = np.hstack([held.truth, held.sound]), np.hstack([held.weights, held.weights])
    explained = np.zeros_like(sides)
    for k in np.unique(held.fold):
        inside, outside = held.fold != k, held.fold == k
        explained[outside] = design[outside] @ _solve(design[inside], sides[inside], weights[inside], ridge)
    return explained


def _labels(tracks: Tracks) -> Iterator[list[str]]:
    """Those of one track after the other: in a large library they take more memory than anything."""
    for artist, album, genres in zip(tracks.artists, tracks.albums, tracks.genres, strict=True):
        yield (
            [f"artist:{artist}"] * bool(artist)
            + [f"album:{album}"] * bool(album)
            + [f"genre:{genre}" for genre in dict.fromkeys(genres)]
        )


def _telling(tracks: Tracks, known: IntArray) -> list[str]:
    """The labels that join a known track with any other; the rest can tell nothing."""
    count = Counter(itertools.chain.from_iterable(_labels(tracks)))
    of_known = itertools.chain.from_iterable(_labels(tracks.subset(known)))
    return sorted({label for label in of_known if count[label] > 1})


def _one_hot(n: int, labels: Iterable[Sequence[str]], names: Sequence[str]) -> sparse.csr_array:
    """float32 (n, names): which of n tracks has which label."""
    column = {name: j for j, name in enumerate(names)}
    ends, columns = array("q", [0]), array("q")
    for own in labels:
        columns.extend(column[label] for label in own if label in column)
        ends.append(len(columns))
    ones = np.ones(len(columns), np.float32)
    return sparse.csr_array((ones, np.array(columns, int), np.array(ends, int)), shape=(n, len(names)))


def _solve(design: sparse.csr_array, residuals: FloatArray, weights: FloatArray, ridge: FloatArray) -> FloatArray:
    """Weighted ridge regression of each output on the labels; float32 (labels, outputs), 0 where the ridge is inf."""
    effects = np.zeros((design.shape[1], residuals.shape[1]), np.float32)
    used = np.flatnonzero(np.isfinite(ridge))
    if not len(used):
        return effects
    design = design[:, used].astype(np.float64)
    for outputs in same_columns(weights):
        # One of many listeners knows few of the tracks, and the labels that those have: the rest have no effect.
        rows = np.flatnonzero(weights[:, outputs[0]])
        theirs, weight = design[rows], weights[rows, outputs[0]]
        met = np.unique(theirs.indices)
        theirs = theirs[:, met]
        normal = theirs.T @ (theirs * weight[:, None]) + sparse.diags_array(ridge[used[met]])
        right = theirs.T @ (weight[:, None] * residuals[np.ix_(rows, outputs)])
        effects[np.ix_(used[met], outputs)] = _factored(normal).solve(right)
    return effects


def _factored(normal: sparse.csr_array) -> SuperLU:
    """A symmetric positive definite matrix, ready to be solved for; the ordering keeps its factors sparse."""
    return splu(
        sparse.csc_array(normal),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
