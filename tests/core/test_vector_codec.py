"""A vector as the text of an item field."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cfaudio_core.util.vector_codec import decode, decode_ragged, encode, encode_all, stack


@given(arrays(np.float32, st.integers(0, 60), elements=st.floats(width=32)))
def test_every_vector_comes_back_to_the_bit(vector):
    back = decode(encode(vector))
    assert back.dtype == np.float32
    assert back.tobytes() == vector.tobytes() or np.array_equal(back, vector, equal_nan=True)


@given(arrays(np.float32, 40, elements=st.floats(-1, 1, width=32)))
def test_40_factors_are_216_plain_characters(vector):
    text = encode(vector)
    assert len(text) == 216
    assert text.isascii()
    assert not set(text) & set(" \n,;'\"")


def test_the_text_is_little_endian_on_any_machine():
    assert encode(np.float32([1])) == "AACAPw=="
    assert encode(np.array([1], ">f4")) == "AACAPw=="
    assert decode("AACAPw==").tolist() == [1]


def test_a_decoded_vector_may_be_changed():
    vector = decode("AACAPw==")
    vector += 1
    assert vector.tolist() == [2]


@pytest.mark.parametrize("text", ["AACAPw", "AACA Pw==", "AACAPw==\n", "ääää", "AAA=", "AACAPwA=", "1.5", "[1, 2]"])
def test_what_is_no_vector_is_a_value_error(text):
    with pytest.raises(ValueError):
        decode(text)


@given(st.text())
def test_any_text_is_a_vector_or_a_value_error(text):
    try:
        vector = decode(text)
    except ValueError:
        return
    assert encode(vector) == text or np.isnan(vector).any() or len(vector) * 4 == len(text) * 3 // 4 - text.count("=")


def test_many_texts_are_decoded_at_once_and_those_that_are_none_are_zeros():
    vectors = np.float32([[1, 2], [3, 4], [5, 6]])
    texts = [encode(vectors[0]), "", encode(vectors[1]), "?", "abc", encode(np.float32([1, 2, 3])), encode(vectors[2])]
    decoded = stack(*decode_ragged(texts))
    assert decoded.dtype == np.float32
    assert decoded.tolist() == [[1, 2], [0, 0], [3, 4], [0, 0], [0, 0], [0, 0], [5, 6]]
    assert stack(*decode_ragged([encode(np.float32([np.nan, np.inf]))])).tolist() == [[0, 0]]
    assert stack(*decode_ragged(["", "x"])).shape == (2, 0)
    assert stack(*decode_ragged([])).shape == (0, 0)


@pytest.mark.parametrize("width", [1, 2, 3, 40])
def test_all_vectors_at_once_are_encoded_as_one_by_one(width: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(5, width)).astype(np.float32)
    assert encode_all(vectors) == [encode(vector) for vector in vectors]
    assert encode_all(vectors[:0]) == []
