"""Past runs: the training and the held-out figures of each model, and past evaluations."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from cfaudio_core.errors import StoreError
from cfaudio_core.evaluation.held_out import HeldOut, evaluate_held_out
from cfaudio_core.models.model_files import fitted_at, kept_models, load_model

_HEADINGS = {"recall": "Recall@20", "ndcg": "NDCG@50", "precision": "mAP@500", "auc": "AUC"}


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
    for file in sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)[:most]:
        try:
            content = json.loads(file.read_bytes())
            tables = [_table(table) for table in content["tables"]]
            texts = str(content.get("listener", "")), str(content.get("sentence") or "")
            past.append(Evaluation(_day(file.stat().st_mtime), *texts, tables))
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue
    return past


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
