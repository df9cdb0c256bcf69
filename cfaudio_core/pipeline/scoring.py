"""Scoring: an embedding of every track and its scores, blended of what is known of it and what is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cfaudio_core.data.interactions import gather_interactions
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import standard_preference
from cfaudio_core.models.embedding_axes import blend_directions
from cfaudio_core.models.hybrid_model import HybridModel, TrackPredictions
from cfaudio_core.models.stacking import apply_stack
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

HALF_PLAYS = 3.0
"""Plays of a track that weigh as much as all that is predicted of it."""

_SIMILARITY_SCALE = 0.1  # in cosine: how near a known track must be to count where nothing was trained
_PRIOR_WEIGHT = 0.1  # of a track of no preference at all
_BLOCK_TRACKS = 1000  # a listener who is new since the fit may know thousands


class TrackEmbeddings(NamedTuple):
    """Embeddings and scores of n tracks.

    Attributes
    ----------
    vectors
        float32 (n, factors), unit length.
    scores
        Listener to float32 (n,), 0 to 100: the share of the library that the track is ahead of; listeners of whom
        nothing is known have none.
    """

    vectors: FloatArray
    scores: dict[str, FloatArray]


def embed_tracks(
    model: HybridModel,
    tracks: Tracks,
    listeners: Sequence[Listener],
    predictions: TrackPredictions,
    by_net: FloatArray | None = None,
) -> TrackEmbeddings:
    """Embed every track, and score it for every listener.

    What became known since the model was fitted is folded in.

    Parameters
    ----------
    model
        A model of this library, though new tracks and new plays may have come since.
    tracks, listeners
        n analysed tracks, and listeners over them.
    predictions
        Of the n tracks, by the model.
    by_net
        float32 (n, outputs), predictions of the model's trained nets, if it has any; see `predict_nets`.
    """
    trained = model.info.trained_listeners
    predicted, factors = predict_tracks(model, tracks, listeners, predictions, by_net)
    preferences = predicted.copy()
    for listener in listeners:
        if listener.name in trained:
            own = trained.index(listener.name)
            preferences[:, own] = _blend(predicted[:, own], standard_preference(listener), listener.evidence)
    vectors, scores = model.embedding_axes.embed(factors, preferences, predictions.audio_part), {}
    for listener in listeners:
        if listener.name in trained:
            scores[listener.name] = _percentiles(preferences[:, trained.index(listener.name)])
        elif listener.played.any() or (listener.feedback > 0).any():
            prior = _kernel_regression(vectors, listener)
            scores[listener.name] = _percentiles(_blend(prior, listener.log_play_ratio, listener.evidence))
    return TrackEmbeddings(vectors, scores)


def predict_tracks(
    model: HybridModel,
    tracks: Tracks,
    listeners: Sequence[Listener],
    predictions: TrackPredictions,
    by_net: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Predict each track from audio and tags, and blend its factors with those of its own; parameters as above.

    Returns
    -------
    tuple
        float32 (n, listeners): preferences of the trained listeners.
        float32 (n, factors): the direction of each track's factors, of its own as far as there is evidence of them.
    """
    if not model.info.trained_listeners:
        nothing = np.zeros((len(tracks), 0), np.float32)
        return nothing, nothing
    trained = [listener for listener in listeners if listener.name in model.info.trained_listeners]
    contexts = gather_interactions(tracks, trained)
    known = np.any([np.zeros(len(tracks), bool), *(listener.known for listener in trained)], axis=0)
    own, rows = model.factors.fold_in(tracks.keys, contexts, known), model.factors.known_rows(tracks.keys)
    residuals = fold_in_residuals(model, trained, rows, predictions.by_audio, own)
    by_audio = model.kernel.correct(predictions.by_audio, predictions.graph, residuals)
    if by_net is not None:
        by_audio = apply_stack(model.stack_weights, by_audio, by_net)
    predicted = model.tag_effects.predict(tracks, by_audio)
    first = len(model.info.trained_listeners)
    return predicted[:, :first], blend_directions(own, predicted[:, first:], contexts.n_entries)


def fold_in_residuals(
    model: HybridModel, listeners: Sequence[Listener], rows: IntArray, by_audio: FloatArray, factors: FloatArray
) -> FloatArray:
    """Compute the residuals of n tracks, some of which became known after the model was fitted.

    No part of the model changes: the residuals of such tracks correct the predictions of the tracks around them.

    Parameters
    ----------
    model, listeners
        A model, and the listeners that it was trained on, over the n tracks.
    rows, factors
        int64 (n,) and float32 (n, factors), see `LatentFactors`.
    by_audio
        float32 (n, outputs), see `TrackPredictions`.

    Returns
    -------
    FloatArray
        float32 (n, outputs), 0 where nothing is known. Of a track that the model was trained on, it is the residual
        when that track was held out, by as much more or less as the track is liked more or less since.
    """
    known = rows >= 0
    first_known = np.any([np.zeros_like(known), *(listener.known for listener in listeners)], axis=0) & ~known
    residuals = np.where(known[:, None], model.kernel.residuals[rows], 0)
    for listener in listeners:
        output, now = model.info.trained_listeners.index(listener.name), standard_preference(listener)
        then = model.held_out.truth[:, output]
        latest, still_known = then.copy(), np.flatnonzero(listener.known & known)
        latest[rows[still_known]] = now[still_known]  # of two tracks with one key the last one counts, as in `rows`
        residuals[:, output] += np.where(known, np.nan_to_num(latest - then)[rows], 0)
        new = listener.known & (~known | np.isnan(then[rows]))
        residuals[new, output] = now[new] - by_audio[new, output]
    folded_in = np.any(factors, axis=1) & first_known
    first = len(model.info.trained_listeners)
    residuals[folded_in, first:] = factors[folded_in] - by_audio[folded_in, first:]
    return float32(residuals)


def score_shares(model: HybridModel | None, tracks: Tracks, listener: Listener) -> dict[str, FloatArray]:
    """Share out scores to `plays` of the track, its `audio`, and the `tags` artist, album and genre.

    Parameters
    ----------
    model
        The model that made the scores; None: it is not there any more, and tags count for nothing.
    tracks, listener
        n tracks, and their listener.

    Returns
    -------
    dict
        float32 (n,) each; the three add up to 1.
    """
    by_plays = listener.evidence / (listener.evidence + HALF_PLAYS)
    known = np.zeros(len(tracks), np.float32)
    if model is not None and listener.name in model.info.trained_listeners:
        known = model.tag_effects.known_share(tracks)
    parts = {"plays": by_plays, "audio": (1 - by_plays) * (1 - known), "tags": (1 - by_plays) * known}
    return {name: float32(share) for name, share in parts.items()}


def _blend(predicted: FloatArray, known: FloatArray, n_plays: FloatArray) -> FloatArray:
    """Average predicted and known preferences, weighted by plays (feature-aware WMF's prior, in one number).

    A known preference levels off, and a prediction does not: were it taken as it is, a track played three times could
    pass the most loved one. So of a known track no more is expected than the most that is known of any.
    """
    weight = n_plays / (n_plays + HALF_PLAYS)
    most = known[n_plays > 0].max(initial=-np.inf)
    predicted = np.where(n_plays > 0, np.minimum(predicted, most), predicted)
    return float32(weight * known + (1 - weight) * predicted)


def _kernel_regression(vectors: FloatArray, listener: Listener) -> FloatArray:
    """float32 (n,): mean preference of a listener's known tracks, the more similar the weightier.

    Each track's own preference is left out. `_PRIOR_WEIGHT` is that of a track of no preference at all, towards which
    whatever is far from everything known falls back.
    """
    known = np.flatnonzero(listener.known)
    known_vectors, preference = vectors[known], listener.log_play_ratio[known]
    predicted = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), _BLOCK_TRACKS):
        block = slice(start, start + _BLOCK_TRACKS)
        weight = np.exp((vectors[block] @ known_vectors.T - 1) / _SIMILARITY_SCALE)
        own = np.flatnonzero((known >= start) & (known < start + _BLOCK_TRACKS))
        weight[known[own] - start, own] = 0
        predicted[block] = weight @ preference / (weight.sum(axis=1) + _PRIOR_WEIGHT)
    return predicted


def _percentiles(values: FloatArray) -> FloatArray:
    """float32 (n,): rank from 0 (worst) to 100 (best); equals share their mean rank."""
    _, which, equals = np.unique(values, return_inverse=True, return_counts=True)
    rank = np.cumsum(equals) - equals + (equals - 1) / 2
    return float32(100 * rank[which] / max(len(values) - 1, 1))
