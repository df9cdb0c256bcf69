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


def css_variables() -> str:
    """Style sheet with the colours of the kinds, --c0 and on, --c-1 for the unknown, and --t of text upon each."""
    sheets = []
    for scheme, palette in PALETTES.items():
        colours = dict(enumerate((palette.unknown, *palette.kinds), -1))
        rules = "".join(f"--c{k}:{colour};--t{k}:{ink_on(colour)};" for k, colour in colours.items())
        sheets.append(
            f":root{{{rules}}}" if scheme == "light" else f"@media(prefers-color-scheme:{scheme}){{:root{{{rules}}}}}"
        )
    return "".join(sheets)


def ink_on(colour: str) -> str:
    """Choose black or white, whichever has the higher contrast with a colour by WCAG 2; it is at least 4.5."""
    values = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.1791 else "#ffffff"
