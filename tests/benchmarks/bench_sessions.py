"""Next track and next month on six people's public listening histories: ours beside the baselines, in one run.

    bench_sessions.py --data FOLDER [--people NAME,...]

Next track: the last fifth of a person's sessions is the test. Of the tracks of a session that were played before, at
least four, the first half is given and the rest is to be found. All is fitted to the sessions before the test; only
decayed counts, and the last days that are folded in with a session, go up to each session's beginning. In "other
artists" both targets and candidates are by artists that the given half does not have, so that tags say nothing.
NDCG@20.

"cfaudio" is the product's ranker, with the latent factors that the plugin fits by default as vectors, since there is no
audio: one setting for all targets and for those by other artists, its usual weights, or those that it chooses by a
person's own earlier sessions. Every other row's settings are the same for everybody and chosen on the sessions between
60 % and 80 %, for each kind of target alone, never on the test; the product's usual weights were chosen on these too.
ALS is that of `implicit`, where it is installed.

Next month: four times in the test, of the tracks played before those that are played in the next 30 days; and of those
not played in the last 60 days, those that come again.

FOLDER holds the histories; `histories.py` says which file comes from where.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from histories import PEOPLE, Person, read_person
from scipy import sparse

from cfaudio_core.data.interactions import ROW_WEIGHTS, Interactions, gather_interactions
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.sessions import Sessions, session_halves
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.factorization.wmf import WmfSettings, factorize, fold_in
from cfaudio_core.models.latent_factors import LatentFactors
from cfaudio_core.models.training_snapshot import TrainingSettings
from cfaudio_core.ranking.next_month import ndcg, next_month
from cfaudio_core.ranking.session import DEFAULT_WEIGHTS, SessionRanker
from cfaudio_core.ranking.session_weights import choose_weights
from cfaudio_core.ranking.taste import decayed_counts, familiarity

DAY, K, FEWEST = 86_400, 20, 4
MOST_TESTED, MOST_TRIED = 800, 150


class Half(NamedTuple):
    """Tracks of the first half of a session and of the rest, and when it began."""

    given: np.ndarray
    rest: np.ndarray
    time: int


class Split(NamedTuple):
    """What is known at a point of time, and the sessions after it; contexts x tracks are the sessions before."""

    person: Person
    before: Sessions
    rows: sparse.csr_array
    plays: np.ndarray
    tasks: list[Half]


def split(person: Person, begin: float, end: float, most: int) -> Split:
    """Sessions up to the share `begin` are known, those up to `end` are tasks, `most` of them."""
    sessions, n = person.sessions, len(person.artist)
    first, last = int(begin * len(sessions)), int(end * len(sessions))
    before = sessions.select(sessions.session < first)
    plays = before.plays(n)
    tasks = [
        Half(given, rest, int(sessions.time[np.searchsorted(sessions.session, number)]))
        for number, given, rest in session_halves(sessions, first, last, FEWEST, plays > 0)
    ]
    rows = sparse.csr_array((np.ones(len(before.track), np.float32), (before.session, before.track)), shape=(first, n))
    chosen = np.linspace(0, len(tasks) - 1, min(len(tasks), most)).round().astype(int)
    return Split(person, before, rows, plays, [tasks[i] for i in chosen])


Scores = np.ndarray  # float (tasks, tracks)


def popularity(known: Split) -> Scores:
    return np.tile(np.log1p(known.plays), (len(known.tasks), 1)).astype(np.float32)


def decayed(known: Split, half_life: float = 30) -> Scores:
    """log(1 + plays), each play halved every so many days, up to each session's beginning."""
    sessions = known.person.sessions
    scores = []
    for task in known.tasks:
        old = sessions.time < task.time
        weight = 0.5 ** ((task.time - sessions.time[old]) / (half_life * DAY))
        scores.append(np.log1p(np.bincount(sessions.track[old], weight, minlength=len(known.plays))))
    return np.array(scores, np.float32)


def metadata(known: Split, album: float = 2.0, artist: float = 1.0, popular: float = 0.5) -> Scores:
    """Same album, same artist, and popularity."""
    person = known.person
    popularity_part = popular * np.log1p(known.plays) / np.log1p(known.plays.max())
    scores = []
    for task in known.tasks:
        same_album = np.isin(person.album, person.album[task.given]) & (person.album >= 0)
        scores.append(popularity_part + album * same_album + artist * np.isin(person.artist, person.artist[task.given]))
    return np.array(scores, np.float32)


def session_neighbours(known: Split, neighbours: int = 100) -> Scores:
    """The tracks of the sessions most like the given half, by cosine."""
    rows = known.rows.copy()
    rows.data[:] = 1
    size = np.sqrt(np.diff(rows.indptr))
    scores = []
    for given in _given(known):
        likeness = np.asarray(rows @ given) / np.maximum(size * np.sqrt(given.sum()), 1e-9)
        near = np.argsort(-likeness, kind="stable")[:neighbours]
        scores.append(np.asarray(rows[near].T @ likeness[near]))
    return np.array(scores, np.float32)


def item_neighbours(known: Split, shrink: float = 5) -> Scores:
    """Mean cosine of session vectors, shrunk."""
    rows = known.rows.copy()
    rows.data[:] = 1
    times = np.asarray(rows.sum(axis=0)).ravel()
    scores = []
    for given in _given(known):
        at = np.flatnonzero(given)
        shared = (rows.T @ rows[:, at]).toarray()
        shared[at, np.arange(len(at))] = 0
        scores.append((shared / (np.sqrt(np.outer(times, times[at])) + shrink)).sum(axis=1))
    return np.array(scores, np.float32)


class Rows(NamedTuple):
    """How much an album's and an artist's row weigh beside a session's, which loses half of its weight in a year."""

    album: float
    artist: float
    half_life: float = 365
    least: float = 0.1  # what is left of a session's weight in the end


def _gathered(known: Split, rows: Rows) -> tuple[Tracks, Listener, Interactions]:
    """Contexts as the plugin gathers them, and what of; without an artist's or album's where these weigh nothing."""
    person, n = known.person, len(known.plays)
    names = [""] * n
    tracks = Tracks(
        ids=np.arange(n),
        paths=[b""] * n,
        keys=[str(i) for i in range(n)],
        artists=[str(a) for a in person.artist] if rows.artist else names,
        albums=[str(a) if a >= 0 else "" for a in person.album] if rows.album else names,
        genres=[()] * n,
        models=names,
        titles=names,
        album_titles=names,
        albumartists=names,
        recording_mbids=names,
        track_mbids=names,
        lengths=np.zeros(n, np.float32),
        playlists=[()] * n,
    )
    listener = Listener("me", known.plays.astype(np.float32), np.zeros(n, np.float32), known.before)
    return tracks, listener, gather_interactions(tracks, [listener])


def _contexts(known: Split, rows: Rows) -> sparse.csr_array:
    """Contexts as the plugin gathers them, weighted."""
    contexts = _gathered(known, rows)[2]
    kinds = np.array(contexts.kinds)
    weight = np.ones(len(kinds), np.float32)
    for kind, own in (("album", rows.album), ("artist", rows.artist)):
        weight[kinds == kind] = own / ROW_WEIGHTS[kind]
    joined = np.diff(known.rows.indptr) >= 2  # as in `contexts.session_rows`
    times = known.before.time[np.searchsorted(known.before.session, np.flatnonzero(joined))]
    age = (known.before.time.max() - times) / DAY
    weight[kinds == "session"] = rows.least + (1 - rows.least) * 0.5 ** (age / rows.half_life)
    return sparse.csr_array(sparse.diags_array(weight) @ contexts.matrix, dtype=np.float32)


def default_vectors(known: Split) -> np.ndarray:
    """The latent factors of the tracks played before, float32 (n, 40), as `cfembed` fits them."""
    tracks, _, contexts = _gathered(known, Rows(1, 1))
    fitted = LatentFactors.fit(tracks.keys, contexts, np.flatnonzero(known.plays), TrainingSettings())
    rows = fitted.known_rows(tracks.keys)
    return np.where(rows[:, None] >= 0, fitted.directions[rows], np.float32(0))


def next_tracks(known: Split, vectors: np.ndarray, weights: np.ndarray) -> Scores:
    """The product's ranker."""
    person = known.person
    counts, first = np.log1p(known.plays).astype(np.float32), len(known.before)
    ranker = SessionRanker.of(person.sessions, counts, person.artist + 1, person.album + 1, vectors, first)
    return np.array([ranker.score(task.given, task.time, weights) for task in known.tasks])


def factors(known: Split, settings: WmfSettings, rows: Rows) -> Scores:
    """Our factorisation; a session to complete is folded in."""
    found = factorize(_contexts(known, rows), settings, np.random.default_rng(0))
    given = np.log1p(np.array(_given(known)))
    return fold_in(sparse.csr_array(given, dtype=np.float32), found, settings) @ found.tracks.T


def als(known: Split, size: int, alpha: float, regularisation: float) -> Scores:
    """implicit's ALS of the sessions, C = 1 + alpha log(1 + plays)."""
    from implicit.als import AlternatingLeastSquares

    rows = known.rows.copy()
    rows.sum_duplicates()
    rows.data = 1 + alpha * np.log1p(rows.data)
    given = sparse.csr_matrix(np.array(_given(known)) * np.float32(1 + alpha * np.log(2)))
    model = AlternatingLeastSquares(size, regularization=regularisation, alpha=1, num_threads=1, random_state=0)
    model.fit(sparse.csr_matrix(rows[np.diff(rows.indptr) >= 2], dtype=np.float32), show_progress=False)
    return np.asarray(model.recalculate_user(np.arange(len(known.tasks)), given) @ model.item_factors.T)


def _given(known: Split) -> list[np.ndarray]:
    rows = np.zeros((len(known.tasks), len(known.plays)), np.float32)
    for row, task in zip(rows, known.tasks, strict=True):
        row[task.given] = 1
    return list(rows)


def completed(known: Split, scores: Scores, other: bool) -> float:
    """Mean NDCG@20 over the tasks that have a target left."""
    artist, values = known.person.artist, []
    gain = 1 / np.log2(np.arange(2, K + 2))
    for task, row in zip(known.tasks, scores, strict=True):
        candidate = known.plays > 0
        candidate[task.given] = False
        if other:
            candidate &= ~np.isin(artist, artist[task.given])
        wanted = task.rest[candidate[task.rest]]
        if len(wanted):
            among = np.flatnonzero(candidate)
            top = np.argpartition(-row[among], min(K, len(among)) - 1)[:K]
            best = among[top[np.argsort(-row[among[top]], kind="stable")]]
            hits = np.isin(best, wanted)
            values.append(float(gain[: len(best)][hits].sum() / gain[: min(len(wanted), K)].sum()))
    return float(np.mean(values)) if values else float("nan")


def standard(known: Split, scores: Scores) -> Scores:
    """Each task's scores with mean 0 and variance 1 over the tracks ever played."""
    inside = scores[:, known.plays > 0]
    spread = np.maximum(inside.std(axis=1, keepdims=True), 1e-9)
    return (scores - inside.mean(axis=1, keepdims=True)) / spread


Part = tuple[Any, ...]  # a model and its settings
Mix = tuple[tuple[float, Part], ...]  # parts and their weights


class Made:
    """Standardised scores of one split; each part is made once."""

    def __init__(self, known: Split) -> None:
        self.known = known
        self._scores: dict[Part, Scores] = {}

    def part(self, part: Part) -> Scores:
        if part not in self._scores:
            model, *settings = part
            self._scores[part] = standard(self.known, model(self.known, *settings)).astype(np.float32)
        return self._scores[part]

    def mix(self, mix: Mix) -> Scores:
        return np.asarray(sum(weight * self.part(part) for weight, part in mix))


def alone(model: Callable[..., Scores], *settings: float) -> list[Mix]:
    """A model, at each of some settings."""
    return [((1.0, (model, one)),) for one in settings] or [((1.0, (model,)),)]


def with_metadata(mixes: Sequence[Mix]) -> list[Mix]:
    """Each mix of one part, added to the metadata with different weights."""
    return [((1.0, (metadata,)), (w, part)) for ((_, part),) in mixes for w in (0.3, 0.6, 1.0, 1.5, 2.5, 5.0)]


ALS = {
    size: [((1.0, (als, size, alpha, reg)),) for alpha, reg in itertools.product((10, 30, 100, 300), (20, 60, 200))]
    for size in (64, 128)
}
OURS = WmfSettings(128, unobserved=0.02, regularisation=0.01)
ROWS = (Rows(0, 0), Rows(0.5, 0), Rows(1, 0.25))
FACTORS = [
    ((1.0, (factors, replace(OURS, unobserved=unobserved), rows)),)
    for unobserved, rows in itertools.product((0.01, 0.02), ROWS)
]
REFERENCES: dict[str, list[Mix]] = {
    "popularity": alone(popularity),
    "decayed counts": alone(decayed, 3, 7, 14, 30, 60, 120),
    "metadata": alone(metadata),
    "session neighbours": alone(session_neighbours, 20, 50, 100, 200, 500),
    "item neighbours": alone(item_neighbours, 1, 2, 5, 20, 100),
}
if find_spec("implicit"):
    REFERENCES |= {
        "ALS 64": ALS[64],
        "ALS 128": ALS[128],
        "metadata + ALS 64": with_metadata(ALS[64]),
        "metadata + ALS 128": with_metadata(ALS[128]),
        "metadata + ALS 128 + 0.3 decayed counts": [
            (*mix, (0.3, (decayed, days))) for mix in with_metadata(ALS[128]) for days in (7, 30)
        ],
    }
CHOICES = {**REFERENCES, "factors": FACTORS, "metadata + factors": with_metadata(FACTORS)}


def choose(people: Iterable[Person]) -> dict[tuple[str, bool], Mix]:
    """The mix of each row, for all targets and for those by other artists, by the sessions before the test."""
    values: dict[tuple[Mix, bool], list[float]] = {}
    for person in people:
        made = Made(split(person, 0.6, 0.8, MOST_TRIED))
        for mix, other in itertools.product(itertools.chain(*CHOICES.values()), (False, True)):
            values.setdefault((mix, other), []).append(completed(made.known, made.mix(mix), other))
    return {
        (name, other): max(mixes, key=lambda mix: float(np.mean(values[mix, other])))
        for other in (False, True)
        for name, mixes in CHOICES.items()
    }


def months(known: Split, vectors: np.ndarray) -> Iterator[tuple[str, list[float]]]:
    """NDCG@100 of decayed counts and of the product for four months of the test: all that comes, what comes again."""
    sessions, n = known.person.sessions, len(known.plays)
    for share in (0.8, 0.85, 0.9, 0.95):
        cut = int(sessions.time[np.searchsorted(sessions.session, int(share * len(sessions)))])
        old = sessions.select(sessions.time < cut)
        listener = Listener("me", old.plays(n).astype(np.float32), np.zeros(n, np.float32), old)
        last = old.last_played(n)
        came = np.isin(np.arange(n), sessions.track[(sessions.time >= cut) & (sessions.time < cut + 30 * DAY)])
        for name, scores in (
            ("decayed counts", familiarity(*decayed_counts(listener, last))),
            ("cfaudio", next_month(listener, last, known.person.artist + 1, vectors)),
        ):
            asked = (listener.played, listener.played & (last < cut - 60 * DAY))
            yield name, [ndcg(scores[at], came[at], 100) if came[at].sum() >= 5 else float("nan") for at in asked]


def named(mix: Mix) -> str:
    return " + ".join(f"{weight:g} {part[0].__name__}{part[1:] or ''}" for weight, part in mix)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--people", default=",".join(PEOPLE))
    options = parser.parse_args(arguments)
    people = {name: read_person(PEOPLE[name](options.data)) for name in options.people.split(",")}
    chosen = choose(people.values())
    for (name, other), mix in chosen.items():
        print(f"{name}, {'other artists' if other else 'all targets'}: {named(mix)}", flush=True)
    table: dict[tuple[str, bool], list[float]] = {}
    of_month: dict[str, list[np.ndarray]] = {}
    for name, person in people.items():
        made = Made(split(person, 0.8, 1.0, MOST_TESTED))
        plays, sessions = len(person.sessions.track), len(person.sessions)
        tested = len(made.known.tasks)
        print(
            f"{name}: {plays} plays of {len(person.artist)} tracks in {sessions} sessions, {tested} tested", flush=True
        )
        for (row, other), mix in chosen.items():
            table.setdefault((row, other), []).append(completed(made.known, made.mix(mix), other))
        vectors = default_vectors(made.known)
        own = choose_weights(made.known.before, person.artist + 1, person.album + 1)
        print(f"{name}: {', '.join(f'{weight:.2f}' for weight in own)}", flush=True)
        for row, weights in (("cfaudio, usual weights", DEFAULT_WEIGHTS), ("cfaudio", own)):
            scores = next_tracks(made.known, vectors, weights)
            for other in (False, True):
                table.setdefault((row, other), []).append(completed(made.known, scores, other))
        rows: dict[str, list[list[float]]] = {}
        for row, values in months(made.known, vectors):
            rows.setdefault(row, []).append(values)
        for row, several in rows.items():
            of_month.setdefault(row, []).append(np.nanmean(several, axis=0))
    print("\n| next month, NDCG@100 | all | not played for 60 days |\n|---|---|---|")
    for row, means in of_month.items():
        print(f"| {row} | {' | '.join(f'{value:.3f}' for value in np.nanmean(means, axis=0))} |")
    for other in (False, True):
        best = max(REFERENCES, key=lambda row: float(np.mean(table[row, other])))
        print(f"\n| {'other artists' if other else 'all targets'}, NDCG@{K} | mean | {' | '.join(people)} |")
        print(f"|{'---|' * (len(people) + 2)}")
        for (row, of_other), values in table.items():
            if of_other == other:
                mark = " (best reference)" if row == best else ""
                print(f"| {row}{mark} | {np.mean(values):.3f} | {' | '.join(f'{value:.3f}' for value in values)} |")


if __name__ == "__main__":
    main()
