"""Past runs: what each model was taught and is worth, and what evaluations found."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from cfaudio_core.errors import StoreError
from cfaudio_core.judging.held_out import HeldOut, judge
from cfaudio_core.learning.model_files import load_model


class Lesson(NamedTuple):
    """A model, when it was learnt, from what, and what it is worth on what was held out of its lesson."""

    model: str
    when: str
    tracks: int
    listens: int
    sessions: int
    labels: bool
    held_out: list[HeldOut]


class Table(NamedTuple):
    """Rows of an evaluation, with headings."""

    title: str
    when: str
    headings: list[str]
    rows: list[list[str]]


def lessons(folder: Path) -> list[Lesson]:
    """The models on disk, newest first; one that cannot be read is passed over."""
    found = []
    for file in sorted(folder.glob("cf-*.json"), key=lambda file: file.stat().st_mtime, reverse=True):
        try:
            model = load_model(folder, file.stem)
            about = model.about
            found.append(
                Lesson(
                    model.id,
                    _day(file.stat().st_mtime),
                    int(about["tracks"]),
                    int(about.get("listens", 0)),
                    int(about.get("sessions", 0)),
                    bool(about.get("labels")),
                    judge(model),
                )
            )
        except (StoreError, KeyError, ValueError, TypeError, IndexError):
            continue
    return found


def evaluations(folder: Path, most: int = 5) -> list[Table]:
    """The last evaluations that were kept as JSON, newest first, as far as they can be understood.

    Anything that is a list of objects with plain values becomes a table; nothing else is relied on, so that reports
    of other versions are shown too.
    """
    tables: list[Table] = []
    for file in sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)[:most]:
        try:
            content = json.loads(file.read_bytes())
        except (OSError, ValueError):
            continue
        tables += [
            Table(title or file.stem, _day(file.stat().st_mtime), headings, rows)
            for title, headings, rows in _tables("", content)
        ]
    return tables


def _tables(title: str, content: object) -> list[tuple[str, list[str], list[list[str]]]]:
    if isinstance(content, dict):
        return [table for name, part in content.items() for table in _tables(f"{title} {name}".strip(), part)]
    if not isinstance(content, list) or not content or not all(isinstance(row, dict) for row in content):
        return []
    headings = list(dict.fromkeys(key for row in content for key, value in row.items() if _plain(value)))
    rows = [[_text(row.get(key)) for key in headings] for row in content]
    nested = [
        table
        for row in content
        for key, value in row.items()
        for table in _tables(
            " ".join(filter(None, [title, _text(row.get(headings[0])) if headings else "", key])), value
        )
    ]
    return [*([(title, headings, rows)] if headings else []), *nested]


def _plain(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float, bool)) or _interval(value)


def _interval(value: object) -> bool:
    return isinstance(value, list) and 0 < len(value) <= 3 and all(isinstance(part, (int, float)) for part in value)


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    if isinstance(value, list):
        return " to ".join(map(_text, value))
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
