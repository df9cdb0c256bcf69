"""Feedback of the listeners on tracks of the library: what they state here, and the fields that show all of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from beets.library import Library

from beetsplug.cfaudio.config.listeners import feedback_field
from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.library.fields import Value, few, read_fields
from beetsplug.cfaudio.library.history import has_history, open_history, track_text
from beetsplug.cfaudio.library.matches import library_name, milliseconds, stored_positions
from beetsplug.cfaudio.library.snapshot import read_counts, read_snapshot
from beetsplug.cfaudio.library.tracks import read_tracks
from beetsplug.cfaudio.library.write import write_fields
from cfaudio_core.data.feedback import describe, is_rating_field
from cfaudio_core.data.listeners import find_name, make_listeners
from cfaudio_core.data.tracks import TrackMarks, Tracks, from_rows, marks_of
from cfaudio_core.util.arrays import FloatArray, IntArray

if TYPE_CHECKING:
    from cfaudio_core.history.feedback import Given


class Outcome(NamedTuple):
    """Outcome of feedback.

    Attributes
    ----------
    changed, same
        Ids of the items on which it is new, or was taken back, and of those where nothing was to be done.
    remaining
        Ids among `changed` on which a rating or a mark from elsewhere stands.
    """

    changed: list[int]
    same: list[int]
    remaining: list[int]


def state_feedback(
    lib: Library, settings: Settings, listener: str, ids: Sequence[int], value: float, *, pretend: bool = False
) -> Outcome:
    """Store what a listener states of some items: `LIKE`, `DISLIKE` or `BAN` in place of what was stated here before.

    A StoreError where the history cannot be written.
    """
    return _change(lib, settings, listener, ids, value, clear=False, pretend=pretend)


def clear_feedback(
    lib: Library, settings: Settings, listener: str, ids: Sequence[int], value: float | None, *, pretend: bool = False
) -> Outcome:
    """Delete what a listener stated here of some items, of one kind or (None) of any."""
    return _change(lib, settings, listener, ids, value, clear=True, pretend=pretend)


def _change(
    lib: Library,
    settings: Settings,
    listener: str,
    ids: Sequence[int],
    value: float | None,
    *,
    clear: bool,
    pretend: bool,
) -> Outcome:
    from cfaudio_core.history.feedback import HERE, tracks_of

    if not has_history(settings) and (clear or pretend):
        return Outcome([], list(ids), []) if clear else Outcome(list(ids), [], [])
    marks = _marks(lib, settings)
    names = [listener, *(name for name in settings.listener_names if name != listener)]
    with open_history(settings) as store:
        statements = store.feedback()
        found = tracks_of(statements, stored_positions(lib, store, marks)[1], marks.sounds)
        requested = np.searchsorted(marks.ids, np.array(ids, np.int64))
        of_track: dict[int, list[int]] = {}
        for k, (one, tracks) in enumerate(zip(statements, found, strict=True)):
            if one.source == HERE and find_name(one.listener, names) == listener:
                for at in np.intersect1d(tracks, requested).tolist():
                    of_track.setdefault(int(marks.ids[at]), []).append(k)
        stated = {item: statements[k[-1]].value for item, k in of_track.items()}
        if clear:
            changed = [item for item in ids if item in stated and value in (None, stated[item])]
        else:
            changed = [item for item in ids if stated.get(item) != value]
        same = sorted({*ids} - {*changed})
        if not pretend and changed:
            old = {k for item in changed for k in of_track.get(item, [])}
            given = [] if clear or value is None else _given(lib, changed, value)
            store.state_feedback(listener, given, [statements[k] for k in sorted(old)], library_name(lib))
    if pretend:
        return Outcome(changed, same, [])
    feedback = write_feedback(lib, settings, [listener], marks)[listener]
    at = np.searchsorted(marks.ids, np.array(changed, np.int64))
    return Outcome(changed, same, [item for item, left in zip(changed, feedback[at], strict=True) if left and clear])


def _given(lib: Library, ids: Sequence[int], value: float) -> list[Given]:
    """Describe feedback on items as the store keeps it, given now."""
    from cfaudio_core.history.feedback import Given

    added: dict[int, float] = {}
    for which, numbers in few(ids):
        with lib.transaction() as tx:
            found = tx.query(f"SELECT id, added FROM items WHERE id {which}", numbers)
        added |= {row["id"]: row["added"] for row in found}
    tracks, now = read_tracks(lib, (), ids), int(time.time())
    given = []
    for at, item in enumerate(tracks.ids.tolist()):
        text, key = track_text(tracks, at, lib.directory), tracks.keys[at]
        if key and text.title:
            text = text._replace(path="")  # the content is meant, wherever it lies; another may come to its place
        marks = marks_of(tracks.subset(np.array([at])))
        given.append(Given(value, now, text, marks, key, milliseconds(added.get(item))))
    return given


def _marks(lib: Library, settings: Settings) -> TrackMarks:
    marks = read_snapshot(lib, settings).marks
    return marks if marks is not None else from_rows([])


def read_feedback(
    lib: Library, settings: Settings, marks: TrackMarks | Tracks | None = None
) -> tuple[IntArray, Mapping[str, FloatArray]]:
    """Read the feedback of all listeners, by what was stated and else by rating fields; by all tracks or their marks.

    Returns
    -------
    tuple
        int64 (n,): the ids of all items, and listener to float32 (n,).
    """
    from cfaudio_core.history.feedback import feedback_of, tracks_of

    marks = _marks(lib, settings) if marks is None else marks
    n = len(marks.ids)
    ratings = read_counts(lib, list(filter(is_rating_field, settings.count_fields)), marks.ids)
    users = {name: list(filter(is_rating_field, fields)) for name, fields in settings.users.items()}
    rated = make_listeners(ratings, users, n)
    feedback = {one.name: one.feedback for one in rated}
    if not has_history(settings):
        return marks.ids, feedback
    with open_history(settings) as store:
        statements = store.feedback()
        if not statements:
            return marks.ids, feedback
        if isinstance(marks, Tracks):
            marks = marks_of(marks)
        found = tracks_of(statements, stored_positions(lib, store, marks)[1], marks.sounds)
    aliases: dict[str, list[str]] = {name: [] for name in feedback}
    for stored in sorted({one.listener for one in statements}):
        known = find_name(stored, list(aliases))
        if known or stored.isidentifier():
            aliases.setdefault(known or stored, []).append(stored)
    nothing = np.zeros(n, np.float32)
    for name, stored_names in aliases.items():
        stated, _ = feedback_of(statements, found, stored_names, n)
        feedback[name] = np.where(stated != 0, stated, feedback.get(name, nothing))
    return marks.ids, feedback


def write_feedback(
    lib: Library, settings: Settings, only: Sequence[str] = (), marks: TrackMarks | Tracks | None = None
) -> Mapping[str, FloatArray]:
    """Show the feedback of all listeners, or of some, in the items' fields; returns what `read_feedback` does of it."""
    ids, feedback = read_feedback(lib, settings, marks)
    nothing = np.zeros(len(ids), np.float32)
    shown = {name: feedback.get(name, nothing) for name in only or feedback}

    names = {name: feedback_field(name, main=name == settings.main_listener) for name in shown}
    fields: dict[str, dict[int, Value]] = {
        field: dict.fromkeys(stored) for field, stored in read_fields(lib, list(names.values())).items()
    }
    for name, values in shown.items():
        at = np.flatnonzero(values)
        fields[names[name]] |= {
            item: describe(value) or None for item, value in zip(ids[at].tolist(), values[at].tolist(), strict=True)
        }
    if any(fields.values()):
        write_fields(lib, fields)
    return shown
