"""Four styles of music, composed and played by rule: the same seed always gives the same piece.

Every style fixes instruments, texture and rhythm, and draws the rest: key, mode, tempo,
progression, pattern and timbre. A piece is float32 (samples, 2) at `instruments.RATE`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from cfaudio_core.demo import instruments as on
from cfaudio_core.demo.instruments import Sound, Tape

Composer = Callable[[np.random.Generator, float], Sound]
"""Composes a piece from a generator and a length in seconds."""

_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 10)


def _degree(scale: tuple[int, ...], step: int) -> int:
    """Count the semitones above the tonic of a step of the scale, which goes on into the other octaves."""
    octave, within = divmod(step, len(scale))
    return 12 * octave + scale[within]


def _pick(rng: np.random.Generator, *choices: tuple[int, ...]) -> tuple[int, ...]:
    return choices[rng.integers(len(choices))]


def _melody(rng: np.random.Generator, notes: int, low: int, high: int) -> list[int]:
    """Wander along the steps of a scale by small intervals between two bounds."""
    step, steps = (low + high) // 2, []
    for _ in range(notes):
        step = int(np.clip(step + rng.choice((-2, -1, -1, 0, 1, 1, 2, 3)), low, high))
        steps.append(step)
    return steps


def piano_piece(rng: np.random.Generator, seconds: float) -> Sound:
    """Play solo piano: broken chords in the left hand, a slow tune in the right, in a small hall."""
    tape = Tape(seconds)
    beat = 60 / rng.uniform(58, 96)
    tonic = int(rng.integers(43, 54))
    scale = _MINOR if rng.random() < 0.5 else _MAJOR
    chords = _pick(rng, (0, 5, 3, 4), (0, 4, 5, 3), (0, 2, 3, 4), (5, 3, 0, 4))
    broken = _pick(rng, (0, 2, 4, 7), (0, 4, 7, 4), (0, 4, 9, 7), (0, 7, 4, 9))
    brightness = rng.uniform(0.2, 0.9)
    struck = cache(lambda pitch, length: on.piano(pitch, length, brightness))

    tune = _melody(rng, 32, 12, 21)
    beats = int(seconds / beat)
    for number in range(beats):
        chord = chords[number // 4 % 4]
        # Nobody plays like a clock: every stroke comes a little early or late, softer or louder.
        for half in range(2):
            at = (number + half / 2) * beat + abs(rng.normal(0, 0.008))
            step = chord + broken[(2 * number + half) % 4]
            tape.lay(struck(tonic + _degree(scale, step), 2.5), at, rng.uniform(0.35, 0.5), -0.2)
        if number % 4 == 0:
            tape.lay(struck(tonic - 12 + _degree(scale, chord), 4.0), number * beat, 0.6, -0.3)
        if number >= 8 and rng.random() < 0.65:
            step = tune[number % 32]
            tape.lay(struck(tonic + _degree(scale, step), 2.5), number * beat, rng.uniform(0.5, 0.8), 0.25)
    tape.reverberate(rng, rng.uniform(1.0, 1.8), 0.25)
    return tape.master(fade=3.0)


def electronic_piece(rng: np.random.Generator, seconds: float) -> Sound:
    """Play techno: four on the floor, hats between, a synth bass in sixteenths, a sequence on top."""
    drums, synths = Tape(seconds), Tape(seconds)
    sixteenth = 60 / rng.uniform(118, 136) / 4
    tonic = int(rng.integers(33, 42))
    chords = _pick(rng, (0, 0, 5, 6), (0, 3, 5, 4), (0, 0, 3, 3), (0, 5, 2, 6))
    bass_line = rng.random(16) < rng.uniform(0.5, 0.8)
    octave_up = rng.random(16) < 0.25
    sequence = rng.permutation((0, 2, 4, 7, 9, 4, 2, 7))
    cutoff, slope, odd = rng.uniform(500, 1400), rng.uniform(0.9, 1.3), bool(rng.random() < 0.5)
    drum, closed, opened = on.kick(rng.uniform(44, 54)), on.hat(rng, 0.05), on.hat(rng, 0.22)
    clap = on.band(on.snare(rng, 330), 700, 7000)

    @cache
    def bass(pitch: int) -> Sound:
        return on.swell(on.band(on.wave(pitch, 1.6 * sixteenth, 1.0), None, cutoff), 0.004, 0.06)

    @cache
    def lead(pitch: int) -> Sound:
        two = [on.wave(pitch + d, 2 * sixteenth, slope, odd) for d in (0.0, 0.12)]
        return on.swell(np.mean(two, axis=0), 0.005, 1.2 * sixteenth)

    @cache
    def stab(pitch: int) -> Sound:
        return on.swell(on.band(on.wave(pitch, 8 * sixteenth, 1.0), 200, 2.5 * cutoff), 0.01, 6 * sixteenth)

    steps = int(seconds / sixteenth)
    for number in range(steps):
        at, bar, place = number * sixteenth, number // 16, number % 16
        chord = chords[bar % 4]
        # The form in eighths of the piece: drums and bass, the sequence, a break without bass drum, and all.
        part = 8 * number // steps
        if place % 4 == 0 and part != 4:
            drums.lay(drum, at, 1.0)
        if place % 4 == 2:
            drums.lay(opened, at, 0.35, 0.2)
        drums.lay(closed, at, 0.3 if place % 2 else 0.18, -0.2)
        if place in (4, 12) and part >= 1:
            drums.lay(clap, at, 0.5)
        if bass_line[place]:
            synths.lay(bass(tonic + _degree(_MINOR, chord) + 12 * int(octave_up[place])), at, 0.6)
        if part >= 2:
            synths.lay(lead(tonic + 24 + _degree(_MINOR, chord + int(sequence[number % 8]))), at, 0.22, 0.3)
        if place == 6 and part >= 3:
            for third in (0, 2, 4):
                synths.lay(stab(tonic + 24 + _degree(_MINOR, chord + third)), at, 0.2, -0.3)
    # Everything else ducks under the bass drum, as a compressor would make it.
    since_beat = np.mod(np.arange(len(synths.audio)) / on.RATE, 4 * sixteenth) / (4 * sixteenth)
    synths.audio *= (0.35 + 0.65 * np.minimum(2 * since_beat, 1)).astype(np.float32)[:, None]
    synths.reverberate(rng, 0.7, 0.2)
    drums.audio += synths.audio
    return drums.master(fade=1.0)


def rock_piece(rng: np.random.Generator, seconds: float) -> Sound:
    """Play hard rock: power chords on two distorted guitars, bass, drums, a solo in the middle."""
    tape = Tape(seconds)
    eighth = 60 / rng.uniform(112, 168) / 2
    tonic = int(rng.integers(38, 45))
    chords = _pick(rng, (0, 5, 3, 6), (0, 3, 6, 5), (0, 0, 6, 5), (0, 6, 3, 4))
    accents = rng.random(8) < rng.uniform(0.3, 0.6)
    accents[0] = True
    kicks = rng.random(8) < 0.4
    kicks[[0, 4]] = True, rng.random() < 0.5
    gain = rng.uniform(5, 14)
    drum, beaten = on.kick(rng.uniform(52, 62), 0.22), on.snare(rng, rng.uniform(180, 230))
    crash, ride = on.hat(rng, 1.4), on.hat(rng, rng.uniform(0.08, 0.3))

    @cache
    def chord_of(pitch: int, muted: bool) -> Sound:
        return on.distorted(rng, (pitch, pitch + 7, pitch + 12), (1.1 if muted else 2.0) * eighth, gain, muted)

    @cache
    def solo(pitch: int) -> Sound:
        return on.distorted(rng, (pitch,), 2.2 * eighth, 1.5 * gain, False)

    @cache
    def bass(pitch: int) -> Sound:
        return on.swell(on.band(on.wave(pitch, eighth, 1.0), None, 700), 0.004, 0.05)

    tune = _melody(rng, 24, 7, 18)
    eighths = int(seconds / eighth)
    for number in range(eighths):
        at, bar, place = number * eighth, number // 8, number % 8
        root = tonic + _degree(_MINOR, chords[bar % 4])
        root -= 12 if root > 50 else 0
        part = 8 * number // eighths
        chorus = part in (2, 3, 6, 7)
        for side in (-0.8, 0.8):
            # Two takes of the same riff are never quite together: that is what makes it wide.
            late = at + abs(rng.normal(0, 0.006))
            tape.lay(chord_of(root, not (chorus or bool(accents[place]))), late, 0.42, side)
        tape.lay(bass(root - 12), at, 0.5)
        if part in (4, 5, 6) and place != 7:
            tape.lay(solo(tonic + 12 + _degree(_MINOR, tune[number % 24])), at, 0.4, 0.1)
        if part >= 1:
            tape.lay(ride, at, 0.18 if place % 2 == 0 else 0.11, 0.3)
            if kicks[place]:
                tape.lay(drum, at, 0.55)
            if place in (2, 6) or (place == 7 and bar % 4 == 3):
                tape.lay(beaten, at, rng.uniform(0.75, 0.95))
            if place == 0 and bar % 4 == 0:
                tape.lay(crash, at, 0.35, -0.3)
    tape.reverberate(rng, 0.5, 0.12)
    return tape.master(fade=1.5)


def ambient_piece(rng: np.random.Generator, seconds: float) -> Sound:
    """Play ambient: slow pads that melt into each other in a huge room, wind, a few bells, no beat."""
    tape = Tape(seconds)
    tonic = int(rng.integers(38, 49))
    scale = _MINOR if rng.random() < 0.6 else _MAJOR
    chords = _pick(rng, (0, 3, 0, 5), (0, 4, 3, 3), (0, 5, 4, 3), (3, 0, 5, 0))
    every = rng.uniform(6.5, 10)
    slope, odd, dark = rng.uniform(1.4, 2.2), bool(rng.random() < 0.4), rng.uniform(600, 1800)
    bells, detune = rng.uniform(0, 5), rng.uniform(0.04, 0.12)

    @cache
    def pad(pitch: int) -> Sound:
        length = 1.6 * every
        voices = [on.wave(pitch + d, length, slope, odd) for d in (-detune, 0.0, detune)]
        return on.swell(on.band(np.mean(voices, axis=0), None, dark), 0.4 * length, 0.55 * length)

    for number in range(int(seconds / every) + 1):
        chord = chords[number % 4]
        for voice, step in enumerate((-7, 0, 2, 4, 6 if number % 2 else 8)):
            at = number * every + rng.uniform(0, 0.8)
            tape.lay(pad(tonic + 12 + _degree(scale, chord + step)), at, 0.3, 0.45 * (voice - 2))
        for _ in range(rng.poisson(bells)):
            step = int(rng.choice((7, 9, 11, 14)))
            tape.lay(
                on.bell(tonic + 12 + _degree(scale, chord + step), 4.0),
                (number + rng.random()) * every,
                rng.uniform(0.05, 0.15),
                rng.uniform(-0.8, 0.8),
            )
    wind = on.band(rng.standard_normal(len(tape.audio)), 250, rng.uniform(700, 1500))
    breath = 0.5 + 0.5 * np.sin(2 * np.pi * np.arange(len(wind)) / on.RATE / rng.uniform(9, 15))
    tape.lay(wind * breath.astype(np.float32), 0.0, 0.08)
    tape.reverberate(rng, 4.0, 0.9)
    return tape.master(fade=6.0)
