"""Listeners: plays, skips and ratings of each from the fields of the library.

Every player plugin keeps counts under names of its own, and several often count the same play: a track played in MPD is
counted by mpdstats and scrobbled to Last.fm. Within one listener the largest count is therefore the best estimate, not
the sum.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field

import numpy as np

from cfaudio_core.data.feedback import BAN, DISLIKE, FEEDBACK_PLAYS, RATING_FIELDS, is_rating_field, of_ratings
from cfaudio_core.data.sessions import NO_SESSIONS, Sessions
from cfaudio_core.errors import SettingError
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

COUNT_FIELDS = (
    "play_count",  # mpdstats, and lastimport before beets 2.8
    "skip_count",  # mpdstats
    "lastfm_play_count",  # lastimport
    "listenbrainz_play_count",  # listenbrainz
    "plex_viewcount",  # beets-plexsync, beets-plex
    "plex_skipcount",
    "itunes_playcount",  # metasync
    "itunes_skipcount",
    "amarok_playcount",  # metasync
    *RATING_FIELDS,
)
"""Count fields, and those of ratings, that plugins of beets are known to write."""

MAIN_LISTENER = "me"
"""Name of the listener where the settings name none."""

_MIN_LOG_RATIO = float(np.log1p(FEEDBACK_PLAYS))
_MAX_COUNT = 1e6  # a larger one comes from a broken counter


@dataclass(frozen=True)
class Listener:
    """Plays of one person over the library.

    Attributes
    ----------
    name
        As in the settings.
    plays, skips
        float32 (n,), 0 and up.
    sessions
        Dated plays of the history; its positions are those of the n tracks.
    counted
        int64 (n,): UTC, seconds, of the run of `cfembed` that last found more plays of a track whose player dates none,
        0 where there was none; (0,) where nothing is known.
    feedback
        float32 (n,): 1 for a like, -1 for a dislike, between them for ratings, `BAN` for a ban; 0 where there is none.
    """

    name: str
    plays: FloatArray
    skips: FloatArray
    sessions: Sessions = NO_SESSIONS
    counted: IntArray = dataclass_field(default_factory=lambda: np.zeros(0, np.int64))
    feedback: FloatArray = dataclass_field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        """Fill in the feedback of a listener who gave none."""
        if len(self.feedback) != len(self.plays):
            object.__setattr__(self, "feedback", np.zeros(len(self.plays), np.float32))

    @property
    def played(self) -> BoolArray:
        """Bool (n,): played at least once."""
        return self.plays > 0

    @property
    def known(self) -> BoolArray:
        """Bool (n,): played or skipped at least once, or liked or disliked, so that the preference is known."""
        return np.asarray((self.plays > 0) | (self.skips > 0) | (self.feedback != 0), bool)

    @property
    def banned(self) -> BoolArray:
        """Bool (n,): never to be recommended."""
        return np.asarray(self.feedback == BAN, bool)

    @property
    def opinion(self) -> FloatArray:
        """float32 (n,), -1 to 1: the feedback, with a ban as a dislike."""
        return float32(np.maximum(self.feedback, DISLIKE))

    @property
    def evidence(self) -> FloatArray:
        """float32 (n,): plays and skips, with a like or dislike as `FEEDBACK_PLAYS` of them."""
        return float32(self.plays + self.skips + FEEDBACK_PLAYS * np.abs(self.opinion))

    @property
    def log_play_ratio(self) -> FloatArray:
        """float32 (n,): log((1 + plays) / (1 + skips)); 0 where nothing is known.

        A like or a dislike takes its place, and counts like the most that is known of any track.
        """
        by_plays = np.log1p(self.plays) - np.log1p(self.skips)
        most = max(float(np.abs(by_plays).max(initial=0)), _MIN_LOG_RATIO)
        return float32((1 - np.abs(self.opinion)) * by_plays + most * self.opinion)

    @property
    def preference(self) -> FloatArray:
        """float32 (n,), -1 to 1: preference for a track, estimated from plays and skips; 0 where unknown.

        A shuffle plays everything once or twice, and a track played thirty times is hardly preferred to one played
        fifteen times. So plays count by a logistic function of their logarithm, which is half-way up at the listener's
        own (geometric) mean, and a skip takes as much back as a play of a track played once on average. A like or a
        dislike takes the place of the plays, and a rating as much of it as it is away from the middle.
        """
        played = self.plays[self.plays > 0]
        usual = np.exp(np.mean(np.log(played))) if len(played) else 1.0
        likes, dislikes = self.plays**2, self.skips**2
        by_plays = likes / (likes + (usual * (1 + self.skips)) ** 2) - dislikes / (dislikes + (1 + self.plays) ** 2)
        return float32((1 - np.abs(self.opinion)) * by_plays + self.opinion)

    def subset(self, index: IntArray) -> Listener:
        """Select the tracks at int64 (k,) positions."""
        counted = self.counted[index] if len(self.counted) else self.counted
        sessions = self.sessions.subset(index)
        return Listener(self.name, self.plays[index], self.skips[index], sessions, counted, self.feedback[index])

    def before(self, time: int) -> Listener:
        """Select the plays before a time (UTC, seconds); counts and feedback, which have none here, are left out."""
        n, old = len(self.plays), self.sessions.select(self.sessions.time < time)
        return Listener(self.name, float32(old.plays(n)), float32(old.skips(n)), old)


def find_name(name: str, names: Sequence[str]) -> str | None:
    """Find the listener that a name means among all of them, the main one first; None where it is none of them.

    Case and the form of accents tell no two people apart, and `MAIN_LISTENER` is the main one, unless another has that
    name.
    """
    folded = {fold_name(known): known for known in reversed(names)}
    main = names[0] if names and fold_name(name) == MAIN_LISTENER else None
    return folded.get(fold_name(name), main)


def fold_name(name: str) -> str:
    """Fold the case of a name, the form of its accents, and blanks around it."""
    return unicodedata.normalize("NFC", name).casefold().strip()


def coerce_count(value: object) -> float:
    """Convert a stored count to a number, NaN where it is none.

    Fields whose plugin is not loaded come back as text ("5", "5.0"), and foreign imports leave "", "None" or junk.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, (str, int, float)):
        return math.nan
    try:
        count = float(value)
    except (ValueError, OverflowError):
        return math.nan
    return count if 0 <= count <= _MAX_COUNT else math.nan


def is_skip_field(name: str) -> bool:
    """Tell whether a count field counts skips, by its name."""
    return "skip" in name


def make_listeners(
    counts: Mapping[str, FloatArray], users: Mapping[str, Sequence[str]], n_tracks: int
) -> list[Listener]:
    """Build the listeners from count fields.

    Parameters
    ----------
    counts
        Count or rating field to float32 (n,), NaN where a track has none.
    users
        Listener to such fields; empty: one listener has them all.
    n_tracks
        n, for a library without any counts.

    Returns
    -------
    list of Listener
        In the order of `users`; the first is the main listener. Never empty.

    Raises
    ------
    SettingError
        If `users` names a field that no track has and that no known plugin writes.
    """

    def rated(fields: Sequence[str]) -> FloatArray:
        rating = np.zeros(n_tracks, np.float32)
        for field in fields:
            if field in counts and is_rating_field(field):  # of two fields with a rating the first counts
                rating = np.where(rating != 0, rating, of_ratings(field, counts[field]))
        return rating

    def largest(fields: Sequence[str]) -> FloatArray:
        columns = [np.nan_to_num(counts[f], nan=0.0) for f in fields if f in counts]
        return np.max(columns, axis=0).astype(np.float32) if columns else np.zeros(n_tracks, np.float32)

    for name, names in users.items():
        for count_field in names:
            if count_field not in counts and count_field not in COUNT_FIELDS:
                raise SettingError(f"users: {name}: no track has a field {count_field}")
    chosen = users or {MAIN_LISTENER: list(counts)}
    return [
        Listener(
            name,
            plays=largest([f for f in fields if not is_skip_field(f) and not is_rating_field(f)]),
            skips=largest([f for f in fields if is_skip_field(f)]),
            feedback=rated(fields),
        )
        for name, fields in chosen.items()
    ]
