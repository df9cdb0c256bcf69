"""The tracks most similar to some tracks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from beetsplug.cfaudio.library.similar_query import nearest


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 50), st.integers(0, 99))
def test_the_nearest_are_those_of_highest_cosine_to_any_seed(m, seeds, n, number):
    rng = np.random.default_rng(number)
    vectors = unit(rng.standard_normal((m, 4)))
    vectors[rng.random(m) < 0.2] = 0
    is_seed = np.arange(m) < seeds
    positions, cosines = nearest(vectors, is_seed, n)
    known = vectors.any(axis=1)
    others = known & ~is_seed
    expected = min(n, int(others.sum())) if (known & is_seed).any() else 0
    assert len(positions) == len(cosines) == expected
    assert others[positions].all()
    if expected:
        best = (vectors @ vectors[known & is_seed].T).max(axis=1)
        assert np.allclose(cosines, best[positions], atol=1e-6)
        assert (np.diff(cosines) <= 0).all()
        assert np.isclose(cosines[0], best[others].max(), atol=1e-6)
