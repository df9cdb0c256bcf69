"""Tag effects: random effects of artists, albums and genres beside the prediction from audio.

An artist whose tracks are all liked more than they sound lifts the artist's unplayed tracks too. Where labels tell
much, audio has less to add: how much one album or artist with a few known tracks may say, and how far audio is trusted
beside it, is chosen on held-out tracks. An artist never played has no effect, and audio stands alone.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import TrainingSet, same_columns
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

RIDGES = {"artist": (0.5, 2.0, 8.0, np.inf), "album": (0.5, 2.0, 8.0, np.inf), "genre": (8.0, np.inf)}
"""Ridges to choose from, in known tracks: at 2, two known tracks count half. inf leaves a kind out."""

_NO_ROWS, _NOTHING = np.zeros((0, 0), np.float32), np.zeros(0, np.float32)


class TagEffects(NamedTuple):
    """Effects of labels, and how far audio is trusted beside them; without any outputs until they are fitted.

    Attributes
    ----------
    labels
        Artists, albums and genres, each with its kind in front: "artist:Can".
    values
        float32 (labels, outputs): to be added to the prediction of every track with the label.
    label_weight
        float32 (labels,): 0 to 1, how much is known of the label.
    audio_weight
        float32 (2, outputs): what the prediction from audio is multiplied by where labels tell nothing, and where they
        tell all.
    """

    labels: list[str] = []  # noqa: RUF012 (nobody appends to it)
    values: FloatArray = _NO_ROWS
    label_weight: FloatArray = _NOTHING
    audio_weight: FloatArray = np.zeros((2, 0), np.float32)

    @classmethod
    def fit(cls, tracks: Tracks, training_set: TrainingSet, by_audio: FloatArray) -> tuple[TagEffects, FloatArray]:
        """Fit the effects of artists, albums and genres, and the weight of audio.

        Parameters
        ----------
        tracks
            n tracks with their labels.
        training_set
            The m known ones; outputs of one group share the weight of audio.
        by_audio
            float32 (m, outputs): predictions from audio for the known tracks, each without its fold.

        Returns
        -------
        tuple
            The effects, and float32 (m, outputs): predictions from audio and labels for the known tracks, each by
            effects fitted without its fold.
        """
        known, groups = training_set.known, training_set.groups
        truth, weights = training_set.targets.values, training_set.targets.weights
        names = _shared_labels(tracks, known)
        design = _one_hot(tracks.subset(known), names)
        kinds = np.array([name.partition(":")[0] for name in names])
        alone = _audio_weight(by_audio, truth, weights, groups)
        best, ridge, audio_weight = alone * by_audio, np.full(len(names), np.inf), alone
        error = _error(best, truth, weights)
        both_sides, both_weights = np.hstack([truth, by_audio]), np.hstack([weights, weights])
        for ridges in itertools.product(*RIDGES.values()):
            tried = np.select([kinds == kind for kind in RIDGES], ridges, np.inf)
            if not np.isfinite(tried).any():
                continue
            # Effects are linear in what they explain: fitted to truth and audio apart, they serve any weight.
            held_out = _cross_fit(design, both_sides, both_weights, training_set.fold, tried)
            of_truth, of_audio = np.split(held_out, 2, axis=1)
            own = _audio_weight(by_audio - of_audio, truth - of_truth, weights, groups)
            predicted = of_truth + own * (by_audio - of_audio)
            # A kind of label must earn its place.
            if (tried_error := _error(predicted, truth, weights)) < 0.999 * error:
                best, error, ridge, audio_weight = predicted, tried_error, tried, own
        values = _solve(design, truth - audio_weight * by_audio, weights, ridge)
        count = design.sum(axis=0)
        effects = cls(names, values, float32(count / (count + ridge)), np.stack([alone, audio_weight]))
        return effects, best.astype(np.float32)

    def predict(self, tracks: Tracks, by_audio: FloatArray) -> FloatArray:
        """Predict n tracks from audio, float32 (n, outputs), and their labels: float32 (n, outputs)."""
        has = _one_hot(tracks, self.labels)
        known = self._known_share(has)[:, None]
        audio_weight = (1 - known) * self.audio_weight[0] + known * self.audio_weight[1]
        return float32(audio_weight * by_audio + has @ self.values)

    def known_share(self, tracks: Tracks) -> FloatArray:
        """float32 (n,): 0 to 1, how much is known of each track's best known label."""
        return self._known_share(_one_hot(tracks, self.labels))

    def _known_share(self, has: sparse.csr_array) -> FloatArray:
        if not len(self.labels):
            return np.zeros(has.shape[0], np.float32)
        return float32((has * self.label_weight).max(axis=1).toarray().ravel())


def _audio_weight(by_audio: FloatArray, truth: FloatArray, weights: FloatArray, groups: IntArray) -> FloatArray:
    """float32 (outputs,): the factor, 0 to 1, with which audio comes nearest to the truth."""
    both = np.bincount(groups, np.sum(weights * by_audio * truth, axis=0))
    own = np.bincount(groups, np.sum(weights * by_audio**2, axis=0))
    return float32(np.clip(both / np.maximum(own, 1e-9), 0, 1)[groups])


def _error(predicted: FloatArray, truth: FloatArray, weights: FloatArray) -> float:
    return float(np.sum(weights * (truth - predicted) ** 2))


def _cross_fit(
    design: sparse.csr_array, values: FloatArray, weights: FloatArray, fold: IntArray, ridge: FloatArray
) -> FloatArray:
    """float32 (m, columns): effects of each track's labels on the values' columns, fitted without its fold."""
    explained = np.zeros_like(values)
    for k in np.unique(fold):
        inside, outside = fold != k, fold == k
        explained[outside] = design[outside] @ _solve(design[inside], values[inside], weights[inside], ridge)
    return explained


def _labels(tracks: Tracks) -> Iterator[list[str]]:
    """Yield the labels of one track after the other: in a large library they take more memory than anything."""
    for artist, album, genres in zip(tracks.artists, tracks.albums, tracks.genres, strict=True):
        yield (
            [f"artist:{artist}"] * bool(artist)
            + [f"album:{album}"] * bool(album)
            + [f"genre:{genre}" for genre in dict.fromkeys(genres)]
        )


def _shared_labels(tracks: Tracks, known: IntArray) -> list[str]:
    """Labels that join a known track with any other; the rest tell nothing of others."""
    count = Counter(itertools.chain.from_iterable(_labels(tracks)))
    of_known = itertools.chain.from_iterable(_labels(tracks.subset(known)))
    return sorted({label for label in of_known if count[label] > 1})


def _one_hot(tracks: Tracks, names: Sequence[str]) -> sparse.csr_array:
    """float32 (n, names): which of n tracks has which label, in the order of `_labels`."""
    column: dict[str, dict[str, int]] = {kind: {} for kind in RIDGES}
    for j, name in enumerate(names):
        kind, _, label = name.partition(":")
        column[kind][label] = j
    by_genres = {genres: k for k, genres in enumerate(dict.fromkeys(tracks.genres))}
    of_genres = np.full((len(by_genres), max(map(len, by_genres), default=0)), -1)
    for genres, k in by_genres.items():
        at = [column["genre"].get(genre, -1) for genre in dict.fromkeys(genres)]
        of_genres[k, : len(at)] = at
    columns = np.column_stack(
        [
            np.array([column["artist"].get(artist, -1) for artist in tracks.artists], int),
            np.array([column["album"].get(album, -1) for album in tracks.albums], int),
            of_genres[np.array([by_genres[genres] for genres in tracks.genres], int)],
        ]
    )
    has = columns >= 0
    ends = np.append(0, np.cumsum(np.count_nonzero(has, axis=1)))
    ones = np.ones(ends[-1], np.float32)
    return sparse.csr_array((ones, columns[has], ends), shape=(len(tracks), len(names)))


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
        effects[np.ix_(used[met], outputs)] = _factorize(normal).solve(right)
    return effects


def _factorize(normal: sparse.csr_array) -> Any:
    """Factorize a symmetric positive definite matrix; the ordering keeps its factors sparse."""
    return sparse.linalg.splu(
        sparse.csc_array(normal),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
