"""One interface to the factorizers: fit a contexts x tracks matrix, fold in new contexts.

`both` is what Dieleman wanted to try next in "Recommending music on Spotify with deep learning" (2014): the latent
vectors of several collaborative filtering models, concatenated.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from cfaudio_core.factorization import softmax_mf, wmf
from cfaudio_core.factorization.softmax_mf import VectorExpSettings
from cfaudio_core.factorization.wmf import Factors, WmfSettings
from cfaudio_core.util.arrays import FloatArray

NAMES = ("wmf", "vector_exp", "both")
NO_FACTORIZER = "none"
"""In place of a name: tracks have no factors."""

_PARTS = ("first", "second")


@dataclass(frozen=True)
class FactorizerSettings:
    """The hyper-parameters of every factorizer.

    Attributes
    ----------
    factors
        Number of latent factors that come out, whatever `wmf.factors` and `vector_exp.factors` are; `both` gives half
        of them to each, `wmf` the odd one.
    wmf, vector_exp
        The hyper-parameters of each.
    """

    factors: int = 40
    wmf: WmfSettings = field(default_factory=WmfSettings)
    vector_exp: VectorExpSettings = field(default_factory=VectorExpSettings)


@dataclass(frozen=True)
class Factorizer:
    """A model in which the score of a track in a context is the dot product of their factors.

    Parameters
    ----------
    parts
        The hyper-parameters of one factorizer, or of two whose factors are put side by side, each scaled so that its
        scores have a standard deviation of 1.
    """

    parts: tuple[WmfSettings | VectorExpSettings, ...]

    def fit(self, matrix: sparse.csr_array, rng: np.random.Generator, *, optimise_contexts: bool = True) -> Factors:
        """Factorise a CSR matrix (contexts, tracks) of weights.

        They are positive where the track belongs to the context, negative where it was skipped; zeros are not observed.
        `optimise_contexts` may be False where only the tracks' factors are needed.
        """
        fitted = [
            wmf.factorize(matrix, part, rng)
            if isinstance(part, WmfSettings)
            else softmax_mf.factorize(matrix, part, rng, optimise_contexts=optimise_contexts)
            for part in self.parts
        ]
        if len(fitted) == 1:
            return fitted[0]
        scales = [_unit(matrix, factors) for factors in fitted]
        memory: dict[str, FloatArray] = {}
        for name, factors, scale in zip(_PARTS, fitted, scales, strict=True):
            memory |= {f"{name}.{key}": array for key, array in factors.memory.items()}
            memory[f"{name}.scale"] = np.array([scale], np.float32)
        contexts = np.hstack([factors.contexts * scale for factors, scale in zip(fitted, scales, strict=True)])
        tracks = np.hstack([factors.tracks * scale for factors, scale in zip(fitted, scales, strict=True)])
        return Factors(contexts, tracks, memory)

    def fold_in(self, rows: sparse.csr_array, factors: Factors) -> FloatArray:
        """Compute factors of new contexts, CSR (rows, tracks) to float32 (rows, factors), by an earlier fit."""
        if len(self.parts) == 1:
            return _fold_in(rows, factors, self.parts[0])
        folded = []
        halves = np.split(factors.tracks, [self.parts[0].factors], axis=1)
        for name, part, tracks in zip(_PARTS, self.parts, halves, strict=True):
            memory = {key[len(name) + 1 :]: a for key, a in factors.memory.items() if key.startswith(f"{name}.")}
            scale = memory.pop("scale")
            no_contexts = np.zeros((0, tracks.shape[1]), np.float32)
            folded.append(_fold_in(rows, Factors(no_contexts, tracks / scale, memory), part) * scale)
        return np.hstack(folded)


def make_factorizer(name: str, settings: FactorizerSettings) -> Factorizer:
    """Make a factorizer by its name, one of `NAMES`."""
    if name == "wmf":
        return Factorizer((replace(settings.wmf, factors=settings.factors),))
    if name == "vector_exp":
        return Factorizer((replace(settings.vector_exp, factors=settings.factors),))
    if name == "both":
        half = settings.factors // 2
        first = replace(settings.wmf, factors=settings.factors - half)
        return Factorizer((first, replace(settings.vector_exp, factors=half)))
    raise ValueError(f"unknown factorizer {name!r}: one of {', '.join(NAMES)}")


def _fold_in(rows: sparse.csr_array, factors: Factors, part: WmfSettings | VectorExpSettings) -> FloatArray:
    if isinstance(part, WmfSettings):
        return wmf.fold_in(rows, factors, part)
    return softmax_mf.fold_in(rows, factors, part)


def _unit(matrix: sparse.csr_array, factors: Factors) -> np.float32:
    """Compute the factor of both sides that gives scores over all that has an entry a standard deviation of 1."""
    x = factors.contexts[np.diff(matrix.indptr) > 0].astype(np.float64)
    y = factors.tracks[np.bincount(matrix.indices, minlength=matrix.shape[1]) > 0].astype(np.float64)
    if not len(x) or not len(y):
        return np.float32(1)
    square = np.sum((x.T @ x) * (y.T @ y)) / (len(x) * len(y))
    variance = square - (x.mean(axis=0) @ y.mean(axis=0)) ** 2
    return np.float32(variance**-0.25 if variance > 1e-12 else 1)
