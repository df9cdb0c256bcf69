"""Past runs: the training and the held-out figures of each model, and past evaluations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from cfaudio_core.errors import StoreError
from cfaudio_core.evaluation.held_out import HeldOut, evaluate_held_out
from cfaudio_core.models.model_files import fitted_at, kept_models, load_model
from cfaudio_core.report.sections.verdicts import QUESTIONS, UNKNOWN, Verdict, verdict

_HEADINGS = {"recall": "Recall@20", "ndcg": "NDCG@50", "precision": "mAP@500", "auc": "AUC"}

LEGEND: Mapping[str, str] = MappingProxyType(
    {
        "system": "what made the lists",
        "Recall@20": "share of the wanted tracks among the first 20",
        "NDCG@50": "how near to the top of 50 they stand; 1: all of them first",
        "mAP@500": "how few unwanted ones stand before each of them, in a list of 500",
        "AUC": "of a wanted track and another one, how often the wanted one stands first; a draw: 0.500",
        "found": "share of the wanted tracks that are on the list",
        "novelty": "share of the list by others than the few artists who make up half of the plays",
        "coverage": "share of all tracks that are on any list",
        "artists": "different ones, per track of a list",
        "cfaudio ahead": "by how much cfaudio is better, and the 95 % interval: no clear difference where it holds 0",
    }
)
"""Explanations of the columns by their headings."""


_JUDGED = 20  # evaluations, the newest, among which answers are looked for
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError)


class TrainingRun(NamedTuple):
    """A model, when and on what it was trained, and its figures on what was held out; `when` is local, seconds UTC."""

    model: str
    when: str
    seconds: int
    tracks: int
    listens: int
    sessions: int
    labels: bool
    held_out: list[HeldOut]


class Evaluation(NamedTuple):
    """The result of `beet cfevaluate`: a sentence, and tables."""

    when: str
    listener: str
    sentence: str
    tables: list[EvaluationTable]


class EvaluationTable(NamedTuple):
    """One protocol: a row for each system, or why there are none. Numbers are texts, "-" where there is none."""

    title: str
    empty: str
    headings: list[str]
    rows: list[list[str]]


def training_runs(folder: Path) -> list[TrainingRun]:
    """Read the models on disk, the one in force first; one that cannot be read is passed over."""
    runs = []
    for name in kept_models(folder):
        with suppress(StoreError):
            runs.append(training_run(folder, name))
    return runs


def training_run(folder: Path, name: str) -> TrainingRun:
    """Read a model on disk; a StoreError where that cannot be done."""
    model, seconds = load_model(folder, name), fitted_at(folder / f"{name}.json")
    return TrainingRun(
        model=model.id,
        when=_day(seconds),
        seconds=int(seconds),
        tracks=model.info.n_tracks,
        listens=model.info.n_listens,
        sessions=model.info.n_sessions,
        labels=bool(model.tag_effects.labels),
        held_out=evaluate_held_out(model),
    )


def evaluations(folder: Path, most: int = 3) -> list[Evaluation]:
    """Read the last evaluations, newest first; one that cannot be read is passed over."""
    past = []
    for file in _newest(folder)[:most]:
        with suppress(*_UNREADABLE):
            content = json.loads(file.read_bytes())
            tables = [_table(table) for table in content["tables"]]
            texts = str(content.get("listener", "")), str(content.get("sentence") or "")
            past.append(Evaluation(_day(file.stat().st_mtime), *texts, tables))
    return past


def verdicts(folder: Path, listener: str) -> list[Verdict]:
    """Judge each question by the listener's last evaluation that asked it; one that cannot be read is passed over."""
    found: dict[str, Verdict] = {}
    for file in _newest(folder)[:_JUDGED]:
        with suppress(*_UNREADABLE):
            content = json.loads(file.read_bytes())
            if str(content.get("listener", "")) not in ("", listener):
                continue
            judged = [(str(table["name"]), verdict(table)) for table in content["tables"]]
            day = _day(file.stat().st_mtime).split()[0]
            for name, one in judged:
                if one is not None and (name not in found or found[name].answer == UNKNOWN != one.answer):
                    found[name] = one._replace(day=day)
    return [found[name] for name in QUESTIONS if name in found]


def _newest(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)


def _table(content: dict[str, Any]) -> EvaluationTable:
    rows = content["rows"]
    figures = list(rows[0]["figures"]) if rows else []
    more = [name for name in ("novelty", "coverage", "artists") if rows and name in rows[0]]
    ahead = "auc" if "auc" in figures else next(iter(figures), "")
    cells = [
        [
            str(row["system"]),
            *(_number(row["figures"].get(name)) for name in figures),
            *(_number(row.get(name)) for name in more),
            "-" if row["system"] == "cfaudio" else _interval(row.get("behind", {}).get(ahead)),
        ]
        for row in rows
    ]
    headings = ["system", *(_HEADINGS.get(name, name) for name in [*figures, *more])]
    headings.append(f"cfaudio ahead, {_HEADINGS.get(ahead, ahead)}")
    return EvaluationTable(
        str(content.get("title") or content["name"]), str(content.get("empty") or ""), headings, cells
    )


def _number(value: Any) -> str:
    """A number, or the first of [value, low, high]."""
    value = value[0] if isinstance(value, list) and value else value
    return f"{value:.3f}" if isinstance(value, (int, float)) else "-"


def _interval(value: Any) -> str:
    if not isinstance(value, list) or len(value) != 3 or not all(isinstance(part, (int, float)) for part in value):
        return "-"
    return f"{value[0]:+.3f} ({value[1]:+.3f} to {value[2]:+.3f})"


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
