"""Songs of a library: copies of one recording, remasters, and live takes of one title are the same song."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cfaudio_core.history.normalize import VARIOUS, album_key, artist_key, fold, is_movement, title_key
from cfaudio_core.util.arrays import FloatArray, IntArray
from cfaudio_core.util.fingerprint import Prints, prints

_TAKE = re.compile(
    r"\s*[(\[][^()\[\]]*\b(?:live|unplugged|acoustic|demo|take \d+|sessions?|alternate|rehearsal|edit)\b[^()\[\]]*[)\]]"
    r"|\s[-\u2013\u2014]\s*(?:live|unplugged|acoustic|demo|alternate|rehearsal|radio edit|single edit)\b.*$",
    re.IGNORECASE,
)
_SAME_LENGTH_S = 5.0
_SAME_EDITION_S = 1.0  # two editions of a recording, that an album has others of
_SAME_RECORDING_S = 2.0
_SHORTEST_S = 30.0  # of skits and silence, many are as long and sound alike
_SAME_RECORDING, _SAME_TITLE = 0.98, 0.8  # in cosine: of any two tracks, and of two with one title
_NO_SONG = re.compile(
    r"(?:track|titel|piste|pista|untitled|no ?title|intro(?:duction)?|outro|interlude|skit|prelude|hidden track"
    r"|bonus track|unknown|silence|reprise|intermission|prolog(?:ue)?|epilog(?:ue)?|opening|ending|credits|commentary"
    r"|(?:main|end|opening|closing) (?:titles?|credits)|chapter|chapitre|kapitel|part|pt|teil|no|nr"
    r"|\u0438\u043d\u0442\u0440\u043e)?\s*(?:\d+|[ivx]+)?"
)
"""Titles that identify no song, folded: many songs of one artist have them."""


class Marks(NamedTuple):
    """Digests that identify songs, uint64 (n,) each, 0 where there is none.

    Attributes
    ----------
    sound, recording
        The content of the audio, and the MusicBrainz recording.
    title
        Artist and title, but for editions and takes; of movements the album too: twelve sonatas have an Allegro each.
    place
        Album and title to the letter.
    """

    sound: Prints
    recording: Prints
    title: Prints
    place: Prints


def marks(
    artists: Sequence[str],
    titles: Sequence[str],
    albums: Sequence[str],
    keys: Sequence[str],
    recordings: Sequence[str],
    album_titles: Sequence[str] = (),
) -> Marks:
    """Marks of n tracks, from texts as in `Tracks`; without titles of the albums, each album has another."""
    return Marks(
        prints(keys),
        prints(recordings),
        prints(map(_song, artists, titles, album_titles or albums)),
        prints(f"{title}\0{album}" if album else "" for title, album in zip(titles, albums, strict=True)),
    )


def same_songs(of_tracks: Marks, lengths: FloatArray) -> IntArray:
    """Number the songs of n tracks, int64 (n,): the position of the song's first track; lengths are in seconds.

    Tracks are one song if they have the same audio, the same MusicBrainz recording, or one artist and title but for
    editions and takes. Where an album has that title twice, their lengths have to be the same as well.
    """
    title = _told_by_length(of_tracks, lengths)
    song = np.arange(len(lengths))
    groups = [_groups(column) for column in (of_tracks.sound, of_tracks.recording, title)]
    while True:
        # The least number spreads over each group, until what is connected has one.
        before = song
        for positions, group in groups:
            least = np.full(int(group.max(initial=-1)) + 1, len(song))
            np.minimum.at(least, group, song[positions])
            song = song.copy()
            song[positions] = least[group]
        if np.array_equal(song, before):
            return song


def one_a_song(song: IntArray, allowed: IntArray, plays: FloatArray, scores: FloatArray) -> IntArray:
    """Choose of each song the track that stands for it: the most played, then the best by score, then the first.

    Of the tracks at the allowed positions, int64 (m,); `song`, int64 (n,), is from `same_songs`, plays and scores are
    float32 (n,). Returns positions in ascending order, int64.
    """
    several = np.bincount(song[allowed])[song[allowed]] > 1
    alone, takes = allowed[~several], allowed[several]
    order = np.lexsort((takes, -np.nan_to_num(scores[takes], nan=-np.inf), -plays[takes]))
    _, first = np.unique(song[takes[order]], return_index=True)
    return np.sort(np.concatenate((alone, takes[order][first])))


def near_copies(titles: Sequence[str], artists: IntArray, lengths: FloatArray, vectors: FloatArray) -> IntArray:
    """Find the tracks of a list that are nearly the same recording as one before them, by another artist's name.

    Compilations and wrong tags name other artists; `same_songs` finds copies by one artist. Two recordings are the same
    if they are as long, and much nearer than two songs are, or nearly so and have the same title.

    Parameters
    ----------
    titles, artists, lengths, vectors
        Of k tracks; one number an artist, lengths in seconds, 0 where unknown, vectors of unit length or zeros.

    Returns
    -------
    IntArray
        Positions, int64, ascending.
    """
    numbers = {name: at for at, name in enumerate(dict.fromkeys(map(_title, titles)))}
    name = np.array([numbers[_title(title)] if _title(title) else -1 - at for at, title in enumerate(titles)], np.int64)
    cosines = vectors @ vectors.T
    difference = np.where(lengths >= _SHORTEST_S, np.abs(lengths[:, None] - lengths), np.inf)
    alike = (cosines >= _SAME_RECORDING) & (difference <= _SAME_EDITION_S)
    alike |= (cosines >= _SAME_TITLE) & (name[:, None] == name) & (difference <= _SAME_RECORDING_S)
    alike &= (artists[:, None] != artists) | (artists == 0)
    return np.flatnonzero(np.tril(alike, -1).any(axis=1))


def _title(title: str) -> str:
    """Title without editions and takes; "" where it identifies no song."""
    words = fold(_TAKE.sub("", title))
    return "" if _NO_SONG.fullmatch(words) else title_key(_TAKE.sub("", title))


def _song(artist: str, title: str, album: str) -> str:
    """Artist and title, without editions and takes; "" where they do not identify a song."""
    by = artist_key(artist)
    if by in VARIOUS:
        return ""
    stripped = _TAKE.sub("", title) if "(" in title or "[" in title or " -" in title or " \u2013" in title else title
    name = title_key(stripped if stripped.strip() else title)
    words = fold(stripped)
    if not name or _NO_SONG.fullmatch(words):
        return ""
    return f"{by}\0{name}\0{album_key(album)}" if is_movement(words) else f"{by}\0{name}"


def _told_by_length(of_tracks: Marks, lengths: FloatArray) -> Prints:
    """Marks of titles, of which those that an album has twice have one for each length."""
    title = of_tracks.title.copy()
    at = np.flatnonzero(np.isin(title, _twice_on_an_album(of_tracks, lengths)))
    at = at[np.lexsort((lengths[at], title[at]))]
    same = (title[at][1:] == title[at][:-1]) & (np.diff(lengths[at]) <= _SAME_EDITION_S)
    same &= of_tracks.place[at][1:] != of_tracks.place[at][:-1]  # on another album: another edition of it
    title[at] ^= np.cumsum(np.append(True, ~same)[: len(at)]).astype(np.uint64)
    return title


def _twice_on_an_album(of_tracks: Marks, lengths: FloatArray) -> Prints:
    """Titles that an album has word for word more than once, at different lengths: they identify no song."""
    at = np.flatnonzero((of_tracks.title > 0) & (of_tracks.place > 0))
    _, first, place = np.unique(of_tracks.place[at], return_index=True, return_inverse=True)
    seconds = lengths[at].astype(np.float64)
    difference = np.abs(seconds[first][place] - seconds)
    return of_tracks.title[at[difference > _SAME_LENGTH_S]]


def _groups(column: Prints) -> tuple[IntArray, IntArray]:
    """Positions of digests that occur more than once, and the number of their group, int64 (m,) each."""
    at = np.flatnonzero(column)
    _, group, size = np.unique(column[at], return_inverse=True, return_counts=True)
    several = size[group] > 1
    return at[several], np.unique(group[several], return_inverse=True)[1].astype(np.int64)
