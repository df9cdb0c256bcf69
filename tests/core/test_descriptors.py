"""Audio descriptors of synthesised music, and tempo, key and energy of it."""

from __future__ import annotations

import numpy as np
import pytest

from cfaudio_core.audio.descriptors import FACTS, N_DESCRIPTORS, PARTS, describe_windows
from cfaudio_core.audio.melspec import SAMPLE_RATE, WINDOW_SAMPLES, log_mel
from cfaudio_core.features.character import Character, characterize

SECONDS = 36
MINOR = (0, 2, 3, 5, 7, 8, 10)
MAJOR = (0, 2, 4, 5, 7, 9, 11)


def decaying(sound, seconds=0.5):
    return sound * np.exp(-8 * np.arange(len(sound)) / SAMPLE_RATE / seconds)


def sequence(notes, every):
    """Sound notes one after the other, over and over, every so many seconds."""
    out = np.zeros(SECONDS * SAMPLE_RATE)
    for i, at in enumerate(np.arange(0, SECONDS - 1, every)):
        note, start = notes[i % len(notes)], int(at * SAMPLE_RATE)
        out[start : start + len(note)] += note[: len(out) - start]
    return np.float32(0.5 * out / np.abs(out).max())


def clicks(bpm):
    return sequence([decaying(np.random.default_rng(0).normal(size=4000), 0.1)], 60 / bpm)


def chord(*pitches):
    seconds = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tones = [
        np.sin(2 * np.pi * k * 440 * 2 ** ((pitch - 69) / 12) * seconds) / k for pitch in pitches for k in (1, 2, 3)
    ]
    return decaying(np.sum(tones, axis=0), 2)


def cadence(tonic, scale):
    """Sound I, IV, V and I of a scale from a tonic, in MIDI numbers."""
    steps = [tonic + 12 * (i // 7) + scale[i % 7] for i in range(12)]
    return sequence([chord(*(steps[first + k] for k in (0, 2, 4))) for first in (0, 3, 4, 0)], 1)


def described(music):
    windows = np.stack([music[at : at + WINDOW_SAMPLES] for at in range(0, len(music) - WINDOW_SAMPLES, 52_000)])
    return describe_windows(windows, log_mel(windows))


def character(music) -> Character:
    return characterize(described(music).astype(np.float16))


def part(descriptors, name):
    ends = dict(zip([name for name, _ in (*PARTS, *FACTS)], np.cumsum([n for _, n in (*PARTS, *FACTS)]), strict=True))
    return descriptors[:, ends[name] - dict((*PARTS, *FACTS))[name] : ends[name]]


@pytest.mark.parametrize("bpm", [75, 100, 120, 150])
def test_a_click_track_has_its_tempo(bpm):
    assert character(clicks(bpm)).tempo == pytest.approx(bpm, rel=0.02)


@pytest.mark.parametrize("bpm", [45, 240])
def test_a_tempo_far_from_the_usual_may_be_doubled_or_halved(bpm):
    octaves = np.log2(character(clicks(bpm)).tempo / bpm)
    assert octaves == pytest.approx(round(octaves), abs=0.03)


@pytest.mark.parametrize(
    ("tonic", "scale", "key"), [(57, MINOR, "A minor"), (60, MAJOR, "C major"), (63, MAJOR, "Eb major")]
)
def test_chords_of_a_scale_have_its_key(tonic, scale, key):
    assert character(cadence(tonic, scale)).key == key


def test_loud_and_dense_music_has_more_energy_than_soft_and_sparse():
    energies = [character(music).energy for music in (0.02 * clicks(40), clicks(120), clicks(400))]
    assert energies == sorted(energies)
    assert energies[0] < 0.3 < energies[2] <= 1


@pytest.mark.parametrize("music", [clicks(100), cadence(57, MINOR)])
def test_gain_changes_neither_tempo_nor_key_nor_any_part_of_the_space(music):
    loud, soft = character(music), character(0.1 * music)
    assert soft.tempo == pytest.approx(loud.tempo, rel=0.01)
    assert soft.key == loud.key
    assert soft.energy < loud.energy
    for name, _ in PARTS:
        one, other = part(described(music), name), part(described(0.1 * music), name)
        assert np.abs(one - other).max() < 0.1 * np.abs(one).max(), name


def test_harmony_is_the_same_in_any_key():
    one, other, elsewhere = (
        part(described(cadence(tonic, scale)), "harmony")[:, :18].mean(axis=0)
        for tonic, scale in ((57, MINOR), (60, MINOR), (57, (0, 1, 4, 5, 6, 9, 10)))
    )
    assert np.abs(one - other).max() < 0.5 * np.abs(one - elsewhere).max()


def test_every_window_is_described_in_finite_numbers_whatever_it_holds():
    rng = np.random.default_rng(0)
    impulse = np.eye(1, WINDOW_SAMPLES, 5)[0]
    windows = np.float32([rng.normal(size=WINDOW_SAMPLES), 1e-4 * impulse, np.zeros(WINDOW_SAMPLES), 900 * impulse])
    descriptors = describe_windows(windows, log_mel(windows))
    assert descriptors.shape == (4, N_DESCRIPTORS)
    assert descriptors.dtype == np.float32
    assert np.isfinite(descriptors).all()


def test_silence_has_neither_tempo_nor_key():
    silence = np.zeros((2, WINDOW_SAMPLES), np.float32)
    assert characterize(describe_windows(silence, log_mel(silence)).astype(np.float16)) == Character(None, None, 0)
