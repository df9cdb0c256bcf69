"""Tables of an evaluation in words and columns, for a terminal, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from cfaudio_core.evaluation.evaluate import Row, Table
from cfaudio_core.evaluation.metrics import Estimate
from cfaudio_core.evaluation.protocols import COLD
from cfaudio_core.evaluation.systems import CFAUDIO, FROZEN_KERNEL, UPPER_BOUND

TITLES = {
    "new artists": "New artists: whole artists hidden as if never played, a quarter at a time",
    "cold albums": "Cold albums: whole albums hidden as if never played, a quarter at a time",
    "cold tracks": "Cold tracks: played tracks hidden as if never played, a quarter at a time",
    "month": "Next month: which of the tracks played before are played in it",
    "month, new": "Next month, new: which of the other tracks are played in it",
    "session": "Session: the second half by the first, among all tracks",
}
"""Titles of the tables."""

LEGEND = (
    "found: share of the wanted tracks that are on the list. novelty: share of the list by others than the few artists",
    "who make up half of the plays. coverage: share of all tracks that are on any list. artists: different ones, per",
    "track of a list. In brackets: 95 % intervals. Counts know nothing of what is hidden: they are chance there. The",
    "never played count as not wanted, so that figures of lists are lower than the truth; the AUC of what is hidden",
    "leaves out what is played more than usual, but not twice as often. no factors, no fine-tuning: cfaudio with",
    "`factorizer: none`, and with `fine_tune: none`. shuffled sound: cfaudio where each track has the audio of",
    "another, so that only tags are left.",
)
"""Explanation of the columns, printed below the tables."""

HEADINGS = {"recall": "Recall@20", "ndcg": "NDCG@50", "precision": "mAP@500", "auc": "  AUC", "found": "found"}


def lines(table: Table) -> Iterator[str]:
    """Format a table for a terminal."""
    yield f"{TITLES[table.name]}."
    if table.empty:
        yield f"Not evaluated: {table.empty}."
        return
    tasks = "1 task" if table.tasks == 1 else f"{table.tasks} tasks"
    yield (
        f"{tasks}, on average {table.relevant:.0f} wanted tracks among {table.candidates:.0f}"
        + (f" and {table.pool - table.candidates:.0f} never played" if table.pool > table.candidates else "")
        + f"; lists of {table.listed:.0f}."
    )
    metric = compared_by(table.name)
    names = [*HEADINGS.values(), "novelty", "coverage", "artists"]
    yield f"{'':14}  {'  '.join(names)}  cfaudio ahead, {HEADINGS[metric].strip()}"
    for row in table.rows:
        numbers = [*(row.figures[name].value for name in HEADINGS), row.novelty, row.coverage, row.artists]
        columns = [f"{_number(value):>{len(name)}}" for name, value in zip(names, numbers, strict=True)]
        ahead = "" if row.system == CFAUDIO else f"  {_difference(row.behind[metric])}"
        yield f"{row.system:14}  {'  '.join(columns)}{ahead}"
    yield _interval(table.row(CFAUDIO).figures[metric], HEADINGS[metric].strip())
    yield from _comparison(table, metric)


def compared_by(name: str) -> str:
    """The metric that systems are compared by in the table of a name."""
    return "ndcg" if name in ("month", "session") else "auc"


def in_words(tables: Sequence[Table], who: str | None = None) -> str:
    """Sum up the first table of hidden tracks in one sentence, "" where there is none; `who` is None for you."""
    for table in tables:
        if table.name.replace(" ", "-") in COLD and not table.empty:
            found = {name: table.row(name).figures["found"].value for name in (CFAUDIO, FROZEN_KERNEL)}
            loves, play = ("you love", "you play") if who is None else (f"{who} loves", f"{who} play")
            of = f"the tracks {loves}" + (" by artists" if table.name == "new artists" else "")
            return (
                f"Of {of} that it had never seen {play}, cfaudio puts {found[CFAUDIO]:.0%} in the first "
                f"{table.listed:.0f} of {table.pool:.0f}; the frozen kernel {found[FROZEN_KERNEL]:.0%}, chance "
                f"{table.listed / table.pool:.0%}."
            )
    return ""


def as_json(table: Table) -> dict[str, Any]:
    """Convert to plain values: figures and distances to cfaudio as [value, low, high]; null for none."""
    return _plain({**asdict(table), "title": TITLES[table.name]})  # type: ignore[no-any-return]


def _comparison(table: Table, metric: str) -> Iterator[str]:
    """Systems that are better and worse, as far as the intervals show."""
    others = [row for row in table.rows if row.system not in (CFAUDIO, UPPER_BOUND)]

    def named(rows: Sequence[Row]) -> str:
        return ", ".join(row.system for row in rows)

    ahead = [row for row in others if row.behind[metric].low > 0]
    behind = [row for row in others if row.behind[metric].high < 0]
    level = [row for row in others if row not in ahead and row not in behind]
    if ahead:
        yield f"cfaudio is better than {named(ahead)}."
    if level:
        yield f"No clear difference to {named(level)}."
    if behind:
        yield f"cfaudio is worse than {named(behind)}."


def _interval(figure: Estimate, heading: str) -> str:
    return f"{heading} of cfaudio: {figure.value:.3f}, 95 % interval {figure.low:.3f} to {figure.high:.3f}."


def _difference(figure: Estimate) -> str:
    return f"{figure.value:+.3f} ({figure.low:+.3f} to {figure.high:+.3f})"


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
