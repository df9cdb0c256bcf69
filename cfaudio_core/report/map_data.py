"""Data of the map: columns of the tracks on it, regions and palettes, as plain values that become JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cfaudio_core.report.palettes import PALETTES
from cfaudio_core.util.arrays import FloatArray

if TYPE_CHECKING:
    from cfaudio_core.report.page import Report

_STEPS = 10_000  # of a coordinate


def map_data(report: Report) -> dict[str, object]:
    """Make the columns of the map: texts once each, and numbers as small as they can be."""
    tracks = report.tracks
    artists, artist = _indexed([(name,) for name in tracks.artists])
    albums, album = _indexed([(name,) for name in tracks.album_titles])
    genres, genre = _indexed(tracks.genres)
    tags, tag = _indexed(report.tags)
    whole = _steps(report.coordinates)
    return {
        "x": whole[:, 0].tolist(),
        "y": whole[:, 1].tolist(),
        "steps": _STEPS,
        "id": tracks.ids.tolist(),
        "title": list(tracks.titles),
        "artists": artists,
        "artist": _first(artist),
        "albums": albums,
        "album": _first(album),
        "genres": genres,
        "genre": _first(genre),
        "genre_more": [row[1:] for row in genre],
        "tags": tags,
        "tag": _first(tag),
        "tag_more": [row[1:] for row in tag],
        "plays": _numbers(report.plays, 0),
        "score": _numbers(report.scores, 1),
        "added": _numbers(report.added, 2),
        "year": _numbers(report.years, 0),
        "gone": np.flatnonzero(~report.existing).tolist(),
        "listener": report.listener,
        "in_part": bool(report.left_out),
        "others": [{"name": name, **_sparse(plays)} for name, plays in report.others.items()],
        "regions": [
            {**region._asdict(), "x": x, "y": y}
            for region, (x, y) in zip(
                report.regions,
                _steps(np.array([[one.x, one.y] for one in report.regions], np.float32).reshape(-1, 2)).tolist(),
                strict=True,
            )
        ],
        "palettes": {scheme: palette._asdict() for scheme, palette in PALETTES.items()},
    }


def _steps(coordinates: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.rint((coordinates + 1) / 2 * _STEPS).astype(np.int64)


def _first(rows: list[list[int]]) -> list[int]:
    return [row[0] for row in rows]


def _indexed(rows: Sequence[tuple[str, ...]]) -> tuple[list[str], list[list[int]]]:
    """Distinct texts, the most frequent first and "" where it is, and which ones each row has; "" where it has none."""
    filled = [names or ("",) for names in rows]
    flat = [name for names in filled for name in names]
    distinct, inverse, counts = np.unique(np.array(flat, object).astype(str), return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    numbers = iter(rank[inverse].tolist())
    return [str(distinct[i]) for i in order], [[next(numbers) for _ in names] for names in filled]


def _sparse(plays: FloatArray) -> dict[str, list[int]]:
    """Steps from -1 to the first played track and on to the others, and how often each was played."""
    counts = np.rint(plays).astype(np.int64)
    played = np.flatnonzero(counts)
    return {"steps": np.diff(played, prepend=-1).tolist(), "plays": counts[played].tolist()}


def _numbers(values: FloatArray, digits: int) -> list[float | int | None]:
    """Plain numbers, None where unknown."""
    rounded = np.round(values.astype(float), digits)
    return [None if value != value else (int(value) if digits == 0 else value) for value in rounded.tolist()]
