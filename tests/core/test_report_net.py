"""Pictures of filters, and neighbours before and after fine-tuning, of nets and libraries whose truth is known."""

import base64
import io
import struct
import zlib

import numpy as np
import pytest

from cfaudio_core.report.sections.filters import Filter, Kernel, choose, first_layer, responses
from cfaudio_core.report.sections.neighbours import NEIGHBOURS, fine_tuned

BEAT, TONE, SPOT = np.zeros((3, 7, 38), np.float32)
BEAT[3] = 1
TONE[:, 20] = 1
SPOT[2:4, 3:5] = 1


def pixels(picture):
    """The bytes of an 8-bit RGBA picture, (height, width, 4), its rows unfiltered."""
    file = io.BytesIO(base64.b64decode(picture.removeprefix("data:image/png;base64,")))
    assert file.read(8) == b"\x89PNG\r\n\x1a\n"
    chunks = {}
    while head := file.read(8):
        size, kind = struct.unpack(">I4s", head)
        chunks[kind] = file.read(size)
        assert struct.unpack(">I", file.read(4))[0] == zlib.crc32(kind + chunks[kind])
    width, height = struct.unpack(">2I", chunks[b"IHDR"][:8])
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + 4 * width)
    return rows[:, 1:].reshape(height, width, 4)


def test_a_picture_has_time_to_the_right_and_high_bands_above():
    weights = np.zeros((3, 5), np.float32)
    weights[2, 4], weights[0, 0] = 1, -0.5
    picture = pixels(Filter(0, weights, [], []).picture)
    assert picture.shape == (5, 3, 4)
    (red, _, blue, clear), (other_red, _, other_blue, half) = picture[0, 2], picture[4, 0]
    assert red > blue and clear == 255
    assert other_red < other_blue and half == 128
    assert picture[1:4, :, 3].max() == 0


@pytest.mark.parametrize(
    ("weights", "shape"),
    [(BEAT, "vertical stripes"), (TONE, "horizontal stripes"), (SPOT, "a spot"), (np.ones((64, 1)), "how one pitch")],
)
def test_a_filter_is_called_after_its_stripes(weights, shape):
    assert Filter(0, weights.astype(np.float32), [], []).shape.startswith(shape)


def test_responses_are_what_they_were_before_the_scaling():
    kernels = [Kernel(2 * BEAT, 3.0, -5.0), Kernel(TONE, -2.0, 1.0), Kernel(1e-4 * SPOT, 1.0, 0.0)]
    means = np.array([[3 * 4 - 5, -2 * 6 + 1, 9], [-5, 1, 0]], np.float32)  # of responses 4 and 6, and of none
    pooled = np.hstack([np.full((2, 5), 99), means, np.full((2, 2), 99)]).astype(np.float32)
    found = responses(np.sign(pooled) * np.sqrt(np.abs(pooled)), kernels, pooled.shape[1])
    sizes = [2 * np.linalg.norm(BEAT), np.linalg.norm(TONE)]
    np.testing.assert_allclose(found, [[4 / sizes[0], 6 / sizes[1], 0], [0, 0, 0]], atol=1e-5)


def test_kernels_are_read_in_the_order_of_the_maps():
    state = {}
    for branch, some in enumerate(([BEAT, TONE], [SPOT])):
        at = f"frontend.branches.{branch}"
        state |= {f"{at}.conv.weight": np.stack(some)[:, None], f"{at}.norm.scale": np.ones(len(some), np.float32)}
        state[f"{at}.norm.shift"] = np.zeros(len(some), np.float32)
    for kernel, weights in zip(first_layer(state), (BEAT, TONE, SPOT), strict=True):
        np.testing.assert_array_equal(kernel.weights, weights)
    assert first_layer({}) == []


def test_filters_that_say_the_same_or_nothing_are_left_out():
    one, other = np.random.default_rng(0).uniform(size=(2, 100)).astype(np.float32)
    values = np.stack([one, 2 * one, other, np.zeros(100, np.float32)], axis=1)
    assert choose(values) == [1, 2]


def test_neighbours_of_one_artist_are_counted_before_and_after():
    rng = np.random.default_rng(0)
    artist, voice = np.arange(60) % 4, np.arange(60) // 15
    before, after = (np.eye(4)[k] + 0.01 * rng.standard_normal((60, 4)) for k in (voice, artist))
    names = {"artist": [(f"artist {k}",) for k in artist], "genre": [()] * 60}
    unplayed = np.arange(60) < 30
    found = fine_tuned(before.astype(np.float32), after.astype(np.float32), names, unplayed)
    worse = fine_tuned(after.astype(np.float32), before.astype(np.float32), names, unplayed)
    assert found.shares["artist"][1] == 1 and found.shares["artist"][0] < 0.35
    assert worse.shares["artist"] == found.shares["artist"][::-1]
    assert "genre" not in found.shares  # nothing has one
    assert found.kept == worse.kept < 0.5
    assert [bool(unplayed[one.track]) for one in found.moved] == [True, True, False, False]
    assert len({artist[one.track] for one in found.moved}) == 4
    assert all(artist[j] == artist[one.track] for one in found.moved for j in one.after)
    assert all(voice[j] == voice[one.track] for one in found.moved for j in one.before)


def test_a_few_tracks_have_no_neighbours_to_compare():
    few = np.eye(3 * NEIGHBOURS - 1, dtype=np.float32)
    names = {"artist": [("one",)] * len(few)}
    assert fine_tuned(few, few, names, np.ones(len(few), bool)) is None
