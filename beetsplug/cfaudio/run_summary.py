"""Summary of a run of `cfembed`, in words: what every user needs, and the details for `beet -v`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from cfaudio_core.util.optional import LOSSES, has_package, missing_packages

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
_HARDLY_BETTER = 0.55  # share of pairs up to which nobody would speak of a success
_MAX_FIELDS = 3  # that are named


def summarize(
    tracks: Tracks,
    listeners: list[Listener],
    result: RunResult,
    changed: int,
    fields: Sequence[str],
    *,
    asked: bool = False,
) -> Iterator[str]:
    """Yield the lines to print after a run that changed `changed` items of the library.

    `fields` are the count fields that were looked for; `asked` says whether the user asked for training.
    """
    if missing := missing_packages():
        yield f"Not installed: {', '.join(f'{name} ({LOSSES[name]})' for name in missing)}."
    yield f"Analysed {counted(result.decoded, 'new track')} ({len(result.analysed)} of {len(tracks)} done)."
    if result.described:
        yield f"Measured tempo, key and timbre of {counted(result.described, 'track')} analysed before."
    if result.verified:
        yield f"Read {counted(result.verified, 'changed file')} again: {result.replaced} of other audio than before."
    if result.problems:
        yield f"Skipped {counted(len(result.problems), 'file')} that cannot be analysed (named above)."
    if result.old_problems:
        yield (
            f"Skipped {counted(len(result.old_problems), 'file')} that could not be analysed before "
            "(`beet -v cfembed` names them, `beet cfembed -f` tries again)."
        )
    model = result.model
    if model is None or not len(result.analysed):
        return
    for listener in listeners:
        if listener.name not in model.info.trained_listeners:
            yield _too_few(listener, result, fields, others=len(listeners) > 1)
    if result.fitted:
        if asked:
            yield "Retrained, as you asked."
        elif result.outdated:
            yield "Retrained: the model was made by an earlier version."
        elif result.drift is not None:
            yield f"Retrained: {result.drift.what}."
        for one in evaluate_held_out(model):
            yield from _figures(model, one, f"{one.listener}: " if len(listeners) > 1 else "")
        if _lacks_fine_tuning(model) and has_package("torch"):
            yield "No fine-tuning: torch cannot be loaded, or ran out of memory; the net's features stay as they are."
    elif result.drift is not None and result.drift.n_plays > 0:
        as_plays = f" (a like counts as {FEEDBACK_PLAYS:.0f})" if any(one.feedback.any() for one in listeners) else ""
        yield f"Scores updated with {counted(result.drift.n_plays, 'new play')}{as_plays}."
    if result.embeddings is None and not changed:
        yield f"Nothing new since the last run (model {model.id})."
    else:
        yield f"Updated {counted(changed, 'track')} (model {model.id})."


def _too_few(listener: Listener, result: RunResult, fields: Sequence[str], *, others: bool) -> str:
    """Say why there are no scores, or only such as go by likeness."""
    who = f"{listener.name}: " if others else ""
    if not listener.known.any():
        named = ", ".join([*fields[:_MAX_FIELDS], *["..."] * (len(fields) > _MAX_FIELDS)])
        where = f" (looked at {named})" if fields else ""
        return (
            f"{who}No plays found{where}, so no scores yet. `similar:` and `beet cfrecommend --like` work already. "
            "Next: import a history (`beet cfimport`), or let a player count (mpdstats does)."
        )
    known = counted(int(listener.known[result.analysed].sum()), "track")
    instead = (
        "scores go by likeness in sound to what is played"
        if listener.played[result.analysed].any()
        else "there are none"
    )
    return f"{who}Only {known} played or skipped; training needs {MIN_KNOWN_TRACKS}. Until then {instead}."


def _figures(model: HybridModel, one: HeldOut, who: str) -> Iterator[str]:
    """Say how well a model does on tracks, and on artists or albums, that were held out of its training."""
    best, sound = one.by_audio_and_tags, ""
    if model.tag_effects.labels:
        sound = f"by sound alone {one.by_audio:.0%}, "
    else:
        best = one.by_audio
    whose = "you play" if not who else "is played"
    yield (
        f"{who}Trained on {one.tracks} played tracks. Tested on tracks it had not seen, it picks the one that {whose} "
        f"more {best:.0%} of the time ({sound}guessing 50%)."
    )
    if "model" in one.baselines and model.info.held_out_by != "tracks":
        share = one.baselines["model"]
        better = ", no better than guessing" if share < _HARDLY_BETTER else ""
        yield f"{who}On whole {model.info.held_out_by} it had not seen: {share:.0%}{better}."


def _lacks_fine_tuning(model: HybridModel) -> bool:
    enough = model.snapshot.n_tracks >= MIN_ADAPTER_TRACKS
    return model.info.settings.net.fine_tune == "auto" and enough and not model.feature_space.adapter.width


def details(result: RunResult) -> Iterator[str]:
    """Yield what each part of a new model is worth, what it was trained on, and how far an older one has drifted."""
    model = result.model
    if model is None:
        return
    if not result.fitted:
        if result.drift is not None:
            yield (
                f"Since model {model.id} was trained, {result.drift.what}; at {REFIT_SHARE:.0%}, or with --retrain, "
                "it is trained again."
            )
        return
    info = model.info
    yield from _table(model, evaluate_held_out(model))
    if "chosen" in info.part_errors:
        without = (f"{error:.1%} without {_PARTS[name]}" for name, error in info.part_errors.items() if name in _PARTS)
        yield (
            f"Preferences for artists held out are predicted with {info.part_errors['chosen']:.1%} of the error of a "
            f"constant: {', '.join(without)}."
        )
    if not info.trained_listeners:
        return
    if info.settings.factorizer == NO_FACTORIZER:
        yield "No factors (`factorizer: none`): embeddings are likeness in sound and in how much is played."
        return
    sources = {
        f"{counted(info.n_listens, 'listen')} in {counted(info.n_sessions, 'session')}": info.n_sessions,
        f"{info.n_counted} runs between which counts grew": info.n_counted,
        counted(info.n_playlists, "playlist"): info.n_playlists,
        f"{info.n_contexts} albums, artists and genres": info.n_contexts,
    }
    listed = " and from ".join(source for source, number in sources.items() if number)
    if info.n_sessions or info.n_counted:
        yield f"Factors come from {listed}."
    elif listed:
        yield f"Factors come from {listed}. A listening history adds what was played together (`beet cfimport`)."
    else:
        yield "No played tracks share an album, artist or genre: embeddings are likeness in sound."


def _table(model: HybridModel, figures: list[HeldOut]) -> Iterator[str]:
    """Compare the model with simpler means, for each listener, where albums are held out as a whole."""
    systems = [name for name in _SYSTEMS if figures and name in figures[0].baselines]
    if not systems:
        return
    whole = {"artists": "on whole artists it had not seen, ", "albums": "on whole albums it had not seen, "}
    yield f"The same {whole.get(model.info.held_out_by, '')}beside simpler recommenders:"
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
        worth = f"adds to the frozen one, with a weight of {weight:.2f}" if weight else "adds nothing, and is not used"
        yield f"{one.listener}: the trained net {worth}."
