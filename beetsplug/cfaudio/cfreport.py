"""`beet cfreport`: the page of what is known of the library, and a server that lets it play."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from beets.exceptions import UserError
from beets.ui import print_

from beetsplug.cfaudio.embedding import listener, load, open_store, user_errors
from beetsplug.cfaudio.library import column, read_fields
from beetsplug.cfaudio.settings import Settings, read_settings, score_field
from cfaudio_core.files import write_whole

if TYPE_CHECKING:
    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.commands import ReportOptions
    from cfaudio_core.listening.counts import Listener
    from cfaudio_core.report.page import Report
    from cfaudio_core.tracks import FloatArray, Tracks

_NEEDED = {"flask": "flask", "jinja2": "jinja2", "openTSNE": "opentsne", "plotly": "plotly"}
_UNITS = 40


def run(plugin: BeetsPlugin, lib: Library, opts: ReportOptions, args: list[str]) -> None:
    """Make the page, and serve it where that is wanted."""
    settings = read_settings(plugin.config)
    _check(opts)
    tracks, people = load(lib, settings, match=False)
    person = listener(people, opts.user)
    report = make_report(lib, settings, tracks, person, main=person is people[0])
    from cfaudio_core.report.page import render

    page = render(report)
    folder = Path(opts.output).expanduser() if opts.output else settings.folder / "report"
    file = folder / "index.html"
    try:
        write_whole(file, page)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}") from error
    print_(f"Wrote {file} ({len(page) / 1e6:.1f} MB): {len(report.tracks)} of {len(tracks)} tracks have a place.")
    if opts.serve:
        serve(page, report, opts.port)


def _check(opts: ReportOptions) -> None:
    from importlib.util import find_spec

    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise UserError(f"cfreport needs {', '.join(missing)}: pip install 'beets-cfaudio[report]'")
    if not 0 <= opts.port <= 65535:
        raise UserError(f"--port must be a number from 0 to 65535, not {opts.port}")


def make_report(lib: Library, settings: Settings, tracks: Tracks, person: Listener, *, main: bool) -> Report:
    """Gather all that the page shows.

    Parameters
    ----------
    lib, settings, tracks, person
        The library, and who listens to it.
    main
        Whether the listener is the first one.
    """
    from cfaudio_core.learning.model_files import latest_model
    from cfaudio_core.report.page import Report
    from cfaudio_core.report.past import evaluations, lessons

    with user_errors():
        model = latest_model(settings.folder / "models")
    vectors, at = _vectors(lib, tracks, model.id if model else "")
    if not len(at):
        raise UserError("no track has a place yet; run `beet cfembed` first")
    assert model is not None  # which gave them their places
    tracks, person = tracks.subset(at), person.subset(at)
    field = score_field(person.name, main=main)
    dates = _dates(lib)
    report = Report(
        listener=person.name,
        model=model.id,
        tracks=tracks,
        places=_places(settings, vectors),
        plays=person.plays,
        scores=column(tracks.ids, read_fields(lib, [field])[field]),
        added=np.array([dates[int(i)][0] for i in tracks.ids], np.float32),
        years=np.array([dates[int(i)][1] for i in tracks.ids], np.float32),
        there=np.array([os.path.isfile(path) for path in tracks.paths], bool),  # noqa: PTH113 (names are bytes)
        tags=[()] * len(tracks),
        lessons=lessons(settings.folder / "models"),
        evaluations=evaluations(settings.folder / "evaluations"),
    )
    return learnt(report, settings, vectors, model)


def _vectors(lib: Library, tracks: Tracks, model: str) -> tuple[FloatArray, np.ndarray]:
    """Vectors of the tracks that the newest model has placed, and which tracks these are."""
    from cfaudio_core.embedding.codec import decode

    stored = read_fields(lib, ["cf_embedding"])["cf_embedding"]
    vectors, at = [], []
    for position, (item, made_by) in enumerate(zip(tracks.ids, tracks.models, strict=True)):
        text = stored.get(int(item))
        if made_by != model or not isinstance(text, str):
            continue
        try:
            vector = decode(text)
        except ValueError:
            continue
        if np.isfinite(vector).all() and (not vectors or len(vector) == len(vectors[0])):
            vectors.append(vector)
            at.append(position)
    return np.array(vectors, np.float32), np.array(at, np.int64)


def _dates(lib: Library) -> dict[int, tuple[float, float]]:
    """When each item was added, in years, and the year of its music; NaN where unknown."""
    with lib.transaction() as tx:
        rows = tx.query("SELECT id, added, year, original_year FROM items")
    return {
        row["id"]: (_in_years(row["added"]), float(row["original_year"] or row["year"] or "nan"))
        for row in rows
    }


def _in_years(seconds: float | None) -> float:
    if not seconds or not 0 < seconds < 32503680000:
        return float("nan")
    then = datetime.fromtimestamp(seconds, UTC)
    return then.year + (then.timetuple().tm_yday - 1) / 366


def _places(settings: Settings, vectors: FloatArray) -> FloatArray:
    """The map; kept until vectors change, since it is what takes longest."""
    from cfaudio_core.progress import progress
    from cfaudio_core.report.projection import project

    digest = hashlib.blake2b(vectors.tobytes() + bytes(str(vectors.shape), "ascii"), digest_size=16).digest()
    cache = settings.folder / "report" / "map.bin"
    try:
        kept = cache.read_bytes()
    except OSError:
        kept = b""
    if kept[:16] == digest and len(kept) == 16 + 8 * len(vectors):
        return np.frombuffer(kept[16:], "<f4").reshape(-1, 2).astype(np.float32)
    with progress("Laying out the map", len(vectors)) as advance:
        places = project(vectors, jobs=settings.jobs, on_progress=lambda share: advance(round(share * len(vectors))))
    try:
        write_whole(cache, digest + places.astype("<f4").tobytes())
    except OSError as error:
        raise UserError(f"{cache.parent}: {error.strerror}") from error
    return places


def learnt(report: Report, settings: Settings, vectors: FloatArray, model: Any) -> Report:
    """Add what was learnt: sound tags, units, directions and disagreements."""
    from cfaudio_core.nets.backbone import backbone_id, load_top
    from cfaudio_core.progress import progress
    from cfaudio_core.report.disagreement import disagreements
    from cfaudio_core.report.excitement import excite_directions, listen, moment, read_directions
    from cfaudio_core.report.labels import Labels, telling_tags
    from cfaudio_core.report.units import describe, most_used

    tracks, net = report.tracks, backbone_id(settings.backbone)
    keys, n = tracks.keys, len(report.tracks)
    with user_errors(), open_store(settings) as store:
        there = store.keys(net, settings.windows)
        if not there.issuperset(keys):
            return replace(report, why_no_units="What was heard of some tracks is not kept: `beet cfembed` hears them again.")
        top = load_top(settings.backbone, wheel=settings.weights)
        distinct = sorted(set(keys))
        with progress("Looking at what was heard", len(distinct)) as advance:
            heard = listen(store.read(net, distinct), keys, top.apply, advance)
        reading = read_directions(heard.sound, vectors)
        with progress("Looking for moments", len(distinct)) as advance:
            directions = excite_directions(store.read(net, distinct), keys, vectors, reading, advance)
    tags = telling_tags(heard.tags, top.tags)
    labels = Labels(
        {
            "sound": tags,
            "genre": list(tracks.genres),
            "artist": [(artist,) if artist else () for artist in tracks.artists],
        }
    )

    def when(track: int, window: int) -> float:
        return moment(window, int(heard.windows[track]), float(tracks.lengths[track]), whole=settings.windows == 0)

    factors = int(model.arrays["own.direction"].shape[1]) if "own.direction" in model.arrays else 0
    numbers, weights = most_used(heard.units.mean, vectors, _UNITS)
    known, own = _own_factors(report, model)
    return replace(
        report,
        tags=tags,
        factors=factors,
        units=[describe(int(u), w, heard.units, labels, when) for u, w in zip(numbers, weights, strict=True)],
        directions=[
            describe(j, reading.told[j], directions, labels, when, opposite=True) for j in range(vectors.shape[1])
        ],
        disagreements=disagreements(own, vectors[known, factors:], known) if len(known) and n else [],
        why_no_disagreements=(
            "Plays and sound agree about every track, or too few tracks were played together to tell."
            if factors
            else "Nothing is known of what is played together yet: listening sessions (`beet cfimport`) would tell."
        ),
    )


def _own_factors(report: Report, model: Any) -> tuple[np.ndarray, FloatArray]:
    """The tracks that have latent factors of their own, the most played first, and these."""
    own = model.arrays.get("own.direction")
    row = {key: r for r, key in enumerate(model.about.get("known", []))}
    pairs = [(i, row[key]) for i, key in enumerate(report.tracks.keys) if key in row]
    if own is None or not own.shape[1] or not pairs:
        return np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
    at, rows = np.array(pairs, np.int64).T
    has = own[rows].any(axis=1)
    at, rows = at[has], rows[has]
    order = np.argsort(-report.plays[at], kind="stable")
    return at[order], own[rows[order]]


def serve(page: bytes, report: Report, port: int) -> None:
    """Serve the page until ctrl-C."""
    from cfaudio_core.report.serve import NoPlaylists, open_server

    files = {int(i): path for i, path, there in zip(report.tracks.ids, report.tracks.paths, report.there, strict=True) if there}
    try:
        server, address = open_server(page, files, port, NoPlaylists())
    except OSError as error:
        raise UserError(f"port {port}: {error.strerror}; --port takes another, 0 any that is free") from error
    print_(f"Open {address} in a browser on this machine (ctrl-C ends).")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
