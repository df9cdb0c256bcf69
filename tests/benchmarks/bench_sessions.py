"""Session completion on six people's public listening histories: ours beside the baselines, in one run.

    bench_sessions.py --data FOLDER [--people NAME,...]

The last fifth of a person's sessions is the test. Of the tracks of a session that were heard before, at least four,
the first half is given and the rest is to be found. Everything is learnt from the sessions before; only decayed counts
are kept up to each session's beginning. In "other artists" both targets and candidates are by artists that the given
half does not have, so that tags say nothing. NDCG@20. Ours adds up what tags, factors, neighbours and the last weeks
say; the weights are the same for everybody, and chosen on the sessions between 60 % and 80 %, never on the test.

FOLDER holds, fetched from public repositories (they state no licence but the first, so they are not in this one):
    music-stats/*.json          music-stats/timeline @ b1e2647, data/years
    spacedlevo.db               spacedlevo/lastfm-analysis @ 75d7cae7, data/lastfmscrobbles.backup
    krish.csv                   krishkumar/lastfm-listening-history @ 97f93ba3, data/lastfm_scrobbles.csv
    zsteve.csv                  zsteve/metal-listening-analysis @ 2c067d23, scrobbles.csv
    djivs.csv                   Djivs/lastfmprostats @ 4361d4da, scrobbles.csv
    lukas_spotify/*.json        lukaszamora/spotify-history @ 4a8f7790, StreamingHistory0-3.json
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from cfaudio_core.factors.contexts import gather
from cfaudio_core.factors.wmf import WmfSettings, factorize, fold_in
from cfaudio_core.listening.counts import Listener
from cfaudio_core.listening.names import album_key, artist_key, title_key
from cfaudio_core.listening.sessions import UNKNOWN_LENGTH, Listens, Sessions, find_sessions
from cfaudio_core.tracks import Tracks

Play = tuple[float, str, str, str]  # time, artist, title, album
GAP = 1800 - UNKNOWN_LENGTH  # 30 minutes between two beginnings, as nobody's lengths are known
DAY, K, FEWEST = 86_400, 20, 4
MOST_TESTED, MOST_TRIED = 800, 150


def _utc(text: str, form: str) -> float:
    return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()


def _music_stats(folder: Path) -> Iterator[Play]:
    for file in sorted((folder / "music-stats").glob("*.json")):
        for row in json.loads(file.read_text()):
            yield _utc(row["date"], "%Y-%m-%d %H:%M"), row["artist"]["name"], row["track"]["name"], row["album"]["name"]


def _spacedlevo(folder: Path) -> Iterator[Play]:
    query = (
        "SELECT l.timestamp, a.name, t.name, b.name FROM listens l JOIN tracks t ON t.id = l.track_id "
        "JOIN artists a ON a.id = t.artist_id LEFT JOIN albums b ON b.id = t.album_id"
    )
    with sqlite3.connect(f"file:{folder / 'spacedlevo.db'}?mode=ro", uri=True) as db:
        yield from ((float(time), artist, title, album or "") for time, artist, title, album in db.execute(query))


def _csv(name: str, time: Callable[[dict[str, str]], float]) -> Callable[[Path], Iterator[Play]]:
    def read(folder: Path) -> Iterator[Play]:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield time(row), row["artist"], row["track"], row["album"]

    return read


def _lukas(folder: Path) -> Iterator[Play]:
    for file in sorted((folder / "lukas_spotify").glob("*.json")):
        for row in json.loads(file.read_text()):
            if row["msPlayed"] >= 30_000:
                time = _utc(row["endTime"], "%Y-%m-%d %H:%M") - row["msPlayed"] / 1000
                yield time, row["artistName"], row["trackName"], ""


PEOPLE: dict[str, Callable[[Path], Iterator[Play]]] = {
    "zsteve": _csv("zsteve", lambda row: _utc(row["date"], "%Y-%m-%d %H:%M:%S")),
    "djivs": _csv("djivs", lambda row: _utc(row["utc_time"], "%d %b %Y, %H:%M")),
    "lukas_spotify": _lukas,
    "music-stats": _music_stats,
    "spacedlevo": _spacedlevo,
    "krish": _csv("krish", lambda row: float(row["timestamp"])),
}


class Person(NamedTuple):
    """Sessions, and what the tags say: int64 (n,) artist and album numbers, album -1 where unknown."""

    sessions: Sessions
    artist: np.ndarray
    album: np.ndarray


def read_person(plays: Iterator[Play]) -> Person:
    """Put the plays in order; a track is an artist and a title."""
    rows = sorted({(time, artist, title, album) for time, artist, title, album in plays if time > 1e9})
    of_key: dict[tuple[str, str], int] = {}
    item = np.array([of_key.setdefault((artist_key(a), title_key(t)), len(of_key)) for _, a, t, _ in rows], np.int64)
    artists: dict[str, int] = {}
    artist = np.array([artists.setdefault(name, len(artists)) for name, _ in of_key], np.int64)
    albums: dict[tuple[int, str], int] = {}
    album = np.full(len(of_key), -1, np.int64)
    for at, (*_, name) in zip(item, rows, strict=True):
        if name and album[at] < 0:
            album[at] = albums.setdefault((int(artist[at]), album_key(name)), len(albums))
    n = len(rows)
    times = np.array([row[0] for row in rows]).astype(np.int64)
    unknown = np.full(n, np.nan)
    zeros = np.zeros(n, np.int64)
    return Person(find_sessions(Listens(zeros, item, times, unknown, zeros, zeros, unknown), GAP), artist, album)


class Task(NamedTuple):
    """One session to complete: distinct tracks given and wanted, and when it began."""

    given: np.ndarray
    wanted: np.ndarray
    time: int


class Split(NamedTuple):
    """What is known at a point of time, and the sessions after it; contexts x tracks are the sessions before."""

    person: Person
    before: Sessions
    rows: sparse.csr_array
    plays: np.ndarray
    tasks: list[Task]


def split(person: Person, begin: float, end: float, most: int) -> Split:
    """Sessions up to the share `begin` are known, those up to `end` are tasks, `most` of them."""
    sessions, n = person.sessions, len(person.artist)
    first, last = int(begin * len(sessions)), int(end * len(sessions))
    old = sessions.session < first
    before = Sessions(*(getattr(sessions, name)[old] for name in ("listener", "track", "session", "time", "rejected")))
    plays = before.plays(n)
    tasks = []
    for number in range(first, last):
        inside = slice(*np.searchsorted(sessions.session, [number, number + 1]))
        tracks = [track for track in dict.fromkeys(sessions.track[inside].tolist()) if plays[track] > 0]
        if len(tracks) >= FEWEST:
            half = len(tracks) // 2
            tasks.append(Task(np.array(tracks[:half]), np.array(tracks[half:]), int(sessions.time[inside][0])))
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


def album_in_order(known: Split) -> Scores:
    """Same album and artist, more so the more of the given half they are, the latest tracks counting most."""
    person, scores = known.person, []
    for task in known.tasks:
        weight = 0.8 ** np.arange(len(task.given))[::-1]
        artist = np.bincount(person.artist[task.given], weight, minlength=person.artist.max() + 1)[person.artist]
        on = person.album[task.given]
        album = np.bincount(on[on >= 0], weight[on >= 0], minlength=person.album.max() + 2)
        scores.append(2 * np.where(person.album >= 0, album[person.album], 0) + artist)
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


def factors(known: Split, settings: WmfSettings, tags: bool) -> Scores:
    """Weighted matrix factorisation of the sessions, with or without album and artist rows."""
    person, n = known.person, len(known.plays)
    names = [""] * n
    tracks = Tracks(
        ids=np.arange(n),
        paths=[b""] * n,
        keys=names,
        artists=[str(a) for a in person.artist] if tags else names,
        albums=[str(a) if a >= 0 else "" for a in person.album] if tags else names,
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
    found = factorize(gather(tracks, [listener]).matrix, settings, np.random.default_rng(0))
    given = sparse.csr_array(np.log1p(np.array(_given(known))), dtype=np.float32)
    return fold_in(given, found, settings) @ found.tracks.T


def _given(known: Split) -> list[np.ndarray]:
    rows = np.zeros((len(known.tasks), len(known.plays)), np.float32)
    for row, task in zip(rows, known.tasks, strict=True):
        row[task.given] = 1
    return list(rows)


def ndcg(known: Split, scores: Scores, other: bool) -> float:
    """Mean NDCG@20 over the tasks that have a target left."""
    artist, values = known.person.artist, []
    for task, row in zip(known.tasks, scores, strict=True):
        candidate = known.plays > 0
        candidate[task.given] = False
        if other:
            candidate &= ~np.isin(artist, artist[task.given])
        wanted = task.wanted[candidate[task.wanted]]
        if len(wanted):
            best = np.argsort(np.where(candidate, -row, np.inf), kind="stable")[:K]
            gain = 1 / np.log2(np.arange(2, K + 2))
            hits = np.isin(best, wanted)
            values.append(float(gain[: len(best)][hits].sum() / gain[: min(len(wanted), K)].sum()))
    return float(np.mean(values)) if values else float("nan")


def standard(known: Split, scores: Scores) -> Scores:
    """Each task's scores with mean 0 and variance 1 over the tracks ever played."""
    inside = scores[:, known.plays > 0]
    spread = np.maximum(inside.std(axis=1, keepdims=True), 1e-9)
    return (scores - inside.mean(axis=1, keepdims=True)) / spread


REFERENCE = {
    "ALS 64": WmfSettings(64, unobserved=0.1, regularisation=0.01),
    "ALS 128": WmfSettings(128, unobserved=0.03, regularisation=0.01),
}
OURS = WmfSettings(64, unobserved=0.03, regularisation=0.01)
PARTS = (
    "factors with tags",
    "factors",
    "metadata",
    "albums in order",
    "session neighbours",
    "item neighbours",
    "decayed",
)
WEIGHTS = (0.0, 0.3, 0.6, 1.0)


def parts(known: Split) -> list[Scores]:
    """What ours adds up, in the order of `PARTS`."""
    scores = [
        factors(known, OURS, True),
        factors(known, OURS, False),
        metadata(known),
        album_in_order(known),
        session_neighbours(known),
        item_neighbours(known),
        decayed(known),
    ]
    return [standard(known, part) for part in scores]


def added(weights: Sequence[float], scores: Sequence[Scores]) -> Scores:
    return np.asarray(sum(w * part for w, part in zip(weights, scores, strict=True) if w) + 0 * scores[0])


def choose_weights(trials: Sequence[tuple[Split, list[Scores]]], other: bool) -> list[float]:
    """Weights with the best mean NDCG@20 over all people's trials, changed one at a time, twice over."""

    def value(weights: Sequence[float]) -> float:
        return float(np.mean([ndcg(known, added(weights, scores), other) for known, scores in trials]))

    weights = [1.0] + [0.0] * (len(PARTS) - 1)
    best = value(weights)
    for part in [*range(1, len(PARTS)), *range(len(PARTS))]:
        for weight in WEIGHTS:
            tried = [*weights[:part], weight, *weights[part + 1 :]]
            if weight != weights[part] and any(tried) and (new := value(tried)) > best:
                best, weights = new, tried
    return weights


def reference(test: Split) -> dict[str, Scores]:
    """The baselines of the table."""
    meta = metadata(test)
    als = {name: factors(test, settings, False) for name, settings in REFERENCE.items()}
    return {
        "popularity": popularity(test),
        "decayed counts, 30 days": decayed(test),
        "metadata": meta,
        "session neighbours, 100": session_neighbours(test),
        "item neighbours": item_neighbours(test),
        **als,
        **{
            f"metadata + {weight:g} {name}": standard(test, meta) + weight * standard(test, scores)
            for (name, scores), weight in itertools.product(als.items(), (0.3, 1.0))
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--people", default=",".join(PEOPLE))
    options = parser.parse_args(arguments)
    people = {name: read_person(PEOPLE[name](options.data)) for name in options.people.split(",")}
    trials = []
    for person in people.values():
        trial = split(person, 0.6, 0.8, MOST_TRIED)
        trials.append((trial, [part.astype(np.float16) for part in parts(trial)]))  # half precision: gigabytes else
    chosen = {other: choose_weights(trials, other) for other in (False, True)}
    for other, weights in chosen.items():
        told = ", ".join(f"{weight:g} {name}" for name, weight in zip(PARTS, weights, strict=True) if weight)
        print(f"ours for {'other artists' if other else 'all targets'}: {told}", flush=True)
    del trials
    table: dict[tuple[str, bool], list[float]] = {}
    for name, person in people.items():
        test = split(person, 0.8, 1.0, MOST_TESTED)
        plays, sessions = len(person.sessions.track), len(person.sessions)
        print(f"{name}: {plays} plays of {len(person.artist)} tracks in {sessions} sessions, {len(test.tasks)} tested")
        made, baselines = parts(test), reference(test)
        for other in (False, True):
            for model, scores in {**baselines, "ours": added(chosen[other], made)}.items():
                table.setdefault((model, other), []).append(ndcg(test, scores, other))
    for other in (False, True):
        print(f"\n| {'other artists' if other else 'all targets'}, NDCG@{K} | mean | {' | '.join(people)} |")
        print(f"|{'---|' * (len(people) + 2)}")
        for (model, of_other), values in table.items():
            if of_other == other:
                print(f"| {model} | {np.mean(values):.3f} | {' | '.join(f'{value:.3f}' for value in values)} |")


if __name__ == "__main__":
    main()
