"""From what is foretold of a listener as a whole and of each taste mode to one preference.

A track is liked if it suits any of the modes, so the strongest one counts. What is foretold of the whole and of the
strongest mode are two guesses of the same number, log(1 + plays), that are wrong about different tracks, and so their
mean is taken where sound is all there is to go by; docs/measurements.md says how little that gains. How much an artist
or an album is played altogether needs no modes, and the largest of several small numbers of plays would be the luckiest
one: the more is known of a track's labels, the less the modes have a say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cfaudio_core.tracks import FloatArray, IntArray, float32

_LUCK = 0.05  # of a few hundred held-out tracks' correlations, a smaller difference says nothing of these modes


class ModeTargets(NamedTuple):
    """Preferences for the modes of all listeners, side by side.

    Attributes
    ----------
    owner
        int64 (k,): whose mode it is, as a position among the listeners.
    division
        int64 (k,): which of the owner's divisions into modes it belongs to.
    values
        float32 (m, k): log(1 + plays in the mode), standardised over m tracks.
    mean, scale
        float32 (k,), to get back from there.
    """

    owner: IntArray
    division: IntArray
    values: FloatArray
    mean: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, plays: Sequence[Sequence[FloatArray]], m: int) -> ModeTargets:
        """Targets over m tracks from the plays, float32 (modes, m), by each division of each listener."""
        labelled = [(j, d, row) for j, own in enumerate(plays) for d, rows in enumerate(own) for row in rows]
        preference = np.log1p(np.array([row for *_, row in labelled], np.float32).reshape(-1, m)).T
        mean, scale = preference.mean(axis=0), np.maximum(preference.std(axis=0), 1e-3)
        owner, division = (np.array([label[axis] for label in labelled], np.int64) for axis in (0, 1))
        return cls(owner, division, float32((preference - mean) / scale), float32(mean), float32(scale))


class Taste(NamedTuple):
    """How to get each listener's preference from all that is foretold.

    Attributes
    ----------
    owner, division, mean, scale
        As in `ModeTargets`.
    whole
        float32 (listeners, 4): mean and spread of the listener's preference before it was standardised; how much the
        strongest mode weighs against the whole, 0 to 1; and what is to be added in the end so that held-out
        predictions are right on the whole.
    """

    owner: IntArray
    division: IntArray
    mean: FloatArray
    scale: FloatArray
    whole: FloatArray

    @classmethod
    def fit(
        cls, modes: ModeTargets, moments: FloatArray, outputs: FloatArray, covered: FloatArray, truth: FloatArray
    ) -> Taste:
        """Decide by held-out predictions whether the strongest mode is out of its depth, and set the constant.

        Parameters
        ----------
        modes
            The k modes of all listeners.
        moments
            float32 (listeners, 2): mean and spread of preference.
        outputs
            float32 (m, listeners + k and more): held-out predictions, wholes first and modes next.
        covered
            float32 (m,): how much is known of the tracks' labels, see `effects.Effects.covered`.
        truth
            float32 (m, listeners): standardised preference; NaN where unknown.
        """
        taste = cls(modes.owner, modes.division, modes.mean, modes.scale, np.pad(moments, ((0, 0), (0, 2))))
        for j in np.unique(modes.owner):
            known = np.isfinite(truth[:, j])
            alone = _correlation(outputs[known, j], truth[known, j])
            taste.whole[j, 2] = 0.5
            mixed = taste.preferences(outputs, covered)[known, j]
            if _correlation(mixed, truth[known, j]) > alone - _LUCK:
                taste.whole[j, 3] = np.mean(truth[known, j] - mixed)
            else:
                taste.whole[j, 2] = 0
        return taste

    def preferences(self, outputs: FloatArray, covered: FloatArray) -> FloatArray:
        """Preferences from all predictions.

        Parameters
        ----------
        outputs
            float32 (n, listeners + k and more), as in `fit`.
        covered
            float32 (n,), as in `fit`.

        Returns
        -------
        FloatArray
            float32 (n, listeners), standardised.
        """
        preferences = outputs[:, : len(self.whole)].copy()
        for j in np.unique(self.owner):
            mean, spread, share, constant = self.whole[j]
            strongest = self._strongest(outputs[:, len(self.whole) :], int(j))
            said = share * (1 - covered)
            preferences[:, j] = (1 - said) * outputs[:, j] + said * (strongest - mean) / spread + constant
        return float32(preferences)

    def _strongest(self, modes: FloatArray, listener: int) -> FloatArray:
        """float32 (n,): log(1 + plays) in the strongest mode of each division, on the mean over the divisions."""
        divisions = []
        for division in np.unique(self.division[self.owner == listener]):
            own = np.flatnonzero((self.owner == listener) & (self.division == division))
            divisions.append((modes[:, own] * self.scale[own] + self.mean[own]).max(axis=1))
        return float32(np.mean(divisions, axis=0))


def _correlation(one: FloatArray, other: FloatArray) -> float:
    return float(np.corrcoef(one, other)[0, 1]) if one.std() > 0 and other.std() > 0 else 0.0
