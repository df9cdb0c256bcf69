"""Tempo, key and energy of tracks, from their stored descriptors: what people ask for by name."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cfaudio_core.audio.descriptors import DESCRIPTORS, FACTS, MAX_LAG, MIN_LAG, PARTS
from cfaudio_core.audio.melspec import HOP, SAMPLE_RATE
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.util.arrays import FloatArray, float32

_ENDS = np.cumsum([width for _, width in (*PARTS, *FACTS)])
_COLUMNS = {name: slice(int(end) - width, int(end)) for (name, width), end in zip((*PARTS, *FACTS), _ENDS, strict=True)}
_ONSET_RATE = _COLUMNS["rhythm"].start + 2

_PITCHES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
# How well each pitch class fits into C major and C minor: Krumhansl, "Cognitive Foundations of Musical Pitch", 1990.
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)

_USUAL_BPM = 120.0
_OCTAVES = 1.0  # by which tempi spread around it: Ellis, "Beat tracking by dynamic programming", JNMR 36(1), 2007
_MIN_REPETITION = 0.05  # of a beat: there is none in what repeats less
_QUIET_DB, _LOUD_DB = -40.0, -8.0  # RMS below full scale
_MANY_ONSETS = 10.0  # a second


class Character(NamedTuple):
    """What a track is like.

    Attributes
    ----------
    tempo
        Beats a minute; None where nothing repeats. It may be twice or half of what one taps.
    key
        As in "A minor"; None where no pitch stands out.
    energy
        0 to 1: half of it how loud, half how many onsets.
    """

    tempo: float | None
    key: str | None
    energy: float


def read_character(store: FeatureStore, keys: Iterable[str]) -> dict[str, Character]:
    """Characterize tracks by their content keys; those without descriptors are left out."""
    return {key: characterize(windows) for key, windows in store.read(DESCRIPTORS, keys)}


def characterize(windows: npt.NDArray[np.float16]) -> Character:
    """Characterize a track by the descriptors of its windows, float16 (k, N_DESCRIPTORS)."""
    mean = windows.astype(np.float32).mean(axis=0)
    loud = (float(mean[_COLUMNS["level"]][0]) - _QUIET_DB) / (_LOUD_DB - _QUIET_DB)
    busy = float(mean[_ONSET_RATE]) / _MANY_ONSETS
    energy = (min(max(loud, 0.0), 1.0) + min(busy, 1.0)) / 2
    return Character(_tempo(mean[_COLUMNS["repetition"]]), _key(mean[_COLUMNS["chroma"]]), energy)


def _tempo(repetition: FloatArray) -> float | None:
    """Find the likeliest beat in an autocorrelation of onsets at `MIN_LAG` and following lags."""
    lags = np.arange(MIN_LAG, MAX_LAG)
    bpm = 60 * SAMPLE_RATE / HOP / lags
    best = int(np.argmax(repetition * np.exp(-0.5 * (np.log2(bpm / _USUAL_BPM) / _OCTAVES) ** 2)))
    if repetition[best] < _MIN_REPETITION:
        return None
    before, at, after = repetition[[max(best - 1, 0), best, min(best + 1, len(lags) - 1)]]
    bend = before - 2 * at + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0  # where the parabola through them has its peak
    return float(60 * SAMPLE_RATE / HOP / (lags[best] + np.clip(shift, -0.5, 0.5)))


@functools.cache
def _profiles() -> FloatArray:
    """Profiles of the 12 major and 12 minor keys, float32 (24, 12), each with mean 0 and unit length."""
    rows = np.array([np.roll(profile, k) for profile in (_MAJOR, _MINOR) for k in range(12)], np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    return float32(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _key(chroma: FloatArray) -> str | None:
    """Find the key whose profile a chroma, (12,), correlates with best (Krumhansl and Schmuckler)."""
    if chroma.std() < 1e-6:
        return None
    mode, tonic = divmod(int(np.argmax(_profiles() @ chroma)), 12)
    return f"{_PITCHES[tonic]} {('major', 'minor')[mode]}"
