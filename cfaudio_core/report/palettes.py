"""Colours of the dots, in a light and a dark scheme.

All stand out from the map's ground, and from one another also for eyes without red or green cones: the tests measure
both, and docs/lab/report.md has the figures.
"""

from __future__ import annotations

from typing import NamedTuple


class Palette(NamedTuple):
    """Colours as #rrggbb: the ground, dots of which a value is unknown or zero, numbers from low to high, and kinds."""

    ground: str
    unknown: str
    ramp: tuple[str, ...]
    kinds: tuple[str, ...]


PALETTES = {
    "light": Palette(
        "#ffffff",
        "#85888d",
        ("#d97706", "#c8374a", "#8e2a78", "#4b1d6e", "#1f0a3c"),
        ("#5a96d2", "#871e00", "#969600", "#1e2da5", "#7878ff", "#782d3c", "#87965a", "#5a2d69"),
    ),
    "dark": Palette(
        "#1e2023",
        "#7b8088",
        ("#7d6be0", "#c06ac4", "#f0808a", "#f9b36b", "#fdf0b0"),
        ("#1e78ff", "#f0e13c", "#69f087", "#5ae1ff", "#96960f", "#0087c3", "#0fffd2", "#69874b"),
    ),
}
