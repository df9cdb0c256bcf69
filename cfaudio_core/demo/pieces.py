"""Styles of music, composed and played by rule: the same seed always gives the same piece.

Every style fixes instruments, texture and rhythm. An artist draws timbre, room and about how fast to play, and each
piece its key, mode, progression and patterns. A piece is float32 (samples, 2) at `instruments.RATE`. What a note sounds
like is computed once an artist.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from cfaudio_core.demo import instruments as on
from cfaudio_core.demo.instruments import Sound, Tape

Composer = Callable[[np.random.Generator, float], Sound]
"""Composes a piece from a generator and a length in seconds."""

Ensemble = Callable[[np.random.Generator], Composer]
"""Draws an artist's instruments, and makes the function that composes for them."""

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


def piano_player(artist: np.random.Generator, bpm: tuple[float, float] = (54, 84)) -> Composer:
    """Draw a piano and a small hall."""
    beat = 60 / artist.uniform(*bpm)
    brightness, hall, width = artist.uniform(0.2, 0.9), artist.uniform(1.0, 1.8), on.width(artist)
    held, echo = min(2.5, 4 * beat), on.room(artist, hall)
    struck = cache(lambda pitch, length: on.piano(pitch, length, brightness))

    def compose(rng: np.random.Generator, seconds: float) -> Sound:
        """Play broken chords in the left hand, a slow tune in the right."""
        tape = Tape(seconds)
        tonic = int(rng.integers(43, 54))
        scale = _MINOR if rng.random() < 0.5 else _MAJOR
        chords = _pick(rng, (0, 5, 3, 4), (0, 4, 5, 3), (0, 2, 3, 4), (5, 3, 0, 4))
        broken = _pick(rng, (0, 2, 4, 7), (0, 4, 7, 4), (0, 4, 9, 7), (0, 7, 4, 9))
        tune = _melody(rng, 32, 12, 21)
        for number in range(int(seconds / beat)):
            chord = chords[number // 4 % 4]
            # Nobody plays like a clock: every stroke comes a little early or late, softer or louder.
            for half in range(2):
                at = (number + half / 2) * beat + abs(rng.normal(0, 0.008))
                step = chord + broken[(2 * number + half) % 4]
                tape.lay(struck(tonic + _degree(scale, step), held), at, rng.uniform(0.35, 0.5), -0.2)
            if number % 4 == 0:
                tape.lay(struck(tonic - 12 + _degree(scale, chord), 4.0), number * beat, 0.6, -0.3)
            if number >= 4 and rng.random() < 0.65:
                step = tune[number % 32]
                tape.lay(struck(tonic + _degree(scale, step), held), number * beat, rng.uniform(0.5, 0.8), 0.25)
        tape.reverberate(echo, 0.18)
        return tape.master(fade=seconds / 10, width=width)

    return compose


def techno_act(artist: np.random.Generator) -> Composer:
    """Draw drum sounds, a synth bass, a lead and a stab, and a tempo."""
    sixteenth = 60 / artist.uniform(118, 136) / 4
    cutoff, slope, odd = artist.uniform(500, 1400), artist.uniform(0.9, 1.3), bool(artist.random() < 0.5)
    drum, closed, opened = on.kick(artist.uniform(44, 54)), on.hat(artist, 0.05), on.hat(artist, 0.22)
    clap, echo, width = on.band(on.snare(artist, 330), 700, 7000), on.room(artist, 0.7), on.width(artist)

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

    def compose(rng: np.random.Generator, seconds: float) -> Sound:
        """Play four on the floor, hats between, the bass in sixteenths, a sequence on top."""
        drums, synths = Tape(seconds), Tape(seconds)
        tonic = int(rng.integers(33, 42))
        chords = _pick(rng, (0, 0, 5, 6), (0, 3, 5, 4), (0, 0, 3, 3), (0, 5, 2, 6))
        bass_line = rng.random(16) < rng.uniform(0.5, 0.8)
        octave_up = rng.random(16) < 0.25
        sequence = rng.permutation((0, 2, 4, 7, 9, 4, 2, 7))
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
        synths.reverberate(echo, 0.14)
        drums.audio += synths.audio
        return drums.master(fade=seconds / 20, width=width)

    return compose


def rock_band(artist: np.random.Generator, bpm: tuple[float, float] = (124, 172)) -> Composer:
    """Draw two distorted guitars, a bass and drums, and a tempo."""
    eighth = 60 / artist.uniform(*bpm) / 2
    gain = artist.uniform(5, 14)
    drum, beaten = on.kick(artist.uniform(52, 62), 0.22), on.snare(artist, artist.uniform(180, 230))
    crash, ride = on.hat(artist, 1.4), on.hat(artist, artist.uniform(0.08, 0.3))
    echo, width = on.room(artist, 0.5), on.width(artist)

    @cache
    def chord_of(pitch: int, muted: bool) -> Sound:
        length = (1.1 if muted else 2.0) * eighth
        return on.distorted(_grit(pitch), (pitch, pitch + 7, pitch + 12), length, gain, muted)

    @cache
    def solo(pitch: int) -> Sound:
        return on.distorted(_grit(pitch), (pitch,), 2.2 * eighth, 1.5 * gain, False)

    @cache
    def bass(pitch: int) -> Sound:
        return on.swell(on.band(on.wave(pitch, eighth, 1.0), None, 700), 0.004, 0.05)

    def compose(rng: np.random.Generator, seconds: float) -> Sound:
        """Play power chords, bass and drums, with a solo in the middle."""
        tape = Tape(seconds)
        tonic = int(rng.integers(38, 45))
        chords = _pick(rng, (0, 5, 3, 6), (0, 3, 6, 5), (0, 0, 6, 5), (0, 6, 3, 4))
        accents = rng.random(8) < rng.uniform(0.3, 0.6)
        accents[0] = True
        kicks = rng.random(8) < 0.4
        kicks[[0, 4]] = True, rng.random() < 0.5
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
        tape.reverberate(echo, 0.08)
        return tape.master(fade=seconds / 20, width=width)

    return compose


def ambient_ensemble(artist: np.random.Generator) -> Composer:
    """Draw a pad, bells and wind in a huge room, and how slowly chords change."""
    every = artist.uniform(3.0, 5.0)
    slope, odd, dark = artist.uniform(1.4, 2.2), bool(artist.random() < 0.4), artist.uniform(600, 1800)
    bells, detune = artist.uniform(0, 3), artist.uniform(0.04, 0.12)
    gale, breath = artist.uniform(700, 1500), artist.uniform(4, 8)
    echo, width = on.room(artist, 2.5), on.width(artist)

    @cache
    def pad(pitch: int) -> Sound:
        length = 1.6 * every
        voices = [on.wave(pitch + d, length, slope, odd) for d in (-detune, 0.0, detune)]
        return on.swell(on.band(np.mean(voices, axis=0), None, dark), 0.4 * length, 0.55 * length)

    bell = cache(lambda pitch: on.bell(pitch, 4.0))

    def compose(rng: np.random.Generator, seconds: float) -> Sound:
        """Play slow pads that melt into each other, a few bells, no beat."""
        tape = Tape(seconds)
        tonic = int(rng.integers(38, 49))
        scale = _MINOR if rng.random() < 0.6 else _MAJOR
        chords = _pick(rng, (0, 3, 0, 5), (0, 4, 3, 3), (0, 5, 4, 3), (3, 0, 5, 0))
        for number in range(int(seconds / every) + 1):
            chord = chords[number % 4]
            for voice, step in enumerate((-7, 0, 2, 4, 6 if number % 2 else 8)):
                at = number * every + rng.uniform(0, 0.8)
                tape.lay(pad(tonic + 12 + _degree(scale, chord + step)), at, 0.3, 0.45 * (voice - 2))
            for _ in range(rng.poisson(bells)):
                pitch = tonic + 12 + _degree(scale, chord + int(rng.choice((7, 9, 11, 14))))
                at = (number + rng.random()) * every
                tape.lay(bell(pitch), at, rng.uniform(0.05, 0.15), rng.uniform(-0.8, 0.8))
        wind = on.band(rng.standard_normal(len(tape.audio)), 250, gale)
        swells = 0.5 + 0.5 * np.sin(2 * np.pi * np.arange(len(wind)) / on.RATE / breath)
        tape.lay(wind * swells.astype(np.float32), 0.0, 0.08)
        tape.reverberate(echo, 0.6)
        return tape.master(fade=seconds / 8, width=width)

    return compose


def _grit(pitch: int) -> np.random.Generator:
    """Start the noise of a string anew, so that a note is the same whichever piece is the first to play it."""
    return np.random.default_rng(pitch)
