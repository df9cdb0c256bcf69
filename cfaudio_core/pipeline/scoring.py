"""A place for every track: what is known of it and what its sound and tags foretell, blended by evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import unit
from cfaudio_core.models.model_files import Model
from cfaudio_core.models.stacking import apply_stack
from cfaudio_core.models.track_predictions import TrackPredictions, effects_of, kernel_of
from cfaudio_core.training.fit import standard_preference
from cfaudio_core.training.fold_in import errors, own_factors, rows_of_known
from cfaudio_core.util.arrays import FloatArray, float32

HALF = 3.0
"""So many plays of a track weigh as much as all that its sound and tags foretell."""

LEAST, MOST = 0.5, 0.9
"""Share of the factors in a vector, the rest of which is sound: where nothing was played, and where it was a lot."""

_REACH = 0.1  # in cosine: how near in sound a known track must be to say anything where nothing could be learnt
_NOBODY = 0.1
_BLOCK = 1000  # tracks at a time: who is new since the last lesson may know thousands


class TrackEmbeddings(NamedTuple):
    """Where every track stands.

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
    model: Model,
    tracks: Tracks,
    people: Sequence[Listener],
    predictions: TrackPredictions,
    by_net: FloatArray | None = None,
) -> TrackEmbeddings:
    """Give every track its vector and every listener their scores.

    What became known since the model was made is folded in.

    Parameters
    ----------
    model
        What was learnt; of this library, though new tracks and new plays may have come since.
    tracks
        n heard tracks.
    people
        Listeners over the same tracks.
    impressions
        What the model makes of the sound of the n tracks.
    by_net
        float32 (n, outputs), what the model's trained nets say of them, if it has any; see `TrackWindows.said_by_nets`.
    """
    axes, taught = predictions.axes, {name: j for j, name in enumerate(model.about["taught"])}
    foretold, own = predict_tracks(model, tracks, people, predictions, by_net)
    scores = {}
    for person in people:
        if person.name in taught:
            prior = foretold[:, taught[person.name]]
            scores[person.name] = _percentiles(_blend(prior, standard_preference(person), person.plays + person.skips))
        elif person.played.any():
            prior = _likeness(axes, person)
            scores[person.name] = _percentiles(_blend(prior, person.log_play_ratio, person.plays + person.skips))
    direction = foretold[:, len(taught) :]
    if not direction.shape[1]:
        return TrackEmbeddings(axes, scores)
    plays = np.sum([p.plays for p in people], axis=0)
    sure = float32(np.where(np.any(own, axis=1), plays / (plays + HALF), 0)[:, None])
    return TrackEmbeddings(_join(_blend_directions(own, direction, sure), axes, sure), scores)


def predict_tracks(
    model: Model,
    tracks: Tracks,
    people: Sequence[Listener],
    predictions: TrackPredictions,
    by_net: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """What is foretold of each track by its sound and its tags, and what is known of it.

    Returns
    -------
    tuple
        float32 (n, outputs): preferences of the listeners the model was taught by, and the direction of the factors.
        float32 (n, factors): the direction of each track's own factors, zeros where there are none.
    """
    if not model.about["taught"]:
        nothing = np.zeros((len(tracks), 0), np.float32)
        return nothing, nothing
    taught = [p for p in people if p.name in model.about["taught"]]
    row = rows_of_known(model, tracks)
    own = own_factors(model, tracks, taught, row)
    wrong = errors(model, taught, row, predictions.said, own)
    sound = kernel_of(model).corrected(predictions.said, predictions.graph, wrong)
    if by_net is not None:
        sound = apply_stack(model.arrays["stack.shares"], sound, by_net)
    return effects_of(model).apply(tracks, sound), own


def _blend(prior: FloatArray, own: FloatArray, evidence: FloatArray) -> FloatArray:
    """Mean of what is foretold and what is known, weighted by evidence (feature-aware WMF's prior, in one number).

    Liking levels off, and what is foretold does not: were it taken as it is, a track played three times could pass the
    most loved one. So of a known track no more is expected than the most that is known of any.
    """
    weight = evidence / (evidence + HALF)
    most = own[evidence > 0].max(initial=-np.inf)
    prior = np.where(evidence > 0, np.minimum(prior, most), prior)
    return float32(weight * own + (1 - weight) * prior)


def _blend_directions(own: FloatArray, foretold: FloatArray, sure: FloatArray) -> FloatArray:
    """float32 (n, factors): the same for factors, shorter than 1 where they are not sure of their direction."""
    blended = sure * own + (1 - sure) * foretold
    return float32(blended / np.maximum(np.linalg.norm(blended, axis=1, keepdims=True), 1))


def _join(direction: FloatArray, axes: FloatArray, sure: FloatArray) -> FloatArray:
    """float32 (n, as many as axes), unit length: factors, and for all that they do not tell, the first axes of sound.

    What is heard together is not all that tracks have in common, so factors never get all of the say; and where they
    are foretold from sound, half of it.

    Parameters
    ----------
    direction
        float32 (n, factors), of length 1 at most.
    axes
        float32 (n, dim): sound.
    sure
        float32 (n, 1), 0 to 1: how much the factors are the track's own.
    """
    told = direction * np.sqrt(LEAST + (MOST - LEAST) * sure)
    untold = np.sqrt(1 - np.square(told).sum(axis=1, keepdims=True))
    return float32(np.hstack([told, untold * unit(axes[:, : axes.shape[1] - direction.shape[1]])]))


def _likeness(sound: FloatArray, person: Listener) -> FloatArray:
    """float32 (n,): mean preference of the tracks known of a listener, the nearer in sound the weightier.

    A kernel regression that leaves each track's own preference out. `_NOBODY` is the weight of a track of no
    preference at all, towards which whatever is far from everything known falls back.
    """
    known = np.flatnonzero(person.known)
    heard, liking = sound[known], person.log_play_ratio[known]
    likeness = np.empty(len(sound), np.float32)
    for start in range(0, len(sound), _BLOCK):
        block = slice(start, start + _BLOCK)
        weight = np.exp((sound[block] @ heard.T - 1) / _REACH)
        own = np.flatnonzero((known >= start) & (known < start + _BLOCK))
        weight[known[own] - start, own] = 0
        likeness[block] = weight @ liking / (weight.sum(axis=1) + _NOBODY)
    return likeness


def _percentiles(values: FloatArray) -> FloatArray:
    """float32 (n,): rank from 0 (worst) to 100 (best); equals share their mean rank."""
    _, which, equals = np.unique(values, return_inverse=True, return_counts=True)
    rank = np.cumsum(equals) - equals + (equals - 1) / 2
    return float32(100 * rank[which] / max(len(values) - 1, 1))
