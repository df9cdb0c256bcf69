"""Dots stand out from the ground, and colours from one another, also for eyes without red or green cones."""

import numpy as np
import pytest

from cfaudio_core.report.palettes import PALETTES

# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency", IEEE
# Transactions on Visualization and Computer Graphics 2009: linear RGB, no cones of a kind at all.
SIGHT = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def linear(colour):
    """Linear RGB, 0 to 1, of #rrggbb."""
    values = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """As WCAG 2 defines it, 1 to 21."""
    low, high = sorted(float(linear(colour) @ TO_XYZ[1]) + 0.05 for colour in (one, other))
    return high / low


def lab(colours, sight):
    """CIELAB of colours as an eye sees them, (n, 3)."""
    rgb = np.clip(np.array([linear(colour) for colour in colours]) @ np.array(SIGHT[sight]).T, 0, 1)
    share = rgb @ TO_XYZ.T / TO_XYZ.sum(axis=1)
    bent = np.where(share > (6 / 29) ** 3, np.cbrt(share), share / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = bent.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def least_distance(colours, sight):
    """The least distance between two of some colours, CIE 1976; 2.3 is just noticeable."""
    places = lab(colours, sight)
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    return apart[np.triu_indices(len(colours), 1)].min()


def test_black_and_white_are_as_far_apart_as_can_be():
    assert contrast("#000000", "#ffffff") == pytest.approx(21, abs=0.01)
    assert least_distance(["#000000", "#ffffff"], "protanopia") == pytest.approx(100, abs=0.1)


def test_red_and_green_are_much_nearer_to_some_eyes():
    red_and_green = ["#c05050", "#6f7f3f"]
    assert least_distance(red_and_green, "all cones") > 2 * least_distance(red_and_green, "deuteranopia")


@pytest.mark.parametrize("scheme", PALETTES)
def test_every_dot_stands_out_from_the_ground(scheme):
    palette = PALETTES[scheme]
    assert min(contrast(palette.ground, colour) for colour in (palette.unknown, *palette.ramp, *palette.kinds)) >= 3


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("scheme", PALETTES)
def test_colours_are_told_apart_by_all_eyes(scheme, sight):
    palette = PALETTES[scheme]
    assert least_distance((palette.unknown, *palette.kinds), sight) >= 25
    assert least_distance((palette.unknown, *palette.ramp), sight) >= 12


@pytest.mark.parametrize("scheme", PALETTES)
def test_a_ramp_goes_one_way_from_the_ground(scheme):
    palette = PALETTES[scheme]
    assert (np.diff([contrast(palette.ground, colour) for colour in palette.ramp]) > 0).all()
