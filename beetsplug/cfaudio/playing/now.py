"""Goes on from the tracks that were played last, for `cfrecommend --now`."""

from __future__ import annotations

import numpy as np
from beets.exceptions import UserError
from beets.library import Library

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.library.tracks import ids_of
from beetsplug.cfaudio.playing.queue import PlayerQueue
from cfaudio_core.data.listeners import Listener
from cfaudio_core.ranking.session import MAX_GIVEN, SessionRanker
from cfaudio_core.ranking.session_weights import choose_weights
from cfaudio_core.util.arrays import FloatArray, IntArray


def last_tracks(
    lib: Library,
    settings: Settings,
    data: RankingData,
    listener: Listener,
    like: tuple[str, ...],
    queue: PlayerQueue | None = None,
) -> tuple[tuple[int, ...], str]:
    """Find the tracks to go on from: those of a query, or of the listener's last session, or in MPD's queue.

    A `queue` for which the tracks are comes before the last session.

    Returns
    -------
    tuple
        Their ids, in the order in which they were played, and where they are from.

    Raises
    ------
    UserError
        If there are none, or MPD cannot be asked.
    """
    if like:
        at = _positions(data, ids_of(lib, list(like)))
        where = f"that match {' '.join(like)}"
        at = at[np.argsort(data.last_played[listener.name][at], kind="stable")]
    elif queue is not None and len(in_queue := _positions(data, _last_of(queue))):
        at, where = in_queue, "in MPD's queue"
    elif len(listener.sessions):
        at, where = _last_session(listener), "of the last session"
    elif queue is not None or settings.servers.has_mpd:
        at, where = _positions(data, _last_of(queue or PlayerQueue(lib, settings))), "in MPD's queue"
    else:
        raise UserError(
            "--now: no listens are imported, and no mpd is configured; name tracks to go on from with --like"
        )
    if not len(at):
        raise UserError(f"--now: there are no tracks {where} to go on from")
    return tuple(data.ids[at[-MAX_GIVEN:]].tolist()), where


def next_track(data: RankingData, listener: Listener, given: tuple[int, ...]) -> FloatArray:
    """Score the familiar tracks by how well they go on from given ones, float32 (n,); 0 for the others."""
    at = data.at(given)
    known = np.union1d(np.flatnonzero(listener.played), at)
    sessions, artist, album = listener.sessions.subset(known), data.artist[known], data.album[known]
    ranker = SessionRanker.of(sessions, np.log1p(listener.plays[known]), artist, album, data.vectors[known])
    now = float(listener.sessions.time[-1] + 1) if len(listener.sessions) else data.now
    latest = listener.sessions.session == len(listener.sessions) - 1
    if latest.any() and np.isin(at, listener.sessions.track[latest]).all():
        now = float(listener.sessions.time[latest][0])  # its own plays are what is given
    scores = np.zeros(len(data), np.float32)
    scores[known] = ranker.score(np.searchsorted(known, at), now, choose_weights(sessions, artist, album))
    return scores


def _last_session(listener: Listener) -> IntArray:
    """Positions of the tracks of the last session with any play, each where it was played last."""
    sessions = listener.sessions.select(~listener.sessions.rejected)
    inside = sessions.session == len(sessions) - 1
    return np.array(list(dict.fromkeys(sessions.track[inside][::-1].tolist()))[::-1], np.int64)


def _last_of(queue: PlayerQueue) -> list[int]:
    """Ids of the tracks that MPD has played last of its queue, each once; all of them where it has no song."""
    tracks = queue.read()
    return list(dict.fromkeys((tracks.begun or tracks.ahead)[::-1]))[::-1]


def _positions(data: RankingData, ids: list[int]) -> IntArray:
    return data.at([i for i, there in zip(ids, np.isin(ids, data.ids), strict=True) if there])
