"""Matches of the history's texts to the library's tracks, as they are kept for the next command."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from beetsplug.cfaudio.library.fields import few
from beetsplug.cfaudio.library.tracks import read_tracks
from cfaudio_core import __version__
from cfaudio_core.data.listeners import Listener, find_name
from cfaudio_core.data.tracks import TrackMarks, marks_of
from cfaudio_core.util.fingerprint import fingerprint
from cfaudio_core.util.values import to_number

if TYPE_CHECKING:
    from beets.library import Library

    from cfaudio_core.data.tracks import Tracks
    from cfaudio_core.history.feedback import Statement
    from cfaudio_core.history.listeners import MatchedHistory
    from cfaudio_core.history.matching import LibraryIndex
    from cfaudio_core.history.records import TrackText
    from cfaudio_core.history.store import ListenStore
    from cfaudio_core.util.arrays import FloatArray, IntArray

_MAX_SECONDS = 1 << 40  # a time far beyond any clock


def library_name(lib: Library) -> str:
    """Name a library by its file: each has ids of its own."""
    return fingerprint(os.path.realpath(os.fsdecode(lib.path)), size=8)


def follow_items(lib: Library, statements: Sequence[Statement], positions: IntArray, ids: IntArray) -> None:
    """Match texts of feedback on tracks without a content key, that have no match, to the items that it was given on.

    Of `positions`, int64 (m,), those are filled in whose item was added when it was then: another item may have got its
    id since. `ids` are int64 (n,), of all tracks.
    """
    lost = {one.item: one for one in statements if one.item >= 0 and not one.key and positions[one.text] < 0}
    for which, numbers in few(list(lost)):
        with lib.transaction() as tx:
            rows = tx.query(f"SELECT id, added FROM items WHERE id {which}", numbers)
        for item, added in rows:
            if milliseconds(added) == lost[item].added:
                positions[lost[item].text] = np.searchsorted(ids, item)


def milliseconds(added: object) -> int:
    """Convert the time at which an item was added, in seconds, to whole milliseconds; 0 where it is none."""
    seconds = to_number(added) or 0
    return round(1000 * seconds) if abs(seconds) < _MAX_SECONDS else 0


def keep_matches(
    lib: Library, store: ListenStore, texts: Mapping[int, TrackText], index: LibraryIndex, tracks: Tracks, made_of: str
) -> IntArray:
    """Match all texts of the history to tracks of a library, and store the matches where the store can be written.

    Parameters
    ----------
    made_of
        See `matches_are_of`; "": unknown.

    Returns
    -------
    IntArray
        int64 (m,): the position of each text's track, negative where it is none.
    """
    statements = store.feedback()
    positions = index.match(texts.values())
    follow_items(lib, statements, positions, tracks.ids)
    if store.read_only:
        return positions
    matched = np.flatnonzero(positions >= 0)
    names = marks_of(tracks.subset(positions[matched])).names.view(np.int64).tolist()
    text_ids = list(texts)
    ids = [text_ids[at] for at in matched.tolist()]
    store.keep_matches(
        {i: (int(tracks.ids[at]), tracks.keys[at]) for i, at in zip(ids, positions[matched], strict=True)},
        dict(zip(ids, names, strict=True)),
        library_name(lib),
        made_of,
    )
    store.fill_keys(
        [
            (tracks.keys[positions[one.text]], text_ids[one.text])
            for one in statements
            if one.item >= 0 and not one.key and positions[one.text] >= 0 and tracks.keys[positions[one.text]]
        ]
    )
    return positions


def stored_positions(lib: Library, store: ListenStore, marks: TrackMarks) -> tuple[npt.NDArray[np.float64], IntArray]:
    """Find the tracks of all texts by their last matches, or match again where those were of another library.

    `marks` are of all tracks. Returns float64 (m,) seconds of the texts, 0 where unknown, and int64 (m,) positions of
    their tracks, negative where a text is none.
    """
    from cfaudio_core.history.matching import LibraryIndex

    durations, items = store.durations_and_items(library_name(lib))
    if items is not None:
        return durations, marks.find(items)
    tracks = read_tracks(lib, ())
    return durations, keep_matches(lib, store, store.texts(), LibraryIndex(tracks, lib.directory), tracks, "")


def read_matched(
    lib: Library, store: ListenStore, marks: TrackMarks, lengths: FloatArray, gap: float
) -> MatchedHistory:
    """Read the history by its last matches; marks and lengths, float32 (n,), are of all tracks."""
    from cfaudio_core.history.listeners import MatchedHistory

    durations, found = stored_positions(lib, store, marks)
    return MatchedHistory.read(store, durations, lengths, found, gap, marks.sounds)


def update_matches(lib: Library, store: ListenStore, tracks: Tracks, index: LibraryIndex | None = None) -> None:
    """Match the history to all tracks of the library, and store the matches, unless they are of the same already.

    `index` is the library's, if there is one already.
    """
    from cfaudio_core.history.matching import LibraryIndex

    texts = store.texts()
    made_of = matches_are_of(texts, store.feedback(), tracks, lib.directory)
    if store.matches_are_of(library_name(lib)) != made_of:
        keep_matches(lib, store, texts, index or LibraryIndex(tracks, lib.directory), tracks, made_of)


def matches_are_of(texts: Mapping[int, TrackText], feedback: Sequence[Statement], tracks: Tracks, folder: bytes) -> str:
    """Fingerprint of all that matches of texts to the tracks of a library, whose music is in a folder, are made of."""
    durations = np.array([text.duration for text in texts.values()], np.float64)
    names = zip(*(text[:-1] for text in texts.values()), strict=True)  # all but the duration
    paths = b"\0".join([folder, *tracks.paths])
    columns = (
        *(tracks.ids, tracks.keys, tracks.artists, tracks.titles, tracks.album_titles, tracks.albumartists),
        *(tracks.recording_mbids, tracks.track_mbids, tracks.lengths, tracks.credits, tracks.counts),
    )
    return fingerprint(__version__, list(texts), list(names), durations, feedback, paths, *columns)


def describe_oddities(store: ListenStore, listeners: Sequence[Listener], lengths: FloatArray) -> list[str]:
    """Make the lines on what is odd about the history of some listeners; see `oddities`.

    The history is matched, and the listeners have all of it; `lengths` are float32 (n,) seconds.
    """
    from cfaudio_core.history.audit import oddities

    names, listens = [listener.name for listener in listeners], Counter[str]()
    for stored, number in store.count_matched().items():
        listens[find_name(stored, names) or stored] += number
    return [line for one in listeners for line in oddities(one, listens[one.name], lengths)]
