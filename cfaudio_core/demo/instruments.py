"""Single sounds: a note on each instrument, the drums, and the echo of a room.

A sound is a float32 array (samples,) at `RATE`, about 1 at its loudest; a `Tape` puts sounds together in
stereo.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]
Raw = npt.NDArray[np.floating[Any]]
"""A sound in the making, of any precision."""

RATE = 22050
"""Samples a second: the range of music taggers (up to 8 kHz) and some air above it."""

_CYCLE_SAMPLES = 4096  # of one stored period; a power of two, so that the phase wraps by a mask
_SINE = np.sin(2 * np.pi * np.arange(_CYCLE_SAMPLES) / _CYCLE_SAMPLES).astype(np.float32)


def clock(seconds: float) -> npt.NDArray[np.float64]:
    """Return the time in seconds of each sample of a sound, float64 (samples,)."""
    return np.arange(max(int(seconds * RATE), 1)) / RATE


def wave(pitch: float, seconds: float, slope: float, odd: bool = False) -> Sound:
    """Sound a steady tone of all partials below the Nyquist frequency.

    `pitch` is that of MIDI: 69 is A at 440 Hz, 12 an octave. Partial k has the amplitude k ** -slope: 1 is a saw, 2 is
    soft. With `odd` there are odd partials alone, as of a square wave or a clarinet.
    """
    hz = _hertz(pitch)
    partials = np.arange(1, max(int(0.45 * RATE / hz), 1) + 1, 2 if odd else 1)
    spectrum = np.zeros(_CYCLE_SAMPLES // 2 + 1, np.complex128)
    spectrum[partials] = -1j * partials.astype(float) ** -slope
    period = np.fft.irfft(spectrum, _CYCLE_SAMPLES)
    phase = (np.arange(len(clock(seconds))) * (hz * _CYCLE_SAMPLES / RATE)).astype(np.int64)
    tone: Sound = (period / np.abs(period).max()).astype(np.float32)[phase & (_CYCLE_SAMPLES - 1)]
    return tone


def swell(sound: Raw, attack: float, release: float) -> Sound:
    """Let a sound rise for `attack` and fall for `release` seconds, both rounded."""
    shaped = sound.astype(np.float32)
    rise, fall = (min(int(s * RATE), len(sound)) for s in (attack, release))
    shaped[:rise] *= np.sin(np.linspace(0, np.pi / 2, rise, dtype=np.float32)) ** 2
    shaped[len(sound) - fall :] *= np.cos(np.linspace(0, np.pi / 2, fall, dtype=np.float32)) ** 2
    return shaped


def band(sound: Raw, low: float | None, high: float | None) -> Sound:
    """Keep what lies between two frequencies in Hz, less 12 dB an octave beyond them; None: no bound.

    `sound` is (..., samples).
    """
    n = _fft_length(sound.shape[-1])
    hz = np.fft.rfftfreq(n, 1 / RATE)
    gain = np.ones(len(hz)) if high is None else 1 / np.sqrt(1 + (hz / high) ** 4)
    if low is not None:
        gain /= np.sqrt(1 + (low / np.maximum(hz, 1e-3)) ** 4)
    spectrum = np.fft.rfft(sound.astype(np.float32), n)
    filtered: Sound = np.fft.irfft(spectrum * gain.astype(np.float32), n)[..., : sound.shape[-1]].astype(np.float32)
    return filtered


def piano(pitch: float, seconds: float, brightness: float) -> Sound:
    """Strike a string: partials slightly too high, the higher ones duller and sooner gone."""
    t = clock(seconds).astype(np.float32)
    samples = np.arange(len(t))
    hz = _hertz(pitch)
    sound = np.zeros(len(t), np.float32)
    for k in range(1, 11):
        partial = k * hz * np.sqrt(1 + 4e-4 * k * k)
        if partial < 0.45 * RATE:
            decay = (0.5 + hz / 900) * (1 + 0.45 * (k - 1))
            phase = (samples * (partial * _CYCLE_SAMPLES / RATE)).astype(np.int64) & (_CYCLE_SAMPLES - 1)
            sound += np.float32(k ** (-2.2 + brightness)) * np.exp(np.float32(-decay) * t) * _SINE[phase]
    return swell(0.6 * sound, 0.004, 0.12)


def distorted(rng: np.random.Generator, pitches: tuple[int, ...], seconds: float, gain: float, muted: bool) -> Sound:
    """Play strings into an overdriven amplifier; `muted` by the palm of the hand they are short and dark."""
    strings = np.mean([wave(pitch, seconds, 1.1) for pitch in pitches], axis=0)
    strings = strings * np.exp(-(9.0 if muted else 0.7) * clock(seconds))
    # The grit of pick and valves: without it a tagger, too, takes it for a synthesiser.
    strings += 0.8 * np.abs(strings) * rng.standard_normal(len(strings))
    return swell(band(np.tanh(gain * strings), 90, 1600 if muted else 4200), 0.003, 0.03)


def bell(pitch: float, seconds: float) -> Sound:
    """Strike a bar: two inharmonic partials, by modulation of the phase."""
    t = clock(seconds)
    phase = 2 * np.pi * _hertz(pitch) * t
    return swell(np.exp(-1.4 * t) * np.sin(phase + np.exp(-3 * t) * np.sin(3.01 * phase)), 0.01, 0.2)


def kick(low: float, seconds: float = 0.3) -> Sound:
    """Hit a bass drum: a tone that falls to `low` Hz within a few hundredths of a second."""
    t = clock(seconds)
    phase = low * t + 5.0 * (1 - np.exp(-t / 0.028))
    return swell(np.sin(2 * np.pi * phase) * np.exp(-9 * t), 0.001, 0.05)


def snare(rng: np.random.Generator, tone: float, seconds: float = 0.22) -> Sound:
    """Hit a snare drum: noise of the wires over a short tone in Hz."""
    t = clock(seconds)
    wires = band(rng.standard_normal(len(t)), 900, None) * np.exp(-18 * t)
    skin = np.sin(2 * np.pi * tone * t) * np.exp(-25 * t)
    return swell(0.45 * wires + 0.6 * skin, 0.001, 0.02)


def hat(rng: np.random.Generator, seconds: float) -> Sound:
    """Hit a cymbal: 0.05 s of high noise is a closed hi-hat, 0.3 s an open one, 1.5 s a crash."""
    t = clock(seconds)
    noise = band(rng.standard_normal(len(t)), 6000, None)
    return swell(0.5 * noise * np.exp(-4 / seconds * t), 0.001, seconds / 4)


def room(rng: np.random.Generator, seconds: float) -> Callable[[Sound], Sound]:
    """Build a room: it turns a sound, (samples, 2), into its echo, noise that dies away by 60 dB in `seconds`."""
    t = clock(seconds)
    clap = band(rng.standard_normal((2, len(t))) * np.exp(-6.9 * t / seconds), 150, 5000)
    clap /= np.sqrt((clap**2).sum(axis=1, keepdims=True))
    spectrum = cache(lambda n: np.fft.rfft(clap, n))

    def echo(sound: Sound) -> Sound:
        n = _fft_length(len(sound) + len(clap[0]))
        wet = np.fft.irfft(np.fft.rfft(sound @ np.ones(2, np.float32), n) * spectrum(n), n)
        return np.asarray(wet[:, : len(sound)].T, np.float32)

    return echo


def width(rng: np.random.Generator) -> float:
    """Draw how wide a recording is: an engineer's choice, which tells nothing of the style."""
    return float(rng.uniform(0.1, 1.2))


class Tape:
    """A stereo recording in the making: float32 (samples, 2), silent at first.

    Parameters
    ----------
    seconds
        Length; what is laid beyond the end is cut off.
    """

    def __init__(self, seconds: float) -> None:
        self.audio: Sound = np.zeros((len(clock(seconds)), 2), np.float32)

    def lay(self, sound: Sound, at: float, gain: float = 1.0, pan: float = 0.0) -> None:
        """Add a sound `at` some seconds; `pan` from -1 (left) to 1 (right), equally loud everywhere."""
        start = int(at * RATE)
        stretch = self.audio[start : start + len(sound)]
        angle = (pan + 1) * np.pi / 4
        for channel, share in enumerate((np.cos(angle), np.sin(angle))):
            stretch[:, channel] += np.float32(gain * share) * sound[: len(stretch)]

    def reverberate(self, echo: Callable[[Sound], Sound], wet: float) -> None:
        """Add the echo of a `room`."""
        self.audio += np.float32(wet) * echo(self.audio)

    def master(self, fade: float, width: float) -> Sound:
        """Finish the recording: float32 (samples, 2) within -1 and 1, peaks rounded off, the end faded."""
        middle = self.audio @ np.full((2, 1), 0.5, np.float32)
        self.audio = middle + np.float32(width) * (self.audio - middle)
        loud = max(float(np.percentile(np.abs(self.audio[::31]), 99.5)), 1e-6)
        finished: Sound = 0.9 * np.tanh(0.75 / loud * self.audio)
        tail = min(int(fade * RATE), len(finished))
        finished[len(finished) - tail :] *= np.linspace(1, 0, tail, dtype=np.float32)[:, None]
        return finished


def _hertz(pitch: float) -> float:
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


def _fft_length(n: int) -> int:
    """Round up to a length that a fast Fourier transform is fast for, less than an eighth longer."""
    step = 1 << max(n.bit_length() - 4, 0)
    return -(-n // step) * step
