"""What is kept is recognised by the fingerprint of what it was made of."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfaudio_core.util.fingerprint import fingerprint

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
PARTS = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@dataclass
class Settings:
    factors: int
    name: str


@given(PARTS, PARTS)
def test_equal_parts_and_only_they_have_equal_fingerprints(one, other):
    same_types = repr(one) == repr(other)  # 1, 1.0 and True are equal to Python
    assert (fingerprint(one) == fingerprint(other)) == same_types or isinstance(one, dict)


@given(st.lists(st.text()), st.lists(st.text()))
def test_where_a_part_ends_counts(one, other):
    assert (fingerprint(one, other) == fingerprint([*one, *other])) is False
    assert (fingerprint(*one) == fingerprint(*other)) == (one == other)


def test_lists_in_lists_are_told_apart_however_long_they_are():
    lists = [
        [("a",), ("b", "c")],
        [("a", "b"), ("c",)],
        ["a", ("b", "c")],
        [("a",), "b", "c"],
        [("a",), ("b", "c"), ()],
    ]
    long = [[("a",) * 200, ("b",)], [("a",) * 199, ("a", "b")], [("a",) * 200, "b"]]
    assert len({fingerprint(part) for part in lists + long}) == 8
    assert fingerprint([["a"], ["b"] * 200]) == fingerprint([("a",), ("b",) * 200])


def test_dtype_shape_and_values_of_an_array_count():
    values = np.arange(6, dtype=np.float32)
    others = [values.astype(np.float64), values.reshape(2, 3), values[::-1], values[:5], values.tolist()]
    assert len({fingerprint(part) for part in [values, *others]}) == 6
    assert fingerprint(values[::2]) == fingerprint(np.array([0, 2, 4], np.float32))
    assert fingerprint(np.float64(0.5)) == fingerprint(0.5)


def test_the_order_of_keys_does_not_count_and_that_of_items_does():
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a", "b"}) == fingerprint({"b", "a"})
    assert fingerprint(["a", "b"]) != fingerprint(["b", "a"])
    assert fingerprint(("a", "b")) == fingerprint(["a", "b"])


def test_a_dataclass_counts_by_its_fields():
    assert fingerprint(Settings(40, "wmf")) == fingerprint(Settings(40, "wmf")) != fingerprint(Settings(20, "wmf"))


def test_it_is_the_same_in_every_run():
    long = [f"key{i}" for i in range(25_000)]
    assert fingerprint(1, "a", b"\xff", None, Path("x"), size=5) == "13b36d4da6"
    assert fingerprint(long) == "f5681a90b4f2e04085a3d28130532c19"
    assert fingerprint([*long[:-1], "other"]) != fingerprint(long)
    assert fingerprint("undecodable \udcff")


@pytest.mark.parametrize("part", [object(), Settings, np.array([object()]), [iter([])]])
def test_what_could_change_from_run_to_run_has_none(part):
    with pytest.raises(TypeError):
        fingerprint(part)
