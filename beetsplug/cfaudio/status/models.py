"""The models that are kept, with their dates and figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from beetsplug.cfaudio.text import counted
from cfaudio_core.errors import StoreError
from cfaudio_core.evaluation.held_out import HeldOut
from cfaudio_core.models.model_files import kept_models
from cfaudio_core.report.sections.past_runs import training_run


def describe_models(folder: Path) -> Iterator[str]:
    """Yield a line for each kept model, the one in force first and marked."""
    names = kept_models(folder)
    if not names:
        yield "There is no model yet: `beet cfembed` trains one."
        return
    for at, name in enumerate(names):
        try:
            run = training_run(folder, name)
        except StoreError as error:
            yield f"  {name}  cannot be used: {error}"
            continue
        figures = "; ".join(figure(one, several=len(run.held_out) > 1, labels=run.labels) for one in run.held_out)
        figures = figures or "without plays"
        yield f"{'*' if at == 0 else ' '} {run.model}  {run.when}  {counted(run.tracks, 'track'):>12}  {figures}"
    yield "* is in use; `beet cfembed --model ID` goes back to another one. Right: it picks the track played more."


def figure(one: HeldOut, *, several: bool, labels: bool) -> str:
    """Say how often a model picks the one of two tracks that is played more, of tracks that it had not seen."""
    of = f" of {one.listener}" if several else ""
    by_tags = f"{one.by_audio_and_tags:.0%}, by sound alone " if labels else ""
    return f"{counted(one.tracks, 'played track')}{of}: right {by_tags}{one.by_audio:.0%}"
