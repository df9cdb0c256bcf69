"""What a run of `cfembed` did, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from beetsplug.cfaudio.text import counted
from cfaudio_core.evaluation.held_out import evaluate_held_out
from cfaudio_core.models.training_snapshot import MIN_KNOWN_TRACKS
from cfaudio_core.training.drift import REFIT_SHARE

if TYPE_CHECKING:
    from cfaudio_core.data.listeners import Listener
    from cfaudio_core.data.tracks import Tracks
    from cfaudio_core.models.hybrid_model import HybridModel
    from cfaudio_core.pipeline.extract import RunResult

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
    yield f"Heard {new}; {len(outcome.analysed)} of {len(tracks)} are known by their sound."
    if outcome.problems:
        yield f"Skipped {counted(len(outcome.problems), 'file')} that cannot be heard (named above)."
    if outcome.old_problems:
        yield (
            f"Passed over {counted(len(outcome.old_problems), 'file')} that could not be heard before, unchanged since "
            "(`beet -v cfembed` names them, `beet cfembed -f` tries again)."
        )
    model = outcome.model
    if model is None or not len(outcome.analysed):
        return
    for person in people:
        if person.name not in model.info.trained_listeners:
            yield _too_few(person, outcome)
    if outcome.fitted:
        if outcome.outdated:
            yield "Fitted again from the features that are kept: the model was made by an earlier version."
        yield from _lesson(model)
        if outcome.drift is not None:
            yield f"Learnt anew: {outcome.drift.what} since the last lesson."
    elif outcome.drift is not None:
        yield (
            f"Folded {counted(outcome.drift.n_plays, 'play')} into model {model.id} since it learnt: "
            f"{outcome.drift.what} (at {REFIT_SHARE:.0%}, or with --retrain, it learns anew)."
        )
    if outcome.embeddings is None and not changed:
        yield f"Nothing new since the last run (model {model.id})."
    else:
        yield f"Updated {counted(changed, 'track')} (model {model.id})."


def _too_few(person: Listener, outcome: RunResult) -> str:
    known = counted(int(person.known[outcome.analysed].sum()), "track")
    played = person.played[outcome.analysed].any()
    instead = "scores are likeness in sound to those you play" if played else "so there are no scores"
    too_few = f"fewer than the {MIN_KNOWN_TRACKS} it takes to learn from"
    return f"{person.name}: {known} played or skipped, {too_few}; {instead}."


def _lesson(model: HybridModel) -> Iterator[str]:
    labels = model.tag_effects.labels
    for verdict in evaluate_held_out(model):
        with_tags = f", {verdict.by_audio_and_tags:.0%} with artist, album and genre" if labels else ""
        yield (
            f"{verdict.listener}: learnt from {verdict.tracks} tracks. Of two of them held out of the lesson, it "
            f"tells which is played more in {verdict.by_audio:.0%} of pairs by sound alone{with_tags} (chance 50%)."
        )
    yield from _table(model)
    if not model.info.trained_listeners:
        return
    info = model.info
    told = {
        f"{info.n_listens} listens in {info.n_sessions} sessions": info.n_sessions,
        f"{info.n_playlists} playlists": info.n_playlists,
        f"{info.n_contexts} albums, artists and genres that played tracks share": info.n_contexts,
    }
    listed = " and from ".join(what for what, number in told.items() if number)
    if info.n_sessions:
        yield f"Factors come from {listed}."
    elif listed:
        yield (
            f"Factors come from {listed}: counts do not tell what was heard together; "
            "listening sessions would tell more (`beet cfimport`)."
        )
    else:
        yield "No played tracks share an album, artist or genre: embeddings are likeness in sound."


def _table(model: HybridModel) -> Iterator[str]:
    """How the model compares with simpler means, for each listener, where albums are held out as a whole."""
    verdicts = evaluate_held_out(model)
    ways = [way for way in _WAYS if verdicts and way in verdicts[0].baselines]
    if not ways:
        return
    yield "The same where whole albums are held out, against simpler means:"
    width = max(len(verdict.listener) for verdict in verdicts)
    yield "  " + " " * width + "".join(f"  {_WAYS[way]}" for way in ways)
    for verdict in verdicts:
        figures = (f"  {verdict.baselines[way]:>{len(_WAYS[way])}.0%}" for way in ways)
        yield f"  {verdict.listener:{width}}" + "".join(figures)
    net = model.info.settings.net
    if "net" not in ways:
        if net.fine_tune != "none":
            yield f"Fewer than {net.min_tracks} played tracks could be listened to again: no net was trained."
        return
    for verdict in verdicts:
        share = verdict.net_weight
        worth = f"adds to the frozen one, with a weight of {share:.2f}" if share else "adds nothing, and has no say"
        yield f"{verdict.listener}: the trained net {worth}."
