"""The river of tastes as a drawing, and as data for the script that answers to the mouse."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cfaudio_core.util.arrays import FloatArray

if TYPE_CHECKING:
    from cfaudio_core.report.sections.river import River

_SIDE, _TOP, _AXIS = 6.0, 4.0, 24.0  # margins, in units of the drawing
_FONTS = (16, 14, 12)  # of a stream's name, the largest that fits
_MAX_NAME = 32  # letters of it
_TICK_ROOM = 42.0  # from one label of the axis to the next
_NO_PLAYS = "no dated plays"  # where there is room between two parts of the river
_STEPS = 12  # samples of a curve from one period to the next

OTHER = "other music"
"""What the stream without a name is called."""


class _Label(NamedTuple):
    stream: int
    x: float
    y: float
    font: int
    text: str


def draw_river(river: River, width: float, height: float) -> str:
    """Draw the streams as SVG of a size, with their names on those that are wide enough, and an axis of years."""
    left, span = _SIDE, width - 2 * _SIDE
    step, middle, tall = span / len(river.periods), (height - _AXIS + _TOP) / 2, height - _AXIS - _TOP
    edges = _edges(river, middle, tall)
    parts = [
        f'<svg class="river" viewBox="0 0 {width:g} {height:g}" data-left="{left:g}" data-step="{step:.4f}" '
        'aria-hidden="true">'
    ]
    for k, stream in enumerate(river.streams):
        path = "".join(_shape(edges[k], edges[k + 1], run, left, step) for run in river.runs)
        parts.append(f'<path class="stream" style="--c:var(--c{stream.colour})" data-stream="{k}" d="{path}"/>')
    parts += [
        f'<text class="name" style="--t:var(--t{river.streams[label.stream].colour})" x="{label.x:.1f}" '
        f'y="{label.y:.1f}" font-size="{label.font}">{escape(label.text)}</text>'
        for label in _labels(river, edges, left, step)
    ]
    for before, after in pairwise(river.runs):
        if (after[0] - before[1] - 1) * step > 13 * _text_width(_NO_PLAYS):
            x = left + (before[1] + 1 + after[0]) / 2 * step
            parts.append(f'<text class="year" x="{x:.1f}" y="{middle:g}">{_NO_PLAYS}</text>')
    for begin, x, text in _ticks(river, left, step):
        parts.append(
            f'<path class="tick" d="M{begin:.1f} {height - _AXIS:g}v5"/>'
            f'<text class="year" x="{x:.1f}" y="{height - 6:g}">{text}</text>'
        )
    parts.append(f'<path class="now" d="" data-height="{height - _AXIS:g}"/></svg>')
    return "".join(parts)


def river_data(river: River) -> dict[str, object]:
    """Figures of the streams, as plain values that become JSON."""
    names = sorted({name for stream in river.streams for cell in stream.artists for name in cell})
    number = {name: k for k, name in enumerate(names)}
    return {
        "periods": list(river.periods),
        "plays": list(river.plays),
        "artists": names,
        "streams": [
            {
                "name": stream.name or OTHER,
                "plays": stream.plays,
                "artists": [[number[name] for name in cell] for cell in stream.artists],
                "tracks": stream.tracks,
            }
            for stream in river.streams
        ],
    }


def _edges(river: River, middle: float, tall: float) -> FloatArray:
    """float32 (k + 1, p): heights between the streams, from the bottom, as y of the drawing."""
    widths = np.array([stream.widths for stream in river.streams], np.float32) * tall
    sums = np.vstack([np.zeros(widths.shape[1], np.float32), np.cumsum(widths, axis=0)])
    return np.asarray(middle + sums[-1] / 2 - sums, np.float32)


def _ends(edge: FloatArray, run: tuple[int, int], left: float, step: float) -> list[tuple[float, float]]:
    """Points of an edge in a run: at the middle of each period, and level to the ends of the first and last."""
    begin, end = run
    points = [(left + (p + 0.5) * step, float(edge[p])) for p in range(begin, end + 1)]
    return [(left + begin * step, points[0][1]), *points, (left + (end + 1) * step, points[-1][1])]


def _shape(lower: FloatArray, upper: FloatArray, run: tuple[int, int], left: float, step: float) -> str:
    """Path between two edges; curves leave and reach every point level, so that no two edges cross."""
    there, back = _ends(upper, run, left, step), _ends(lower, run, left, step)[::-1]
    return f"M{_at(there[0])}{_curve(there)}L{_at(back[0])}{_curve(back)}Z"


def _curve(points: Sequence[tuple[float, float]]) -> str:
    text = ""
    for (x0, y0), (x1, y1) in pairwise(points):
        half = (x0 + x1) / 2
        text += f"C{half:.1f} {y0:.1f} {half:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    return text


def _at(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _sampled(points: Sequence[tuple[float, float]]) -> tuple[FloatArray, FloatArray]:
    """Points on the curve of `_curve`: x and y."""
    t = np.linspace(0, 1, _STEPS, endpoint=False)
    x = [x0 + (x1 - x0) * (1.5 * t - 1.5 * t**2 + t**3) for (x0, _), (x1, _) in pairwise(points)]
    y = [y0 + (y1 - y0) * (3 * t**2 - 2 * t**3) for (_, y0), (_, y1) in pairwise(points)]
    return np.append(np.concatenate(x), points[-1][0]), np.append(np.concatenate(y), points[-1][1])


def _labels(river: River, edges: FloatArray, left: float, step: float) -> list[_Label]:
    """Place each name where its stream is widest, as large as fits within; names that fit nowhere are left out."""
    labels = []
    for k, stream in enumerate(river.streams):
        text = _short(stream.name or OTHER)
        best: tuple[float, _Label] | None = None
        for run in river.runs:
            x, low = _sampled(_ends(edges[k], run, left, step))
            high = _sampled(_ends(edges[k + 1], run, left, step))[1]
            for font in _FONTS:
                half = _text_width(text) * font / 2 + 8
                found = _widest(x, high, low, half)
                if found and found[2] - found[1] >= 1.3 * font:
                    at, top, bottom = found
                    label = _Label(k, at, (top + bottom) / 2 + 0.35 * font, font, text)
                    best = max(best or (0.0, label), (font + (bottom - top) / 1e4, label), key=lambda pair: pair[0])
                    break
        if best:
            labels.append(best[1])
    return labels


def _widest(x: FloatArray, high: FloatArray, low: FloatArray, half: float) -> tuple[float, float, float] | None:
    """Middle, top and bottom of the tallest box of a width that lies between two curves."""
    best = None
    for at in np.arange(x[0] + half, x[-1] - half, 4):
        begin, end = np.searchsorted(x, [at - half, at + half])
        part = slice(max(begin - 1, 0), end + 1)
        top, bottom = float(high[part].max()), float(low[part].min())
        if best is None or bottom - top > best[2] - best[1]:
            best = (float(at), top, bottom)
    return best


def _ticks(river: River, left: float, step: float) -> list[tuple[float, float, str]]:
    """Where years begin, and where their names are: in their middles, as many as there is room for."""
    year = 12 / river.months * step
    found = [
        (left + p * step, left + p * step + year / 2, str(1970 + month // 12))
        for p in range(len(river.periods))
        for month in [river.first + p * river.months]
        if month % 12 == 0
    ]
    if len(found) < 2:
        found = [(left + p * step, left + (p + 0.5) * step, name) for p, name in enumerate(river.periods)]
    wide = max(_text_width(text) for _, _, text in found) * 13 + 14
    every = int(np.ceil(max(wide, _TICK_ROOM) / (found[1][1] - found[0][1])))
    right = left + len(river.periods) * step - wide / 2
    return [(begin, min(max(x, left + wide / 2 - 8), right + 8), text) for begin, x, text in found[::every]]


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1].rstrip() + "…"


def _text_width(text: str) -> float:
    """Width of a text in a usual font of size 1, rather too large."""
    return sum(
        0.0 if unicodedata.combining(c) else 1.05 if unicodedata.east_asian_width(c) in "WF" else 0.64 for c in text
    )
