"""What a run of `cfembed` did, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from beetsplug.cfaudio.text import counted
from cfaudio_core.evaluation.held_out import evaluate_held_out
from cfaudio_core.training.drift import ENOUGH_CHANGE
from cfaudio_core.training.fit import ENOUGH

if TYPE_CHECKING:
    from cfaudio_core.data.listeners import Listener
    from cfaudio_core.data.tracks import Tracks
    from cfaudio_core.models.model_files import Model
    from cfaudio_core.pipeline.run import RunResult

_WAYS = {
    "model": "model",
    "net": "trained net",
    "kernel": "frozen net",
    "artist": "artist's mean",
    "shuffled": "shuffled sound",
}


def account(tracks: Tracks, people: list[Listener], outcome: RunResult, changed: int) -> Iterator[str]:
    """The lines to print after a run that changed `changed` tracks of the library."""
    new = counted(outcome.decoded, "new track")
    yield f"Heard {new}; {len(outcome.heard)} of {len(tracks)} are known by their sound."
    if outcome.problems:
        yield f"Skipped {counted(len(outcome.problems), 'file')} that cannot be heard (named above)."
    if outcome.old_problems:
        yield (
            f"Passed over {counted(len(outcome.old_problems), 'file')} that could not be heard before, unchanged since "
            "(`beet -v cfembed` names them, `beet cfembed -f` tries again)."
        )
    model = outcome.model
    if model is None or not len(outcome.heard):
        return
    for person in people:
        if person.name not in model.about["taught"]:
            yield _too_few(person, outcome)
    if outcome.learnt:
        yield from _lesson(model)
        if outcome.changed is not None:
            yield f"Learnt anew: {outcome.changed.what} since the last lesson."
    elif outcome.changed is not None:
        yield (
            f"Folded {counted(outcome.changed.plays, 'play')} into model {model.id} since it learnt: "
            f"{outcome.changed.what} (at {ENOUGH_CHANGE:.0%}, or with --retrain, it learns anew)."
        )
    if outcome.places is None and not changed:
        yield f"Nothing new since the last run (model {model.id})."
    else:
        yield f"Updated {counted(changed, 'track')} (model {model.id})."


def _too_few(person: Listener, outcome: RunResult) -> str:
    known = counted(int(person.known[outcome.heard].sum()), "track")
    played = person.played[outcome.heard].any()
    instead = "scores are likeness in sound to those you play" if played else "so there are no scores"
    return f"{person.name}: {known} played or skipped, fewer than the {ENOUGH} it takes to learn from; {instead}."


def _lesson(model: Model) -> Iterator[str]:
    for verdict in evaluate_held_out(model):
        with_tags = f", {verdict.sound_and_tags:.0%} with artist, album and genre" if model.about["labels"] else ""
        yield (
            f"{verdict.listener}: learnt from {verdict.tracks} tracks. Of two of them held out of the lesson, it "
            f"tells which is played more in {verdict.sound:.0%} of pairs by sound alone{with_tags} (chance 50%)."
        )
    yield from _table(model)
    if not model.about["taught"]:
        return
    about = model.about
    told = {
        f"{about['listens']} listens in {about['sessions']} sessions": about["sessions"],
        f"{about['playlists']} playlists": about["playlists"],
        f"{about['contexts']} albums, artists and genres that played tracks share": about["contexts"],
    }
    listed = " and from ".join(what for what, number in told.items() if number)
    if about["sessions"]:
        yield f"Factors come from {listed}."
    elif listed:
        yield (
            f"Factors come from {listed}: counts do not tell what was heard together; "
            "listening sessions would tell more (`beet cfimport`)."
        )
    else:
        yield "No played tracks share an album, artist or genre: embeddings are likeness in sound."


def _table(model: Model) -> Iterator[str]:
    """How the model compares with simpler means, for each listener, where albums are held out as a whole."""
    verdicts = evaluate_held_out(model)
    ways = [way for way in _WAYS if verdicts and way in verdicts[0].compared]
    if not ways:
        return
    yield "The same where whole albums are held out, against simpler means:"
    width = max(len(verdict.listener) for verdict in verdicts)
    yield "  " + " " * width + "".join(f"  {_WAYS[way]}" for way in ways)
    for verdict in verdicts:
        figures = (f"  {verdict.compared[way]:>{len(_WAYS[way])}.0%}" for way in ways)
        yield f"  {verdict.listener:{width}}" + "".join(figures)
    net = model.about["settings"].get("net", {})
    if "net" not in ways:
        if net.get("fine_tune", "none") != "none":
            yield f"Fewer than {net['fewest']} played tracks could be listened to again: no net was trained."
        return
    for verdict in verdicts:
        share = verdict.net_share
        worth = f"adds to the frozen one, with a weight of {share:.2f}" if share else "adds nothing, and has no say"
        yield f"{verdict.listener}: the trained net {worth}."
