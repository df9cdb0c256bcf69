"""Verdicts: what an evaluation answers to each of its questions, in words, also where that is unflattering."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from cfaudio_core.evaluation.systems import ABLATIONS, CFAUDIO, FROZEN_KERNEL, UPPER_BOUND
from cfaudio_core.evaluation.tables import compared_by

QUESTIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "new artists": ("Does it know what you would love by artists you never played?", "the tracks you love"),
        "cold albums": ("Does it know what you would love on albums you never played?", "the tracks you love"),
        "cold tracks": ("Does it know which tracks you would love that you never played?", "the tracks you love"),
        "month": ("Does it know what you play again next month?", "what you played again"),
        "month, new": (
            "Does it know what you play for the first time next month?",
            "what you played for the first time",
        ),
        "session": ("Does it know how you go on, once you listen?", "what came next"),
    }
)
"""Table to its question, and what is wanted there."""

UNKNOWN = "Unknown"
_CHANCE = "random"
_PLAIN = {
    _CHANCE: "chance",
    "popularity": "your most played",
    "decayed counts": "what you played lately",
    "artist mean": "more by the same artists",
    "frozen cosine": "likeness in sound alone",
    FROZEN_KERNEL: "the pretrained net as it came",
    "factors alone": "what is played together alone",
}
"""The simpler systems, as somebody who never read of them would call them."""

SYSTEM_LEGEND: Mapping[str, str] = MappingProxyType(
    {
        CFAUDIO: "what `beet cfrecommend` does",
        _CHANCE: "a draw",
        "popularity": "the tracks that all listeners play most",
        "decayed counts": "the tracks played most, of late above all",
        "artist mean": "what is known of other tracks by the artist",
        "frozen cosine": "likeness to what you play, by the pretrained net",
        FROZEN_KERNEL: "your preferences, by a kernel machine on the pretrained net as it came",
        "factors alone": "what is played together, without the sound",
        ABLATIONS[0]: "cfaudio with `factorizer: none`",
        ABLATIONS[1]: "cfaudio with `fine_tune: none`",
        ABLATIONS[2]: "cfaudio where each track has the audio of another",
        UPPER_BOUND: "knows the answers: nobody can do better by factors",
    }
)


class Verdict(NamedTuple):
    """An answer to a question: one or two words, and the figures behind it in a sentence; `day` may be ""."""

    question: str
    answer: str
    text: str
    day: str = ""


def verdict(table: Mapping[str, Any]) -> Verdict | None:
    """Judge one table, as `tables.as_json` makes it; None for one that answers none of the questions.

    Raises
    ------
    LookupError, TypeError, ValueError
        If it is no such table.
    """
    if table["name"] not in QUESTIONS:
        return None
    question, wanted = QUESTIONS[table["name"]]
    if not table["rows"]:
        return Verdict(question, UNKNOWN, f"It could not be asked: {table.get('empty') or 'too little is known'}.")
    metric = compared_by(str(table["name"]))
    rows = {str(row["system"]): row for row in table["rows"]}
    ahead: list[str] = []
    level: list[str] = []
    behind: list[str] = []
    for system, row in rows.items():
        if system in (CFAUDIO, UPPER_BOUND, *ABLATIONS) or row["behind"].get(metric) is None:
            continue
        _, low, high = row["behind"][metric]
        (ahead if low > 0 else behind if high < 0 else level).append(system)
    return Verdict(
        question, _answer(ahead, level, behind), _found(table, rows, wanted) + _compared(ahead, level, behind)
    )


def _answer(ahead: list[str], level: list[str], behind: list[str]) -> str:
    if _CHANCE in level or _CHANCE in behind or not ahead:
        return "No"
    return "Partly" if behind else "Hard to say" if level else "Yes"


def _found(table: Mapping[str, Any], rows: Mapping[str, Any], wanted: str) -> str:
    """The share of what is wanted that is on the list, "" where that is not known."""
    found = (rows.get(CFAUDIO, {}).get("figures", {}).get("found") or [None])[0]
    pool, listed = table.get("pool") or 0, table.get("listed") or 0
    if found is None or pool <= 0:
        return ""
    first = f"{_percent(found)} are among its first {listed:.0f} of {pool:.0f}"
    return f"Of {wanted}, {first}; chance: {_percent(listed / pool)}. "


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u00a0%"


def _compared(ahead: list[str], level: list[str], behind: list[str]) -> str:
    parts = [("Better than", ahead), ("no clear difference to", level), ("worse than", behind)]
    clauses = [f"{how} {_joined([_PLAIN.get(name, name) for name in names])}" for how, names in parts if names]
    text = "; ".join(clauses)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _joined(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
