"""Growth of the library's counts since the last snapshot: a history for those whose player keeps counts alone.

A count has no times, but the field beside it has the start of the last play. A play is therefore dated where that time
lies between two snapshots, and only such a play is a Listen. The rest of the growth was played some time between the
two: to spread it over them would invent sessions, so it is kept as a Tally.

The plays that listens account for are the `base` of a count. Several fields of one listener often count the same play,
some of them days later, so a listen raises the base of all of them, and what is undated is how far the largest count is
ahead of the largest base.
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
"""Count field to the field with the start of the last play."""

_LONGEST_TRACK_S = 3600  # a play that is counted now may have begun so long before the last snapshot
_PARTIAL_PLAYS = 1.25  # a player counts a track of which four fifths were played, say


@dataclass(frozen=True)
class CountState:
    """Count of one track at the last snapshot, and how much of it is accounted for."""

    base: int
    count: int


@dataclass(frozen=True)
class CountSnapshot:
    """Time of a snapshot (UTC, seconds), and the counts by field and item; items without one are 0.

    `marks` are those of the items, by field and item, as they were then: the marks of sound and name in `TrackMarks`.
    """

    time: int
    counts: Mapping[str, Mapping[int, CountState]] = field(default_factory=dict)
    marks: Mapping[str, Mapping[int, tuple[int, int]]] = field(default_factory=dict, compare=False)


def first_counts(counts: Mapping[str, Mapping[int, int]]) -> dict[str, dict[int, CountState]]:
    """Make the first snapshot: the times of all plays so far are unknown, so all are accounted for."""
    return {name: {item: CountState(n, n) for item, n in items.items() if n} for name, items in counts.items()}


def growth(
    snapshot: CountSnapshot,
    counts: Mapping[str, Mapping[int, int]],
    dates: Mapping[str, Mapping[int, int]],
    lengths: Mapping[int, float],
    listeners: Mapping[str, Sequence[str]],
    text_of: Callable[[int], TrackText],
    now: int,
) -> tuple[list[Listen | Tally], dict[str, dict[int, CountState]]]:
    """Find the plays since the last snapshot.

    A field whose counts grew by more than could have been played in the time was filled by an import: that growth is
    accounted for without a record. A count that fell begins again.

    Parameters
    ----------
    snapshot
        The last snapshot.
    counts
        Count field to item to count.
    dates
        Date field (a value of `DATES`) to item to UTC in seconds.
    lengths
        Item to seconds.
    listeners
        Listener to the listener's count fields.
    text_of
        Maps an item to its names in the history.
    now
        UTC, seconds.

    Returns
    -------
    list of Listen or Tally
        With the listener as `user`: at most one listen a track and date field, and a tally of all that is undated
        since the first snapshot for each track where that has changed.
    dict
        Count field to item to the state of each count that changed.
    """
    before = {name: dict(snapshot.counts.get(name, {})) for name in counts}
    elapsed = abs(now - snapshot.time)  # where the clock was put back in between, as long at the least
    after = {name: _recount(before[name], items, lengths, elapsed) for name, items in counts.items()}
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
                if not now - elapsed - _LONGEST_TRACK_S < time <= now:
                    continue
                by = [name for name in grown if DATES.get(name) == date]
                played, skipped = (any(is_skip_field(n) == kind for n in by) for kind in (False, True))
                # Where both counts grew, it is unknown which was the last; most plays are no skips.
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
    return records, changed


def _recount(
    before: Mapping[int, CountState], counts: Mapping[int, int], lengths: Mapping[int, float], elapsed: int
) -> dict[int, CountState]:
    """Update the counts, over bases that no listen of this snapshot has raised yet."""
    played_s = sum((counts[item] - _at(before, item).count) * lengths.get(item, 0.0) for item in _grown(before, counts))
    imported = played_s > elapsed * _PARTIAL_PLAYS + _LONGEST_TRACK_S
    after = {}
    for item in before.keys() | counts.keys():
        old, count = _at(before, item), counts.get(item, 0)
        if count < old.count:
            after[item] = CountState(count, count)
        else:
            after[item] = CountState(old.base + (count - old.count if imported else 0), count)
    return after


def _grown(before: Mapping[int, CountState], counts: Mapping[int, int]) -> Iterable[int]:
    return (item for item, count in counts.items() if count > _at(before, item).count)


def _undated(states: Mapping[str, Mapping[int, CountState]], fields: Sequence[str], item: int) -> int:
    """Plays by which the largest count of some fields is ahead of their largest base."""
    both = [_at(states[name], item) for name in fields]
    return max(0, max((c.count for c in both), default=0) - max((c.base for c in both), default=0))


def _at(states: Mapping[int, CountState], item: int) -> CountState:
    return states.get(item, CountState(0, 0))
