import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensor_bundle import HEADER, block, bundle, entry, message, number, table, varint

from cfaudio_core.backbones.checkpoint import read_bundle
from cfaudio_core.errors import WeightsError

ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)
TENSORS = {
    "conv2d/bias": np.float32([1.5, -2]),
    "conv2d/kernel": np.arange(12, dtype=np.float32).reshape(3, 2, 1, 2),
    "conv2d/kernel/Adam": np.ones((3, 2, 1, 2), np.float32),
    "global_step": np.array(17, dtype=np.int64),
    "lengths": np.int32([[4], [5]]),
}

arrays = hnp.arrays(
    st.sampled_from([np.dtype(np.float32), np.dtype(np.int32), np.dtype(np.int64)]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
many = settings(deadline=None, max_examples=200)


def index_of(*entries: bytes) -> bytes:
    """Make the index of variables a, b, ... with the given entries."""
    pairs = [(b"", HEADER), *((bytes([97 + i]), entry) for i, entry in enumerate(entries))]
    return table([block(pairs)])


def assert_same(got: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(got) == sorted(expected, key=str.encode)
    for name, array in expected.items():
        assert got[name].dtype == array.dtype
        np.testing.assert_array_equal(got[name], array)


@many
@given(st.dictionaries(names, arrays, max_size=9), st.integers(1, 10))
def test_round_trip(tensors, per_block):
    assert_same(read_bundle(*bundle(tensors, per_block)), tensors)


def test_only_what_is_wanted_is_read():
    index, data = bundle(TENSORS)
    got = read_bundle(index, data[:56], keep=lambda name: name.startswith("conv2d") and "Adam" not in name)
    assert list(got) == ["conv2d/bias", "conv2d/kernel"]


def test_every_truncation_is_refused():
    index, data = bundle(TENSORS)
    for length in range(len(index)):
        with pytest.raises(WeightsError):
            read_bundle(index[:length], data)
    for length in range(len(data)):
        with pytest.raises(WeightsError):
            read_bundle(index, data[:length])


@many
@given(st.data())
def test_a_changed_byte_never_reads_outside(draw):
    files = [bytearray(part) for part in bundle(TENSORS)]
    file = files[draw.draw(st.sampled_from([0, 0, 0, 1]))]
    position = draw.draw(st.integers(0, len(file) - 1))
    file[position] ^= draw.draw(st.integers(1, 255))
    try:
        got = read_bundle(bytes(files[0]), bytes(files[1]))
    except WeightsError:
        return
    assert sum(array.nbytes for array in got.values()) <= len(files[1])


@many
@given(st.lists(st.binary(max_size=40), max_size=4), st.binary(max_size=30))
def test_nonsense_is_refused_cleanly(messages, content):
    for index in (index_of(*messages), table([content]), table([content + bytes(8)]), content):
        try:
            got = read_bundle(index, bytes(64))
        except WeightsError as error:
            assert "\n" not in str(error)
        else:
            assert sum(array.nbytes for array in got.values()) <= 64


@many
@given(st.data())
def test_changed_entries_never_read_outside(draw):
    good = bytearray(entry(ARRAY, 0))
    for _ in range(draw.draw(st.integers(1, 3))):
        good[draw.draw(st.integers(0, len(good) - 1))] = draw.draw(st.integers(0, 255))
    try:
        got = read_bundle(index_of(bytes(good)), ARRAY.tobytes())
    except WeightsError:
        return
    assert sum(array.nbytes for array in got.values()) <= ARRAY.nbytes


@pytest.mark.parametrize(
    ("index", "message"),
    [
        pytest.param(index_of(entry(ARRAY, 0, type=7)), "type", id="type"),
        pytest.param(index_of(entry(ARRAY, 0, size=20)), "shape", id="size"),
        pytest.param(index_of(entry(ARRAY, 4)), "outside", id="offset"),
        pytest.param(index_of(entry(ARRAY, 2**64 - 4)), "outside", id="negative-offset"),
        pytest.param(index_of(entry(ARRAY, 0), entry(ARRAY, 0)), "shorter", id="shared-bytes"),
        pytest.param(index_of(entry(ARRAY, 0) + number(3, 1)), "shard", id="entry-of-other-shard"),
        pytest.param(index_of(entry(ARRAY, 0) + message(7, b"")), "partitioned", id="slices"),
        pytest.param(index_of(b"\x08"), "cut short", id="cut-varint"),
        pytest.param(index_of(entry(ARRAY, 0) + b"\x12\x7f\x10"), "message .* cut short", id="cut-message"),
        pytest.param(index_of(b"\x08" + b"\xff" * 12), "too long", id="endless-varint"),
        pytest.param(index_of(message(4, b"x")), "type", id="no-type"),
        pytest.param(index_of(number(1, 1) + number(2, 3)), "message belongs", id="number-for-shape"),
        pytest.param(index_of(message(1, b"x")), "number belongs", id="text-for-type"),
        pytest.param(table([block([(b"", number(1, 2))])]), "shards", id="two-shards"),
        pytest.param(table([block([(b"", HEADER + number(2, 1))])]), "big-endian", id="big-endian"),
        pytest.param(table([block([(b"", HEADER)])], compression=1), "compressed", id="snappy"),
        pytest.param(table([block([(b"", HEADER)])], repeat=1000), "order", id="one-block-many-times"),
        pytest.param(table([block([(b"", HEADER), (b"\xff", b"")])]), "UTF-8", id="name"),
        pytest.param(table([]), "empty", id="empty"),
        pytest.param(table([varint(0) + varint(2000) + varint(0) + bytes(2008)]), "damaged", id="long-key"),
        pytest.param(table([varint(3) + varint(0) + varint(0) + bytes(8)]), "damaged", id="shares-with-nothing"),
        pytest.param(table([b"\xff\xff\xff\x7f"]), "damaged", id="restarts"),
        pytest.param(b"", "cut short", id="nothing"),
        pytest.param(bytes(100), "LevelDB", id="no-table"),
    ],
)
def test_what_is_not_read_is_said(index, message):
    with pytest.raises(WeightsError, match=message):
        read_bundle(index, ARRAY.tobytes())


@pytest.mark.parametrize("shape", [(0, 2**62, 2**62), (1,) * 80 + (6,), (2**40, 0)])
def test_shapes_that_numpy_cannot_hold_are_refused_or_empty(shape):
    lengths = b"".join(message(2, number(1, length)) for length in shape)
    size = 24 if 0 not in shape else 0
    index = index_of(number(1, 1) + message(2, lengths) + number(5, size))
    try:
        got = read_bundle(index, ARRAY.tobytes())
    except WeightsError:
        return
    assert got["a"].size == 0
