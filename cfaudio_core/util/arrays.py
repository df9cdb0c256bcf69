"""Array types, with their dtypes in their names."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def float32(values: npt.ArrayLike) -> FloatArray:
    """Convert to a float32 array."""
    return np.asarray(values, np.float32)
