"""Feedback: what a person states of tracks: likes, dislikes, bans and ratings, as numbers from -1 to 1.

A rating of three stars states nothing; five are a like, one is a dislike. A ban is a dislike of a track that is never
to be recommended again.
"""

from __future__ import annotations

import numpy as np

from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

LIKE, DISLIKE, BAN = 1.0, -1.0, -2.0

LIKED = LIKE / 2
"""From which on feedback is a like: four stars."""

FEEDBACK_PLAYS = 10.0
"""Plays, or skips, that a like or a dislike is as much evidence as: a person who states it is sure."""

_DISLIKED = DISLIKE / 2
_SCALES = {"plex_userrating": 10.0, "itunes_rating": 100.0}  # field to its five stars
RATING_FIELDS = (
    "rating",  # of several plugins; that of mpdstats is computed from plays
    *_SCALES,  # beets-plexsync, metasync
    "amarok_rating",  # metasync
)
"""Rating fields that plugins of beets are known to write."""

_POSSIBLE_SCALES = (1.0, 5.0, 10.0, 100.0, 255.0)
_MIN_ON_GRID = 0.9  # share of the ratings that are half stars, where a person gave them


def is_rating_field(name: str) -> bool:
    """Tell whether a field holds ratings, by its name."""
    return name.endswith("rating")


def of_stars(stars: float) -> float:
    """Convert one to five stars to feedback, -1 to 1; 0 for no stars."""
    return min(max((stars - 3) / 2, DISLIKE), LIKE) if stars > 0 else 0.0


def of_ratings(field: str, ratings: FloatArray) -> FloatArray:
    """Convert a field of ratings to feedback.

    Parameters
    ----------
    field
        Its name. Of a field that is not known, the largest rating tells the scale: 1, 5, 10, 100 or 255.
    ratings
        float32 (n,), NaN or 0 where a track has none.

    Returns
    -------
    FloatArray
        float32 (n,), -1 to 1. All 0 where most ratings are no whole or half stars: mpdstats computes such numbers from
        plays and skips, which count already.
    """
    given = ratings > 0  # NaN is not
    if not given.any():
        return np.zeros(len(ratings), np.float32)
    most = float(ratings[given].max())
    scale = _SCALES.get(field) or next((top for top in _POSSIBLE_SCALES if most <= top), most)
    stars = np.where(given, 5 * ratings / scale, 0)
    halves = 2 * stars[given]
    if scale <= 100 and np.mean(np.abs(halves - np.rint(halves)) < 0.02) < _MIN_ON_GRID:
        return np.zeros(len(ratings), np.float32)
    return float32(np.where(given, np.clip((stars - 3) / 2, DISLIKE, LIKE), 0))


def latest_of(n: int, track: IntArray, value: FloatArray, time: IntArray) -> tuple[FloatArray, IntArray]:
    """Choose of several statements on a track the latest, but a ban before all others.

    Parameters
    ----------
    n
        Number of tracks.
    track, value, time
        int64 (m,) positions, float32 (m,) and int64 (m,) UTC seconds of m statements; of those of one time the last
        counts.

    Returns
    -------
    tuple
        float32 (n,) and int64 (n,): feedback on each track and its time; 0 where there is none.
    """
    feedback, times = np.zeros(n, np.float32), np.zeros(n, np.int64)
    order = np.lexsort((np.arange(len(time)), time, value == BAN))
    feedback[track[order]], times[track[order]] = value[order], time[order]
    return feedback, times


def is_barred(feedback: FloatArray, song: IntArray) -> BoolArray:
    """Bool (n,): banned or disliked, or another version of a banned song that is not liked itself.

    `song`, int64 (n,), has the same number for the same song.
    """
    return np.asarray((feedback <= _DISLIKED) | (np.isin(song, song[feedback == BAN]) & ~(feedback > 0)), bool)


def describe(feedback: float) -> str:
    """Name feedback: "like", "dislike" or "ban", and "" for none, or for a rating about the middle."""
    if feedback == BAN:
        return "ban"
    return "like" if feedback >= LIKED else "dislike" if feedback <= _DISLIKED else ""
