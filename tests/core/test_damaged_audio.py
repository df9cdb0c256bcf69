"""Damaged files of every usual format: analysed or named, and what is not damaged as if nothing were."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import numpy as np
import pytest
import stand_in_workers
from damage import damaged, damaged_in_one_place
from fuzzing import seeds
from test_windows import write

from cfaudio_core.audio.melspec import SAMPLE_RATE, WINDOW_SAMPLES
from cfaudio_core.features.jobs import FULL_TRACK, ExtractorConfig, FeatureResult, FileJob
from cfaudio_core.features.worker_pool import extract_in_processes

WINDOW_S = WINDOW_SAMPLES / SAMPLE_RATE
SECONDS = 8 * WINDOW_S
SAME, ALIKE = 0.02, 0.8  # features of two windows side by side differ by 1.2 at least
RATES = {"wav": 16000, "flac": 44100, "ogg": 44100, "opus": 48000, "mp3": 44100, "m4a": 44100}


def make_music(rate: int) -> np.ndarray:
    """A tone that rises from 200 Hz to 6 kHz, so that no two windows are alike, in noise; shape (frames, 2)."""
    t = np.arange(int(SECONDS * rate)) / rate
    octaves = np.log(30) / SECONDS
    tone = np.sin(2 * np.pi * 200 * np.expm1(octaves * t) / octaves)
    noise = np.random.default_rng(7).standard_normal((len(t), 2))
    return np.float32(0.3 * tone[:, None] + 0.02 * noise)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same 24 s in every format."""
    folder = tmp_path_factory.mktemp("library")
    return {name: write(folder / f"music.{name}", make_music(rate), rate) for name, rate in RATES.items()}


def analysed(files: list[Path], windows: int) -> dict[str, FeatureResult]:
    """Analyse files in a worker process, as `cfembed` does but for the net, by their names."""
    jobs = [FileJob(os.fsencode(file), "", descriptors=False) for file in files]
    config = ExtractorConfig(windows=windows)
    results = extract_in_processes(jobs, config, 1, ready=stand_in_workers.make_ready_without_net)
    return {Path(os.fsdecode(result.path)).name: result for result in results}


@pytest.mark.parametrize("windows", [10, FULL_TRACK])
@pytest.mark.parametrize("extension", RATES)
def test_a_damaged_file_is_analysed_or_its_problem_is_one_line(library, tmp_path, extension, windows):
    contents = {name: file.read_bytes() for name, file in library.items()}
    files = [tmp_path / f"{seed} {windows}.{extension}" for seed in seeds(15)]
    for file in files:
        random = Random(file.name)
        file.write_bytes(damaged(contents[extension], contents[random.choice(list(RATES))], random))
    results = analysed(files, windows)
    assert results.keys() == {file.name for file in files}
    for name, result in results.items():
        assert bool(result.key) != bool(result.problem), name
        assert result.problem.isprintable(), name
        assert not any(word in result.problem for word in ("crashed", "hung", "memory", "Error")), name
        if result.features is not None:
            assert 1 <= len(result.features) <= (windows or 20), name
            assert np.isfinite(result.features).all(), name
    assert sum(bool(result.key) for result in results.values()) > len(files) // 8


@pytest.mark.parametrize("windows", [10, FULL_TRACK])
@pytest.mark.parametrize("extension", RATES)
def test_damage_in_one_place_leaves_all_other_windows_as_they_were(library, tmp_path, extension, windows):
    whole = features_of(analysed([library[extension]], windows)[f"music.{extension}"])
    # Frames of an mp3 have no time: after those that are lost, all comes up to 0.25 s early, and the last window, which
    # touches the end of so short a track, may not be whole.
    tolerance, n_certain = (ALIKE, len(whole) - 1) if extension == "mp3" else (SAME, len(whole))
    files, places = [], {}
    for seed in seeds(6):
        files.append(tmp_path / f"{seed} {windows}.{extension}")
        content, *places[files[-1].name] = damaged_in_one_place(library[extension].read_bytes(), Random(files[-1].name))
        files[-1].write_bytes(content)
    for name, result in analysed(files, windows).items():
        assert not result.problem, name
        alike = np.abs(features_of(result)[:, None] - whole).max(axis=2) < tolerance
        assert (~alike.any(axis=1)).sum() <= 2, f"{name}: windows that are nowhere in the whole file"
        begin, end = (place * len(whole) for place in places[name])
        for window in np.flatnonzero(~alike.any(axis=0)[:n_certain]):
            assert begin - 1.6 < window < end + 0.6, f"{name}: {window} is not as it was; damaged from {begin} to {end}"


def features_of(result: FeatureResult) -> np.ndarray:
    assert result.features is not None
    return result.features.astype(np.float32)
