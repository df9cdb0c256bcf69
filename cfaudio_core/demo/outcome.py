"""The outcome in words: why each track fits, and how well the never played ones are ranked, beside chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import comb

from cfaudio_core.demo.library import Pick, Song
from cfaudio_core.demo.listener import History
from cfaudio_core.report.listing import Row, why

_HARDLY_BETTER = 0.6
"""Share of pairs in the right order up to which nobody would speak of a success."""


def introduction(songs: Sequence[Song], history: History) -> str:
    """Tell what is in the library, and what the listener loves and has listened to."""
    known = history.known()
    artists = {song.artist for song in songs if song.id in known}
    new = {song.artist for song in songs if song.artist} - artists
    skips = sum(skipped for _, _, skipped in history.starts)
    months = max(round((history.starts[-1][1] - history.starts[0][1]) / (86400 * 30.4)), 1)
    text = (
        f"Imported {len(songs)} tracks. {_count(months, 'month')} of listening, by somebody who loves "
        f"{listed(history.loved)}: {len(known)} tracks in {len(history.starts)} listens, {skips} of them cut short. "
        f"{len(songs) - len(known)} tracks were never played"
    )
    return f"{text}, among them all of {_count(len(new), 'artist')}." if new else f"{text}."


def listed(names: Sequence[str]) -> str:
    """Join names as in a sentence; of many, only the first."""
    if len(names) > 6:
        names = [*names[:5], f"{len(names) - 5} more"]
    return " and ".join([", ".join(names[:-1])] * (len(names) > 1) + list(names[-1:]))


def listing(picks: Sequence[Pick], songs: Sequence[Song]) -> list[Row]:
    """Make the rows of the table that `beet cfrecommend` prints on a terminal."""
    by_id = {song.id: song for song in songs}
    rows = [(pick, by_id[pick.id]) for pick in picks]
    return [
        Row(song.artist, song.title, pick.plays, pick.score, why(song.artist, pick.near, pick.by_sound), song.length)
        for pick, song in rows
    ]


def groups(picks: Sequence[Pick], songs: Sequence[Song], history: History) -> str:
    """Count the recommended songs by what the listener loves or does not: genres, artists or albums."""
    by_id = {song.id: song for song in songs}
    found = Counter(history.group(by_id[pick.id]) or "?" for pick in picks)
    named = [f"{n} of {name}{' (loved)' if name in history.loved else ''}" for name, n in found.most_common()]
    return f"By {history.kind}: {listed(named)}."


def summary(picks: Sequence[Pick], songs: Sequence[Song], history: History) -> str:
    """Count the never played picks that the listener would love, and how many chance would give."""
    known, chosen = history.known(), {pick.id for pick in picks}
    unplayed = [song for song in songs if song.id not in known]
    fresh = [song for song in unplayed if song.id in chosen]
    if not fresh:
        return "Nothing was recommended that was never played, so there is nothing to compare with chance."
    right = sum(map(history.loves, fresh))
    lovable = sum(map(history.loves, unplayed))
    luck = chance_of(right, len(fresh), lovable, len(unplayed))
    return (
        f"Of {len(fresh)} recommended tracks that were never played, {right} {'is' if right == 1 else 'are'} of "
        f"{_a(history.kind)} the listener loves. {len(fresh)} drawn at random from the {len(unplayed)} never played "
        f"would have {len(fresh) * lovable / len(unplayed):.1f}, and do as well or better {_odds(luck)}."
    )


def ranking(songs: Sequence[Song], history: History) -> str:
    """Tell how well the scores rank the never played tracks, and those by artists never played; "" if that is moot."""
    known = history.known()
    artists = {song.artist for song in songs if song.id in known}
    unplayed = [song for song in songs if song.id not in known]
    new = [song for song in unplayed if song.artist not in artists]
    share = share_in_order(unplayed, history)
    if share is None:
        return ""
    text = (
        f"Of two tracks never played, one loved and one not, cf_score is higher for the loved one in {_cut(share)} of "
        f"all pairs among {len(unplayed)} (chance 50%)"
    )
    by_sound = share_in_order(new, history)
    if by_sound is not None and new[0].artist:
        text += f", and in {_cut(by_sound)} among the {len(new)} by artists never played at all"
    worst = min(one for one in (share, by_sound) if one is not None)
    if worst < _HARDLY_BETTER:
        return f"{text}. {worst:.0%} is {'no' if worst <= 0.5 else 'hardly'} better than chance."
    return f"{text}."


def share_in_order(songs: Sequence[Song], history: History) -> float | None:
    """Share of the pairs of a loved and another song in which the loved one scores higher, ties half; None: no pair."""
    scored = [(song.score, history.loves(song)) for song in songs if song.score is not None]
    loved = [score for score, loves in scored if loves]
    others = [score for score, loves in scored if not loves]
    if not loved or not others:
        return None
    return sum((a > b) + (a == b) / 2 for a in loved for b in others) / (len(loved) * len(others))


def chance_of(right: int, drawn: int, lovable: int, total: int) -> float:
    """Probability that of `drawn` out of `total` at least `right` are among the `lovable`."""
    hits = range(right, min(drawn, lovable) + 1)
    return sum(comb(lovable, k) * comb(total - lovable, drawn - k) for k in hits) / comb(total, drawn)


def _odds(probability: float) -> str:
    if probability > 0.999:
        return "always"
    if probability < 0.015:
        return f"1 time in {1 / probability:,.0f}"
    return f"{100 * probability:.0f} times in 100"


def _cut(share: float) -> str:
    """Percent, rounded down, so that no pair in the wrong order goes under."""
    return f"{int(100 * share + 1e-9)}%"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _a(kind: str) -> str:
    return {"genre": "a genre", "artist": "an artist", "album": "an album"}[kind]
