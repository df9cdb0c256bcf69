"""Folding in: what a model makes of tracks that became known after it was made.

Nothing that was learnt changes. A newly played track gets factors by one half-sweep of alternating least squares: its
contexts get theirs from the tracks the model knows, and the track gets its own from its contexts. And how wrong the
model was about it, which never saw it, corrects what is foretold of the tracks around it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from cfaudio_core.data.interactions import gather_interactions
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import unit
from cfaudio_core.factorization.confidence import Confidence
from cfaudio_core.factorization.wmf import WmfSettings, solve_rows
from cfaudio_core.models.model_files import Model
from cfaudio_core.training.fit import standard_preference
from cfaudio_core.util.arrays import FloatArray, IntArray, float32


def rows_of_known(model: Model, tracks: Tracks) -> IntArray:
    """int64 (n,): which of the tracks that the model was taught by each track is, -1 for none."""
    row = {key: r for r, key in enumerate(model.about.get("known", []))}
    return np.array([row.get(key, -1) for key in tracks.keys], np.int64)


def own_factors(model: Model, tracks: Tracks, people: Sequence[Listener], row: IntArray) -> FloatArray:
    """Directions of the tracks' own factors.

    Parameters
    ----------
    model
        With m known tracks.
    tracks
        n tracks.
    people
        The listeners that the model was taught by, over the same tracks.
    row
        int64 (n,), see `rows_of_known`.

    Returns
    -------
    FloatArray
        float32 (n, factors), unit length; zeros for tracks of which nothing is known.
    """
    directions = np.zeros((len(tracks), model.arrays["own.direction"].shape[1]), np.float32)
    taught = row >= 0
    directions[taught] = model.arrays["own.direction"][row[taught]]
    new = np.flatnonzero(np.any([np.zeros_like(taught), *(p.known for p in people)], axis=0) & ~taught)
    if not len(new) or not directions.shape[1]:
        return directions
    settings, factors = WmfSettings(factors=directions.shape[1]), directions
    if model.about["settings"]["factorizer"] == "wmf":  # the others have no lengths to go on from
        settings = WmfSettings(**{**model.about["factorized"]["settings"]["wmf"], "factors": directions.shape[1]})
        factors = directions.copy()
        factors[taught] *= model.arrays["own.length"][row[taught], None]
    weights = gather_interactions(tracks, people).matrix
    by_context = Confidence.of(weights, settings.confidence, settings.damping).apply(weights)
    contexts = solve_rows(by_context, factors, settings)
    by_track = sparse.csr_array(by_context[:, new].T)
    by_track.indices, by_track.indptr = by_track.indices.astype(np.int32), by_track.indptr.astype(np.int32)
    directions[new] = unit(solve_rows(by_track, contexts, settings))
    return directions


def errors(
    model: Model, people: Sequence[Listener], row: IntArray, said: FloatArray, directions: FloatArray
) -> FloatArray:
    """How wrong the model is about each track that is known.

    Parameters
    ----------
    model, row, directions
        See `own_factors`.
    people
        The listeners that the model was taught by, over the n tracks.
    said
        float32 (n, outputs): what it foretells by sound.

    Returns
    -------
    FloatArray
        float32 (n, outputs), 0 where nothing is known. About a track that the model was taught, it is what it was when
        that track was held out, by as much more or less as the track is liked more or less since.
    """
    wrong = np.where(row[:, None] >= 0, model.arrays["kernel.wrong"][row], 0)
    for person in people:
        output, now = model.about["taught"].index(person.name), standard_preference(person)
        then = model.arrays["held_out.truth"][:, output]
        latest, taught = then.copy(), np.flatnonzero(person.known & (row >= 0))
        latest[row[taught]] = now[taught]  # of two tracks that sound the same the last one counts, as in `row`
        wrong[:, output] += np.where(row >= 0, np.nan_to_num(latest - then)[row], 0)
        new = person.known & ((row < 0) | np.isnan(then[row]))
        wrong[new, output] = now[new] - said[new, output]
    folded = np.any(directions, axis=1) & (row < 0)
    first = len(model.about["taught"])
    wrong[folded, first:] = directions[folded] - said[folded, first:]
    return float32(wrong)
