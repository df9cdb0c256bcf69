"""What sounds and is heard like some tracks: nearness of vectors."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from cfaudio_core.embedding.codec import decode
from cfaudio_core.tracks import FloatArray, float32

_BLOCK = 1000  # seeds at a time


def vectors_of_one_model(texts: Mapping[int, object], models: Mapping[int, object]) -> dict[int, FloatArray]:
    """The stored vectors that can be compared: those of the model that most tracks have theirs from.

    Parameters
    ----------
    texts, models
        Track to what its fields `cf_embedding` and `cf_model` hold.

    Returns
    -------
    dict
        Track to float32 (d,), all of one length; what is no vector is left out.
    """
    listed = [str(models[track]) for track in texts if track in models]
    model = max(sorted(set(listed)), key=listed.count, default="")
    vectors = {}
    for track, text in texts.items():
        if str(models.get(track)) == model:
            try:
                vectors[track] = decode(str(text))
            except ValueError:
                continue
    sizes = [len(vector) for vector in vectors.values()]
    size = max(sizes, key=sizes.count, default=0) if len(set(sizes)) > 1 else (sizes or [0])[0]
    return {track: vector for track, vector in vectors.items() if len(vector) == size > 0}


def nearest(vectors: Mapping[int, FloatArray], seeds: Collection[int], n: int) -> dict[int, float]:
    """The tracks nearest to any of the seeds, which are not among them.

    Parameters
    ----------
    vectors
        Track to unit vector, float32 (d,).
    seeds
        Tracks; those without a vector say nothing.
    n
        How many.

    Returns
    -------
    dict
        Track to cosine, nearest first.
    """
    of_seeds = [vectors[track] for track in seeds if track in vectors]
    others = [track for track in vectors if track not in set(seeds)]
    if not of_seeds or not others:
        return {}
    places = np.stack([vectors[track] for track in others])
    cosines = np.full(len(others), -1, np.float32)
    for start in range(0, len(of_seeds), _BLOCK):
        np.maximum(cosines, (places @ np.stack(of_seeds[start : start + _BLOCK]).T).max(axis=1), out=cosines)
    order = np.argsort(-float32(cosines), kind="stable")[:n]
    return {others[at]: float(cosines[at]) for at in order}
