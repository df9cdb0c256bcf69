"""How the library's counts grew since they were last seen: a history for those whose player keeps counts alone.

A count says nothing of when, but the field beside it says when the last play began. A play is therefore known to the
second where that time lies between two snapshots, and only such a play is a Listen. What a count grew beyond it was
heard some time between the two: to spread it over them would make sessions that never were, so it is kept as a Tally.

What has been accounted for by listens is the `base` of a count. Several fields of one listener often count the same
play, some of them days later, so a listen raises the base of all of them, and what is undated is how far the largest
count is ahead of the largest base.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cfaudio_core.data.listeners import is_skip_field
from cfaudio_core.history.records import Listen, Tally, TrackText

SOURCE = "snapshot"
"""The source under which these records are kept."""

DATES = {
    "play_count": "last_played",  # mpdstats: set when a play begins, whether it will be counted or skipped
    "skip_count": "last_played",
    "itunes_playcount": "itunes_lastplayed",  # metasync
    "amarok_playcount": "amarok_lastplayed",
}
"""Count fields to the field that says when the last play began."""

_LONGEST_TRACK = 3600  # seconds; a play that is counted now may have begun so long before the last snapshot
_ROUNDING = 1.25  # a player counts a track that was heard for four fifths, say


@dataclass(frozen=True)
class Counted:
    """A count of one track: how much of it is accounted for, and what it was when last seen."""

    base: int
    count: int


@dataclass(frozen=True)
class Seen:
    """A snapshot: when it was taken (UTC, seconds), and the counts by field and item; items without one are 0."""

    time: int
    counts: Mapping[str, Mapping[int, Counted]] = field(default_factory=dict)


@dataclass(frozen=True)
class Growth:
    """What has been heard since a snapshot, and the counts that are not as they were in it."""

    records: list[Listen | Tally]
    changed: dict[str, dict[int, Counted]]


def first_seen(counts: Mapping[str, Mapping[int, int]]) -> dict[str, dict[int, Counted]]:
    """The first snapshot: who knows when those plays were, so all of them are accounted for."""
    return {name: {item: Counted(n, n) for item, n in items.items() if n} for name, items in counts.items()}


def growth(
    seen: Seen,
    counts: Mapping[str, Mapping[int, int]],
    dates: Mapping[str, Mapping[int, int]],
    lengths: Mapping[int, float],
    listeners: Mapping[str, Sequence[str]],
    text_of: Callable[[int], TrackText],
    now: int,
) -> Growth:
    """What has been heard since the last snapshot.

    A field whose counts grew by more than could have been heard in the time was filled by an import: that growth is
    accounted for without a record. A count that fell begins anew.

    Parameters
    ----------
    seen
        The last snapshot.
    counts
        Count field to item to count.
    dates
        Date field (a value of `DATES`) to item to UTC in seconds.
    lengths
        Item to seconds.
    listeners
        Listener to the count fields that are theirs.
    text_of
        What to call an item in the history.
    now
        UTC, seconds.

    Returns
    -------
    Growth
        Records with the listener as `user`: at most one listen a track and date field, and a tally of all that is
        undated since the first snapshot for each track where that has changed.
    """
    before = {name: dict(seen.counts.get(name, {})) for name in counts}
    after = {name: _recount(before[name], items, lengths, now - seen.time) for name, items in counts.items()}
    records: list[Listen | Tally] = []
    for listener, fields in listeners.items():
        mine = [name for name in fields if name in counts]
        plays, skips = [f for f in mine if not is_skip_field(f)], [f for f in mine if is_skip_field(f)]
        for item in sorted({item for name in mine for item in _grown(before[name], counts[name])}):
            grown = [name for name in mine if counts[name].get(item, 0) > _at(before[name], item).count]
            undated_before = _undated(before, plays, item), _undated(before, skips, item)
            last = 0
            for date in dict.fromkeys(DATES[name] for name in grown if name in DATES):
                time = dates.get(date, {}).get(item, 0)
                if not seen.time - _LONGEST_TRACK < time <= now:
                    continue
                by = [name for name in grown if DATES.get(name) == date]
                played, skipped = (any(is_skip_field(n) == kind for n in by) for kind in (False, True))
                # Which of the two was the last is not known where both counts grew; most plays are no skips.
                outcome = None if played and skipped else skipped
                records.append(Listen(text_of(item), time, skipped=outcome, user=listener))
                last = max(last, time)
                for name in plays if played else skips:
                    after[name][item] = replace(_at(after[name], item), base=_at(after[name], item).base + 1)
            undated = _undated(after, plays, item), _undated(after, skips, item)
            if undated != undated_before:
                records.append(Tally(text_of(item), *undated, last=last or now, user=listener))
    changed = {
        name: {item: c for item, c in items.items() if c != _at(before[name], item)} for name, items in after.items()
    }
    return Growth(records, changed)


def _recount(
    before: Mapping[int, Counted], counts: Mapping[int, int], lengths: Mapping[int, float], elapsed: int
) -> dict[int, Counted]:
    """The counts as they are now, over bases that no listen of this time has raised yet."""
    heard = sum((counts[item] - _at(before, item).count) * lengths.get(item, 0.0) for item in _grown(before, counts))
    imported = heard > elapsed * _ROUNDING + _LONGEST_TRACK
    after = {}
    for item in before.keys() | counts.keys():
        old, count = _at(before, item), counts.get(item, 0)
        if count < old.count:
            after[item] = Counted(count, count)
        else:
            after[item] = Counted(old.base + (count - old.count if imported else 0), count)
    return after


def _grown(before: Mapping[int, Counted], counts: Mapping[int, int]) -> Iterable[int]:
    return (item for item, count in counts.items() if count > _at(before, item).count)


def _undated(counted: Mapping[str, Mapping[int, Counted]], fields: Sequence[str], item: int) -> int:
    """How far the largest count of some fields is ahead of their largest base."""
    both = [_at(counted[name], item) for name in fields]
    return max(0, max((c.count for c in both), default=0) - max((c.base for c in both), default=0))


def _at(counted: Mapping[int, Counted], item: int) -> Counted:
    return counted.get(item, Counted(0, 0))
