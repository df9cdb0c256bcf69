"""Summary of a run of `cfembed`, in words."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from beetsplug.cfaudio.text import counted
from cfaudio_core.data.feedback import FEEDBACK_PLAYS
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.evaluation.held_out import HeldOut, evaluate_held_out
from cfaudio_core.factorization.factorizer import NO_FACTORIZER
from cfaudio_core.models.hybrid_model import HybridModel
from cfaudio_core.models.training_snapshot import MIN_KNOWN_TRACKS
from cfaudio_core.pipeline.extract import RunResult
from cfaudio_core.training.drift import REFIT_SHARE
from cfaudio_core.training.representation import MIN_ADAPTER_TRACKS

_SYSTEMS = {
    "model": "model",
    "net": "trained net",
    "kernel": "frozen kernel",
    "artist": "artist's mean",
    "shuffled": "shuffled sound",
}
_PARTS = {
    "tuned": "fine-tuning",
    "stereo": "the stereo image",
    "timbre": "timbre",
    "rhythm": "rhythm",
    "harmony": "harmony",
}


def summarize(tracks: Tracks, listeners: list[Listener], result: RunResult, changed: int) -> Iterator[str]:
    """Yield the lines to print after a run that changed `changed` items of the library."""
    yield f"Analysed {counted(result.decoded, 'new track')}; {len(result.analysed)} of {len(tracks)} are analysed."
    if result.described:
        yield f"Computed audio descriptors of {counted(result.described, 'track')} analysed before."
    if result.problems:
        yield f"Skipped {counted(len(result.problems), 'file')} that cannot be analysed (named above)."
    if result.old_problems:
        yield (
            f"Passed over {counted(len(result.old_problems), 'file')} that could not be analysed before, unchanged "
            "since (`beet -v cfembed` names them, `beet cfembed -f` tries again)."
        )
    model = result.model
    if model is None or not len(result.analysed):
        return
    for listener in listeners:
        if listener.name not in model.info.trained_listeners:
            yield _too_few(listener, result)
    if result.fitted:
        if result.outdated:
            yield "Fitted again from the features that are kept: the model was made by an earlier version."
        yield from _training(model)
        if result.drift is not None:
            yield f"Trained again: {result.drift.what} since the last training."
    elif result.drift is not None:
        as_plays = f" (a like is {FEEDBACK_PLAYS:.0f})" if any(one.feedback.any() for one in listeners) else ""
        yield (
            f"Folded {counted(result.drift.n_plays, 'play')}{as_plays} into model {model.id} since it was trained: "
            f"{result.drift.what} (at {REFIT_SHARE:.0%}, or with --retrain, it is trained again)."
        )
    if result.embeddings is None and not changed:
        yield f"Nothing new since the last run (model {model.id})."
    else:
        yield f"Updated {counted(changed, 'track')} (model {model.id})."


def _too_few(listener: Listener, result: RunResult) -> str:
    known = counted(int(listener.known[result.analysed].sum()), "track")
    played = listener.played[result.analysed].any()
    instead = "scores are likeness in sound to those you play" if played else "so there are no scores"
    return (
        f"{listener.name}: {known} played or skipped, fewer than the {MIN_KNOWN_TRACKS} that training needs; {instead}."
    )


def _training(model: HybridModel) -> Iterator[str]:
    """Describe what a model was trained on, and how well it does on tracks held out of training."""
    info, figures = model.info, evaluate_held_out(model)
    for one in figures:
        with_tags = f", {one.by_audio_and_tags:.0%} with artist, album and genre" if model.tag_effects.labels else ""
        yield (
            f"{one.listener}: trained on {one.tracks} tracks. Of two of them held out of training, it tells which is "
            f"played more in {one.by_audio:.0%} of pairs by sound alone{with_tags} (chance 50%)."
        )
    yield from _table(model, figures)
    yield from _worth_of_parts(model)
    if not info.trained_listeners:
        return
    if info.settings.factorizer == NO_FACTORIZER:
        yield "No factors (`factorizer: none`): embeddings are likeness in sound and in how much is played."
        return
    sources = {
        f"{info.n_listens} listens in {info.n_sessions} sessions": info.n_sessions,
        f"{info.n_counted} runs between which counts grew": info.n_counted,
        f"{info.n_playlists} playlists": info.n_playlists,
        f"{info.n_contexts} albums, artists and genres": info.n_contexts,
    }
    listed = " and from ".join(source for source, number in sources.items() if number)
    if info.n_sessions or info.n_counted:
        yield f"Factors come from {listed}."
    elif listed:
        yield (
            f"Factors come from {listed}: counts do not tell what was played together; "
            "listening sessions would tell more (`beet cfimport`)."
        )
    else:
        yield "No played tracks share an album, artist or genre: embeddings are likeness in sound."


def _worth_of_parts(model: HybridModel) -> Iterator[str]:
    """Say what each part of the representation takes off the error for artists that were held out."""
    errors = model.info.part_errors
    enough = model.snapshot.n_tracks >= MIN_ADAPTER_TRACKS
    if model.info.settings.net.fine_tune == "auto" and enough and not model.feature_space.adapter.width:
        why = "torch cannot be loaded, or ran out of memory" if find_spec("torch") else "there is no torch here"
        yield f"No fine-tuning: {why}, so the net's features are used as they are."
    if "chosen" in errors:
        without = ", ".join(f"{error:.1%} without {_PARTS[name]}" for name, error in errors.items() if name in _PARTS)
        yield (
            f"Preferences for artists held out are predicted with {errors['chosen']:.1%} of the error of a constant: "
            f"{without}."
        )


def _table(model: HybridModel, figures: list[HeldOut]) -> Iterator[str]:
    """Compare the model with simpler means, for each listener, where albums are held out as a whole."""
    systems = [name for name in _SYSTEMS if figures and name in figures[0].baselines]
    if not systems:
        return
    whole = {"artists": "where whole artists are held out, ", "albums": "where whole albums are held out, "}
    yield f"The same {whole.get(model.info.held_out_by, '')}against simpler means:"
    width = max(len(one.listener) for one in figures)
    yield "  " + " " * width + "".join(f"  {_SYSTEMS[name]}" for name in systems)
    for one in figures:
        shares = (f"  {one.baselines[name]:>{len(_SYSTEMS[name])}.0%}" for name in systems)
        yield f"  {one.listener:{width}}" + "".join(shares)
    net = model.info.settings.net
    if "net" not in systems:
        if net.fine_tune not in {"auto", "none"}:
            yield f"Fewer than {net.min_tracks} played tracks could be decoded again: no net was trained."
        return
    for one in figures:
        weight = one.net_weight
        worth = f"adds to the frozen one, with a weight of {weight:.2f}" if weight else "adds nothing, and has no say"
        yield f"{one.listener}: the trained net {worth}."
