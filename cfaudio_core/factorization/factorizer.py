"""One interface to the factorizers: fit a contexts x tracks matrix, fold in new contexts.

`both` is what Dieleman wanted to try next in "Recommending music on Spotify with deep learning" (2014): the latent
vectors of several collaborative filtering models, concatenated.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from scipy import sparse

from cfaudio_core.factorization import softmax_mf, wmf
from cfaudio_core.factorization.softmax_mf import VectorExpSettings
from cfaudio_core.factorization.wmf import Factors, WmfSettings
from cfaudio_core.util.arrays import FloatArray

NAMES = ("wmf", "vector_exp", "both")


@dataclass(frozen=True)
class FactorizerSettings:
    """The hyper-parameters of every factorizer.

    Attributes
    ----------
    factors
        Number of latent factors that come out, whatever `wmf.factors` and `softmax_mf.factors` are; `both` gives half
        of them to each, `wmf` the odd one.
    wmf, vector_exp
        What each needs besides.
    """

    factors: int = 40
    wmf: WmfSettings = field(default_factory=WmfSettings)
    vector_exp: VectorExpSettings = field(default_factory=VectorExpSettings)


class Factorizer(Protocol):
    """A model in which the score of a track in a context is the dot product of their factors."""

    def fit(self, matrix: sparse.csr_array, rng: np.random.Generator, prior: FloatArray | None = None) -> Factors:
        """Factorise.

        Parameters
        ----------
        matrix
            CSR (contexts, tracks) of weights: positive where the track belongs to the context, negative where it was
            skipped; zeros are not observed.
        rng
            All that is random.
        prior
            float32 (tracks, factors): the tracks' prior mean, in the coordinates of an earlier fit. A track without
            an entry stays there.
        """
        ...

    def fold_in(self, rows: sparse.csr_array, factors: Factors) -> FloatArray:
        """float32 (rows, factors): factors of new contexts, CSR (rows, tracks), among the tracks of an earlier fit."""
        ...


@dataclass(frozen=True)
class Wmf:
    """Weighted matrix factorisation, see `wmf`."""

    settings: WmfSettings

    def fit(self, matrix: sparse.csr_array, rng: np.random.Generator, prior: FloatArray | None = None) -> Factors:
        """See `Factorizer.fit`."""
        return wmf.factorize(matrix, self.settings, rng, prior)

    def fold_in(self, rows: sparse.csr_array, factors: Factors) -> FloatArray:
        """See `Factorizer.fold_in`."""
        return wmf.fold_in(rows, factors, self.settings)


@dataclass(frozen=True)
class VectorExp:
    """The softmax of a dot product, see `vector_exp`."""

    settings: VectorExpSettings

    def fit(self, matrix: sparse.csr_array, rng: np.random.Generator, prior: FloatArray | None = None) -> Factors:
        """See `Factorizer.fit`."""
        return softmax_mf.factorize(matrix, self.settings, rng, prior)

    def fold_in(self, rows: sparse.csr_array, factors: Factors) -> FloatArray:
        """See `Factorizer.fold_in`."""
        return softmax_mf.fold_in(rows, factors, self.settings)


@dataclass(frozen=True)
class Both:
    """Two factorizers side by side, each scaled so that its scores have a standard deviation of 1.

    Attributes
    ----------
    first, second
        The factorizers.
    split
        The number of factors of the first.
    """

    first: Factorizer
    second: Factorizer
    split: int

    def fit(self, matrix: sparse.csr_array, rng: np.random.Generator, prior: FloatArray | None = None) -> Factors:
        """See `Factorizer.fit`."""
        parts: list[Factors] = []
        memory: dict[str, FloatArray] = {}
        own_priors = (None, None) if prior is None else np.split(prior, [self.split], axis=1)
        for name, part, own in zip(("first", "second"), (self.first, self.second), own_priors, strict=True):
            state = rng.bit_generator.state
            found = part.fit(matrix, rng)
            scale = _unit(matrix, found)
            if own is not None:  # the prior is in scaled coordinates, and only a fit without it knows the scale
                rng.bit_generator.state = state
                found = part.fit(matrix, rng, own / scale)
            parts.append(Factors(found.contexts * scale, found.tracks * scale))
            memory |= {f"{name}.{key}": array for key, array in found.memory.items()}
            memory[f"{name}.scale"] = np.array([scale], np.float32)
        return Factors(np.hstack([part.contexts for part in parts]), np.hstack([part.tracks for part in parts]), memory)

    def fold_in(self, rows: sparse.csr_array, factors: Factors) -> FloatArray:
        """See `Factorizer.fold_in`."""
        found = []
        for name, part, tracks in zip(
            ("first", "second"), (self.first, self.second), np.split(factors.tracks, [self.split], axis=1), strict=True
        ):
            own = {key[len(name) + 1 :]: a for key, a in factors.memory.items() if key.startswith(f"{name}.")}
            scale = own.pop("scale")
            none = np.zeros((0, tracks.shape[1]), np.float32)
            found.append(part.fold_in(rows, Factors(none, tracks / scale, own)) * scale)
        return np.hstack(found)


def make_factorizer(name: str, settings: FactorizerSettings) -> Factorizer:
    """A factorizer by its name.

    Parameters
    ----------
    name
        One of `NAMES`.
    settings
        Its hyper-parameters.
    """
    if name == "wmf":
        return Wmf(replace(settings.wmf, factors=settings.factors))
    if name == "vector_exp":
        return VectorExp(replace(settings.vector_exp, factors=settings.factors))
    if name == "both":
        half = settings.factors // 2
        first = Wmf(replace(settings.wmf, factors=settings.factors - half))
        return Both(first, VectorExp(replace(settings.vector_exp, factors=half)), settings.factors - half)
    raise ValueError(f"unknown factorizer {name!r}: one of {', '.join(NAMES)}")


def _unit(matrix: sparse.csr_array, factors: Factors) -> np.float32:
    """What both sides are multiplied by, so that scores over all that has an entry have a standard deviation of 1."""
    x = factors.contexts[np.diff(matrix.indptr) > 0].astype(np.float64)
    y = factors.tracks[np.bincount(matrix.indices, minlength=matrix.shape[1]) > 0].astype(np.float64)
    if not len(x) or not len(y):
        return np.float32(1)
    square = np.sum((x.T @ x) * (y.T @ y)) / (len(x) * len(y))
    variance = square - (x.mean(axis=0) @ y.mean(axis=0)) ** 2
    return np.float32(variance**-0.25 if variance > 1e-12 else 1)
