"""Windows of audio files: the right waveform from the right place, and a clean refusal of everything else."""

import contextlib
import os
import socket
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from needs import not_root

from cfaudio_core.audio import full_track
from cfaudio_core.audio import windows as reader
from cfaudio_core.audio.decoders import opening
from cfaudio_core.audio.decoders.av import AvSource
from cfaudio_core.audio.decoders.base import downmix
from cfaudio_core.audio.decoders.blocks import Blocks
from cfaudio_core.audio.decoders.sndfile import SndfileSource
from cfaudio_core.audio.melspec import SAMPLE_RATE, WINDOW_SAMPLES
from cfaudio_core.audio.stereo import N_WIDTHS
from cfaudio_core.errors import AudioError

RATE = 44100
SECONDS = 20
LIBSNDFILE_FORMATS = {
    "wav": "PCM_16",
    "flac": "PCM_16",
    "ogg": "VORBIS",
    "mp3": "MPEG_LAYER_III",
    "opus": "OPUS",
}
FFMPEG_FORMATS = {
    "m4a": ("mp4", "aac"),
    "mka": ("matroska", "aac"),
    "wma": ("asf", "wmav2"),
    "aac": ("adts", "aac"),
    "ac3": ("ac3", "ac3"),
}


def make_music(seconds: float, rate: int = RATE) -> np.ndarray:
    """Noise below 2 kHz, so that no two places are alike; two different channels, shape (frames, 2)."""
    noise = np.random.default_rng(7).standard_normal((2, int(seconds * 4000) + 8))
    channels = [soxr.resample(channel, 4000, rate)[: int(seconds * rate)] for channel in noise]
    return (0.15 * np.stack(channels, axis=1)).astype(np.float32)


def write(path: Path, music: np.ndarray, rate: int = RATE) -> Path:
    extension = path.suffix[1:]
    if extension in LIBSNDFILE_FORMATS:
        container = "OGG" if extension == "opus" else extension.upper()
        soundfile.write(path, music, rate, format=container, subtype=LIBSNDFILE_FORMATS[extension])
        return path
    container, codec = FFMPEG_FORMATS[extension]
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.bit_rate, stream.layout = 192_000, "stereo"
        step = 1536 if codec == "ac3" else 1024
        for start in range(0, len(music), step):
            samples = np.ascontiguousarray(music[start : start + step].T)
            frame = av.AudioFrame.from_ndarray(samples, "fltp", "stereo")
            frame.sample_rate, frame.pts = rate, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    return make_music(SECONDS)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, music: np.ndarray) -> dict[str, Path]:
    """The same 20 s in every format."""
    folder = tmp_path_factory.mktemp("library")
    files = {name: write(folder / f"music.{name}", music) for name in ("wav", "flac", "ogg", "mp3", *FFMPEG_FORMATS)}
    files["opus"] = write(folder / "music.opus", make_music(SECONDS, 48000), 48000)
    return files


def to_16k(audio: np.ndarray, rate: int = RATE) -> np.ndarray:
    return soxr.resample(audio.mean(axis=1), rate, SAMPLE_RATE, quality="HQ")


def decode_whole(path: Path) -> np.ndarray:
    """Everything from the first frame to the last, without any seeking, at 16 kHz."""
    if path.suffix[1:] in LIBSNDFILE_FORMATS and path.suffix != ".opus":  # which ffmpeg decodes, in another rounding
        return to_16k(*soundfile.read(path, dtype="float32"))
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    rate = frames[0].sample_rate
    before = np.zeros((2, round(frames[0].time * rate)), dtype=np.float32)
    return to_16k(np.concatenate([before, *(frame.to_ndarray() for frame in frames)], axis=1).T, rate)


def evenly_spread(length: int, n: int) -> list[int]:
    """First samples of n windows whose centres lie at (i + 0.5) / n of the length."""
    return [int((i + 0.5) / n * length) - WINDOW_SAMPLES // 2 for i in range(n)]


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def best_likeness(a: np.ndarray, b: np.ndarray) -> float:
    """The likeness where they match best; they are shifted in a circle."""
    matches = np.fft.irfft(np.fft.rfft(a) * np.fft.rfft(b).conj())
    return float(matches.max() / np.linalg.norm(a) / np.linalg.norm(b))


def read_windows(path: Path, n: int = 10) -> np.ndarray:
    return reader.read_windows(path, n).waveform


def read_whole(path: Path) -> Iterator[np.ndarray]:
    return (windows.waveform for windows in full_track.read_whole(path))


def refuse(path: Path, reason: str = "") -> None:
    with pytest.raises(AudioError, match=reason) as caught:
        read_windows(path)
    assert "\n" not in str(caught.value)
    assert path.name not in str(caught.value), "the caller names the file"


# --- the right waveform from the right place ----------------------------------------------------------------


@pytest.mark.parametrize("extension", LIBSNDFILE_FORMATS)
def test_a_window_is_what_the_whole_track_has_there(library, extension):
    whole = decode_whole(library[extension])
    windows = read_windows(library[extension], 5)
    assert windows.dtype == np.float32
    expected = [whole[start : start + WINDOW_SAMPLES] for start in evenly_spread(len(whole), 5)]
    np.testing.assert_allclose(windows, expected, rtol=0, atol=1e-4)


# The tolerance is that of the format's clock: 1 ms in matroska and asf, a sample in mp4 and adts.
@pytest.mark.parametrize(("extension", "samples_off"), [("m4a", 0), ("mka", 16), ("wma", 16), ("aac", 0)])
def test_a_seek_through_ffmpeg_is_trimmed_to_the_time_stamp(library, extension, samples_off):
    whole = decode_whole(library[extension])
    with opening.open_av(str(library[extension])) as source:
        claimed = source.frames * SAMPLE_RATE // source.rate
    windows = read_windows(library[extension], 4)
    assert len(windows) == 4
    for window, start in zip(windows, evenly_spread(claimed, 4), strict=True):
        errors = {
            lag: np.abs(window - whole[start + lag : start + lag + WINDOW_SAMPLES]).max() for lag in range(-20, 21)
        }
        best = min(errors, key=errors.__getitem__)
        assert abs(best) <= samples_off + 1
        # Between two samples of the millisecond clock the best whole lag is half a sample off.
        assert errors[best] < (0.15 if samples_off else 1e-3)


@pytest.mark.parametrize("extension", ["ogg", "mp3", "opus", "m4a"])
def test_the_format_makes_no_difference_to_the_waveform(library, extension):
    for ours, reference in zip(read_windows(library[extension]), read_windows(library["flac"]), strict=False):
        assert likeness(ours, reference) > 0.97


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44101, 48000, 96000, 192000])
def test_a_tone_keeps_its_phase_at_every_sample_rate(tmp_path, rate):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(12 * rate) / rate)
    soundfile.write(tmp_path / "tone.wav", tone, rate, subtype="FLOAT")
    windows = read_windows(tmp_path / "tone.wav", 3)
    seconds = (np.array(evenly_spread(12 * SAMPLE_RATE, 3))[:, None] + np.arange(WINDOW_SAMPLES)) / SAMPLE_RATE
    np.testing.assert_allclose(windows, 0.5 * np.sin(2 * np.pi * 440 * seconds), rtol=0, atol=2e-4)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_downmix_is_the_mean_of_the_channels(tmp_path, channels):
    seconds = np.arange(5 * SAMPLE_RATE) / SAMPLE_RATE
    audio = np.stack([0.1 * (c + 1) * np.sin(2 * np.pi * 100 * (c + 1) * seconds) for c in range(channels)], axis=1)
    soundfile.write(tmp_path / "many.wav", audio, SAMPLE_RATE, subtype="FLOAT")
    [window] = read_windows(tmp_path / "many.wav", 1)
    [start] = evenly_spread(len(audio), 1)
    np.testing.assert_allclose(window, audio.mean(axis=1)[start : start + WINDOW_SAMPLES], rtol=0, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_side_is_half_of_left_less_right_and_mono_has_none(channels):
    audio = np.random.default_rng(0).normal(0, 1, (channels, 100)).astype(np.float32)
    middle, side = downmix(audio)
    np.testing.assert_allclose(middle, audio.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(side, (audio[0] - audio[1]) / 2 if channels > 1 else 0, atol=1e-6)


@pytest.mark.parametrize("extension", ["wav", "ogg", "mp3", "m4a"])
def test_every_window_has_the_width_it_has_in_any_format(library, extension):
    width, reference = (reader.read_windows(library[name], 3).width for name in (extension, "flac"))
    assert width.shape == (3, N_WIDTHS)
    assert likeness(width.ravel(), reference.ravel()) > 0.75  # coders save on what is beside the middle
    whole = np.concatenate([windows.width for windows in full_track.read_whole(library[extension])])
    assert whole.shape == (6, N_WIDTHS)
    assert whole.mean() == pytest.approx(reference.mean(), abs=0.03)


@pytest.mark.parametrize("dtype", ["u1", "<i2", "<i4", "<f4", "<f8"])
def test_ffmpegs_sample_formats_all_have_full_scale_one(tmp_path, monkeypatch, dtype):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE)
    stereo = np.stack([tone, tone], axis=1)
    subtype = {"u1": "PCM_U8", "<i2": "PCM_16", "<i4": "PCM_32", "<f4": "FLOAT", "<f8": "DOUBLE"}[dtype]
    soundfile.write(tmp_path / "tone.wav", stereo, SAMPLE_RATE, subtype=subtype)
    by_libsndfile = read_windows(tmp_path / "tone.wav")
    monkeypatch.setattr(opening, "open_sndfile", opening.open_av)
    np.testing.assert_allclose(read_windows(tmp_path / "tone.wav"), by_libsndfile, rtol=0, atol=1e-6)


def test_a_format_that_changes_on_the_way_costs_no_audio():
    left, right = (np.linspace(-0.5, 0.5, 64) * scale for scale in (1, 0.5))
    stereo = np.stack([left, right]).astype(np.float32)
    whole_numbers = np.rint(stereo.T.reshape(1, -1) * 32768).astype(np.int16)
    joined = Blocks()
    for block in (
        av.AudioFrame.from_ndarray(stereo, "fltp", "stereo"),
        av.AudioFrame.from_ndarray(whole_numbers, "s16", "stereo"),
        av.AudioFrame.from_ndarray(stereo[:1], "fltp", "mono"),
    ):
        joined.add(block, block.samples)
    assert joined.frames == 3 * 64
    middle, side = joined.downmixed()
    np.testing.assert_allclose(middle, np.concatenate([left * 0.75, left * 0.75, left]), atol=1e-4)
    np.testing.assert_allclose(side, np.concatenate([left * 0.25, left * 0.25, left * 0]), atol=1e-4)


def test_reading_twice_gives_the_same_bits(library):
    for path in library.values():
        np.testing.assert_array_equal(read_windows(path, 3), read_windows(path, 3))


def test_opus_is_as_long_for_ffmpeg_as_it_is_for_libsndfile(library):
    # What precedes the audio, and is cut off, is in the stream's duration.
    with opening.open_av(str(library["opus"])) as one, opening.open_sndfile(str(library["opus"])) as other:
        assert one.frames == other.frames == soundfile.info(library["opus"]).frames


def test_a_run_up_that_was_too_short_is_not_tried_again(library, monkeypatch):
    seeks: list[int] = []
    seek = AvSource._seek

    def late(source: AvSource, first: int) -> None:
        """Land two seconds after the wanted place, as some containers do."""
        seeks.append(first)
        seek(source, first + 2 * source.rate if first > 0 else first)

    monkeypatch.setattr(AvSource, "_seek", late)
    assert len(read_windows(library["m4a"], 5)) == 5
    assert len(seeks) <= 5 + 2, "at most two run-ups in vain, then one seek for each window"


# --- whole tracks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", [*LIBSNDFILE_FORMATS, "m4a"])
@pytest.mark.parametrize("block", [1, 2, 20])
def test_a_whole_track_is_its_windows_side_by_side(library, monkeypatch, extension, block):
    monkeypatch.setattr("cfaudio_core.audio.full_track._BLOCK_WINDOWS", block)
    blocks = list(read_whole(library[extension]))
    assert [len(windows) for windows in blocks] == {1: [1] * 6, 2: [2] * 3, 20: [6]}[block]
    waveform = np.concatenate(blocks).ravel()
    whole = decode_whole(library[extension])
    with (opening.open_av if extension in ("opus", "m4a") else opening.open_sndfile)(str(library[extension])) as source:
        length = source.frames * SAMPLE_RATE // source.rate
    start = (length - len(waveform)) // 2
    np.testing.assert_allclose(waveform, whole[start : start + len(waveform)], rtol=0, atol=1e-3)


@pytest.mark.parametrize(("seconds", "expected"), [(6.1, 2), (5.9, 1), (2, 1)])
def test_a_short_track_is_whole_in_the_windows_it_would_have_anyway(tmp_path, seconds, expected):
    path = write(tmp_path / "short.wav", make_music(seconds))
    [windows] = read_whole(path)
    assert windows.shape == (expected, WINDOW_SAMPLES)
    if expected == 1:
        np.testing.assert_allclose(windows, read_windows(path), rtol=0, atol=1e-5)


def test_a_silent_whole_track_is_refused(tmp_path, music):
    path = write(tmp_path / "quiet.flac", np.zeros_like(music))
    with pytest.raises(AudioError, match="silent"):
        list(read_whole(path))
    (tmp_path / "text.wav").write_text("no audio at all")
    with pytest.raises(AudioError, match="cannot be decoded"):
        list(read_whole(tmp_path / "text.wav"))


def test_silence_within_a_whole_track_is_left_out(tmp_path, music):
    path = write(tmp_path / "gap.wav", np.concatenate([music, np.zeros_like(music), music]))
    found = sum(len(windows) for windows in read_whole(path))
    assert 12 <= found <= 14  # of 19; 20 s are silent


def test_a_whole_track_ends_where_its_file_does_whatever_it_claims(library, tmp_path, music):
    (tmp_path / "4gb.wav").write_bytes(lying_wav(music, claim=0xFFFFFFF0))
    (tmp_path / "days.flac").write_bytes(claim_18_days(library["flac"].read_bytes()))
    for path in tmp_path.iterdir():
        assert sum(len(windows) for windows in read_whole(path)) >= 5  # the sixth, if the claim leaves it in place


def test_a_long_track_takes_no_more_memory_than_a_short_one(tmp_path, music):
    def peak(minutes: int) -> int:
        path = write(tmp_path / f"{minutes}.flac", np.tile(music, (3 * minutes, 1)))
        tracemalloc.start()
        try:
            assert sum(len(windows) for windows in read_whole(path)) == int(minutes * 60 * SAMPLE_RATE / WINDOW_SAMPLES)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(6) < 1.1 * peak(2)


# --- short tracks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "expected"), [(40, 10), (20, 6), (6.1, 2), (5.9, 1), (3.1, 1), (2, 1), (0.6, 1)])
def test_a_short_track_has_as_many_windows_as_fit_side_by_side(tmp_path, seconds, expected):
    path = write(tmp_path / "short.wav", make_music(seconds))
    assert read_windows(path, 10).shape == (expected, WINDOW_SAMPLES)


def test_a_track_shorter_than_a_window_is_repeated(tmp_path):
    second = make_music(1)
    [window] = read_windows(write(tmp_path / "second.flac", second))
    np.testing.assert_allclose(window[:SAMPLE_RATE], to_16k(second), rtol=0, atol=1e-4)
    np.testing.assert_array_equal(window[SAMPLE_RATE:], np.resize(window[:SAMPLE_RATE], len(window))[SAMPLE_RATE:])


def test_less_than_half_a_second_is_too_short(tmp_path):
    refuse(write(tmp_path / "blip.flac", make_music(0.4)), "too short")


def test_no_window_at_all_cannot_be_asked_for(library):
    with pytest.raises(ValueError, match="at least 1"):
        read_windows(library["wav"], 0)


# --- what cannot be analysed --------------------------------------------------------------------------------


def silence(music: np.ndarray) -> np.ndarray:
    return np.zeros_like(music)


def dither(music: np.ndarray) -> np.ndarray:
    return np.sign(music) * 2.0**-15


def offset(music: np.ndarray) -> np.ndarray:
    return np.full_like(music, 0.8)


def antiphase(music: np.ndarray) -> np.ndarray:
    return np.stack([music[:, 0], -music[:, 0]], axis=1)


@pytest.mark.parametrize("signal", [silence, dither, offset, antiphase])
def test_silence_is_refused_whatever_it_is_made_of(tmp_path, music, signal: Callable):
    soundfile.write(tmp_path / "quiet.wav", signal(music), RATE, subtype="FLOAT")
    refuse(tmp_path / "quiet.wav", "silent")


@pytest.mark.parametrize("number", [np.nan, np.inf, 3e38])
def test_numbers_that_are_no_audio_cost_their_windows_only(tmp_path, music, number):
    broken = music.copy()
    broken[5 * RATE : 5 * RATE + 200] = number
    soundfile.write(tmp_path / "broken.wav", broken, RATE, subtype="FLOAT")
    windows = read_windows(tmp_path / "broken.wav")
    assert len(windows) == 5
    assert np.abs(windows).max() < 1
    soundfile.write(tmp_path / "all.wav", np.full_like(music, number), RATE, subtype="FLOAT")
    refuse(tmp_path / "all.wav", "no finite samples")


def test_music_between_silences_is_found(tmp_path, music):
    gap = np.zeros_like(music)
    path = write(tmp_path / "hidden.flac", np.concatenate([gap, music, gap]))
    windows = read_windows(path, 10)
    assert 3 <= len(windows) <= 4
    assert np.abs(windows).max(axis=1).min() > 0.1


# --- damaged and lying files -----------------------------------------------------------------------------


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3", "wma", "aac"])
@pytest.mark.parametrize("share", [0.15, 0.4])
def test_of_a_truncated_file_what_is_there_is_read(library, tmp_path, extension, share):
    data = library[extension].read_bytes()
    path = tmp_path / f"cut.{extension}"
    path.write_bytes(data[: int(len(data) * share)])
    windows = read_windows(path)
    whole = decode_whole(library[extension])[: int((share + 0.05) * SECONDS * SAMPLE_RATE)]
    beginning = np.resize(windows[0], SAMPLE_RATE // 2)
    match = np.correlate(whole, beginning, mode="valid").argmax()
    assert likeness(whole[match : match + len(beginning)], beginning) > 0.9


def test_a_truncated_file_that_begins_in_silence_is_read_where_it_is_not_silent(tmp_path, music):
    quiet = np.zeros((7 * RATE, 2), np.float32)
    path = write(tmp_path / "cut.flac", np.concatenate([quiet, music, music]))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 10])  # 4 s of the music, as silence takes no room in flac
    windows = read_windows(path, 5)  # of 47 s: the first is silent, the others are not there
    assert 1 <= len(windows) <= 2
    assert np.abs(windows).max() > 0.1


@pytest.mark.parametrize("extension", ["flac", "ogg", "mp3", "m4a", "wma", "aac"])
def test_a_damaged_place_costs_the_windows_around_it(library, tmp_path, extension):
    data = bytearray(library[extension].read_bytes())
    data[len(data) // 2 : len(data) // 2 + 60] = bytes(60)
    path = tmp_path / f"rotten.{extension}"
    path.write_bytes(data)
    windows, undamaged = read_windows(path), read_windows(library[extension])
    # What is lost of a raw stream, in which packets are counted, is missing in the time as well.
    intact = sum(
        any(best_likeness(w, s) > 0.9 if extension == "aac" else likeness(w, s) > 0.999 for s in undamaged)
        for w in windows
    )
    assert intact >= len(undamaged) - 2


def test_a_packet_that_cannot_be_decoded_is_silent_and_moves_nothing(library, tmp_path):
    with av.open(str(library["m4a"])) as container:
        packets = list(container.demux(audio=0))
    lost = packets[len(packets) // 3]
    content = bytearray(library["m4a"].read_bytes())
    content[lost.pos : lost.pos + lost.size] = b"\xff" * lost.size
    (tmp_path / "lost.m4a").write_bytes(content)
    undamaged, windows = (np.concatenate(list(read_whole(path))) for path in (library["m4a"], tmp_path / "lost.m4a"))
    assert windows.shape == undamaged.shape
    changed = np.flatnonzero(np.abs(windows - undamaged).max(axis=1) > 1e-3)
    assert changed.tolist() == [1]  # of six; the packet is at a third of them
    assert likeness(windows[1], undamaged[1]) > 0.95


def test_a_seek_that_goes_nowhere_is_given_up_after_so_many_seconds(library, monkeypatch):
    monkeypatch.setattr("cfaudio_core.audio.decoders.av._MAX_BESIDE_S", 2)
    seek = AvSource._seek
    with opening.open_av(str(library["m4a"])) as source:
        monkeypatch.setattr(AvSource, "_seek", lambda source, _: seek(source, 0))
        assert source.read(RATE, RATE).shape == (2, RATE)
        assert source.read(5 * RATE, RATE).shape == (2, 0)


def test_packets_without_audio_are_the_end_once_there_are_too_many(library, monkeypatch):
    monkeypatch.setattr("cfaudio_core.audio.decoders.av._MAX_EMPTY_PACKETS", 3)

    class Nothing:
        """A container of packets without end, with nothing in them."""

        asked = 0

        def demux(self, _: object) -> Iterator["Nothing"]:
            while self.asked < 100:
                self.asked += 1
                yield self

        def decode(self) -> list[object]:
            return []

    with opening.open_av(str(library["m4a"])) as source:
        source._container = nothing = Nothing()
        assert list(source._iter_blocks()) == []
    assert nothing.asked == 4


def damage(file: Path, content: bytes, places: list[float], length: int = 400) -> Path:
    """Write a file in which `length` bytes are zero at some places, shares of it."""
    data = bytearray(content)
    for place in places:
        at = int(place * len(data))
        data[at : at + length] = bytes(length)
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("places", [[0.05], [0.05, 0.35, 0.65]])
def test_damage_costs_a_whole_track_the_windows_around_it(tmp_path, places):
    path = write(tmp_path / "whole.flac", make_music(120))
    undamaged = np.concatenate(list(read_whole(path)))
    windows = np.concatenate(list(read_whole(damage(tmp_path / "rotten.flac", path.read_bytes(), places))))
    assert len(undamaged) == 39
    assert len(windows) >= 39 - 2 * len(places)
    same = (np.abs(undamaged[None] - windows[:, None, :]).max(axis=2) < 1e-4).any(axis=1)
    assert same.all(), "none is from another place, or half damaged"


def test_a_hole_of_minutes_does_not_end_a_whole_track(tmp_path, monkeypatch):
    monkeypatch.setattr("cfaudio_core.audio.full_track._BLOCK_WINDOWS", 2)
    content = write(tmp_path / "whole.m4a", make_music(60)).read_bytes()
    path = damage(tmp_path / "hole.m4a", content, [0.3], int(0.5 * len(content)))  # blocks 4 to 8 of 10
    blocks = [len(windows) for windows in read_whole(path)]
    assert sum(blocks[:3]) >= 4
    assert sum(blocks[3:]) >= 2


def test_a_header_that_promises_more_than_there_is_ends_the_track_where_it_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("cfaudio_core.audio.full_track._BLOCK_WINDOWS", 2)
    path = write(tmp_path / "whole.flac", make_music(60))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    assert 5 <= sum(len(windows) for windows in read_whole(path)) <= 6


class Deaf:
    """A decoder that finds the first `known` frames alone."""

    def __init__(self, source, known: int) -> None:
        self.rate, self.frames = source.rate, source.frames
        self._source, self._known = source, known

    def read(self, start: int, count: int) -> np.ndarray:
        return self._source.read(start, max(0, min(count, self._known - start)))


def test_of_two_decoders_the_one_that_gets_more_is_taken(library, monkeypatch):
    undamaged = read_windows(library["flac"], 5)
    open_sndfile = opening.open_sndfile

    @contextlib.contextmanager
    def open_deaf(name: str) -> Iterator[Deaf]:
        with open_sndfile(name) as source:
            yield Deaf(source, 5 * RATE)

    monkeypatch.setattr(opening, "open_sndfile", open_deaf)
    np.testing.assert_allclose(read_windows(library["flac"], 5), undamaged, rtol=0, atol=1e-4)
    monkeypatch.setattr(opening, "open_av", open_deaf)
    assert len(read_windows(library["flac"], 5)) == 1  # neither has more


def test_no_second_decoder_is_asked_where_the_first_has_all(library, monkeypatch):
    def fail(*_: object) -> None:
        raise AssertionError("is not needed")

    monkeypatch.setattr(opening, "open_av", fail)
    assert len(read_windows(library["flac"], 5)) == 5
    assert len(np.concatenate(list(read_whole(library["flac"])))) == 6


def test_a_damaged_length_is_the_end_of_what_is_read(library):
    with soundfile.SoundFile(library["flac"]) as file:
        source = SndfileSource(file)
        file._info.frames = 1000  # as libsndfile has it after a damaged mp3
        assert source.read(2000, 500).shape == (2, 0)


def lying_wav(
    music: np.ndarray, *, channels: int = 2, rate: int = RATE, claim: int | None = None, encoding: int = 1
) -> bytes:
    data = (music * 32767).astype("<i2").tobytes()
    claim = len(data) if claim is None else claim
    header = struct.pack(
        "<4sI8sIHHIIHH", b"RIFF", 0xFFFFFFFF, b"WAVEfmt ", 16, encoding, channels, rate, 4 * rate & 0xFFFFFFFF, 4, 16
    )
    return header + struct.pack("<4sI", b"data", claim) + data


@pytest.mark.parametrize(
    "lie",
    [{"channels": 0}, {"channels": 65535}, {"rate": 0}, {"rate": 1}, {"rate": 0xFFFFFFFF}, {"rate": 900_000}],
)
def test_a_header_that_makes_no_sense_is_refused(tmp_path, music, lie):
    path = tmp_path / "lie.wav"
    path.write_bytes(lying_wav(music[:RATE], **lie))
    refuse(path, "cannot be decoded")


@pytest.mark.parametrize(("place", "lie"), [(0, bytes(4)), (18, b"\xff\xff")])
def test_flac_whose_header_is_lost_or_lies_is_known_by_its_frames(library, tmp_path, place, lie):
    content = library["flac"].read_bytes()
    (tmp_path / "begun.flac").write_bytes(content[:place] + lie + content[place + len(lie) :])
    expected = read_windows(library["flac"])
    np.testing.assert_allclose(read_windows(tmp_path / "begun.flac"), expected, atol=1e-4)


def test_an_encoding_that_no_decoder_knows_is_refused_as_such(tmp_path, music):
    path = tmp_path / "unknown.wav"
    path.write_bytes(lying_wav(music[:RATE], encoding=0x7F01))
    refuse(path, "cannot be decoded: in an unknown encoding")


def claim_18_days(flac: bytes) -> bytes:
    data = bytearray(flac)
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    return bytes(data)


def test_a_claimed_length_is_not_allocated(library, tmp_path, music):
    (tmp_path / "4gb.wav").write_bytes(lying_wav(music, claim=0xFFFFFFF0))
    (tmp_path / "days.flac").write_bytes(claim_18_days(library["flac"].read_bytes()))
    tracemalloc.start()
    try:
        for path in tmp_path.iterdir():
            assert len(read_windows(path)) == 6
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("extension", ["mp3", "ogg", "flac", "wav", "m4a", ""])
@pytest.mark.parametrize("content", [b"", b"This is not music.\n" * 200, bytes(50_000)])
def test_what_is_no_music_is_refused(tmp_path, extension, content):
    path = tmp_path / f"song.{extension}"
    path.write_bytes(content)
    refuse(path, "cannot be decoded")


def test_a_playlist_that_poses_as_audio_opens_no_other_file(library, tmp_path):
    path = tmp_path / "song.m4a"
    path.write_text(f"ffconcat version 1.0\nfile '{library['m4a']}'\n")
    refuse(path, "cannot be decoded")


@fuzz(40)
@given(
    extension=st.sampled_from(["wav", "flac", "ogg", "mp3", "m4a", "wma"]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=30),
)
def test_no_damage_leads_to_anything_but_windows_or_a_clean_refusal(library, tmp_path, extension, changes):
    data = bytearray(library[extension].read_bytes())
    for place, value in changes:
        data[int(place**3 * len(data))] = value  # mostly in the headers
    path = tmp_path / f"any.{extension}"
    path.write_bytes(data)
    try:
        windows = read_windows(path, 3)
    except AudioError:
        return
    assert windows.shape[1:] == (WINDOW_SAMPLES,)
    assert np.isfinite(windows).all()


@pytest.mark.parametrize("error", [MemoryError("no room"), SystemError("null\nresult"), RuntimeError("")])
def test_whatever_a_library_throws_is_an_audio_error(library, monkeypatch, error):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(soxr, "resample", fail)
    refuse(library["flac"], f"cannot be decoded: {type(error).__name__}")


def test_a_worker_can_silence_what_libmpg123_prints(library, tmp_path):
    data = bytearray(library["mp3"].read_bytes())
    for place in range(20_000, len(data), 5_000):
        data[place : place + 300] = bytes(300)
    (tmp_path / "noisy.mp3").write_bytes(data)
    code = (
        "import sys; from cfaudio_core.audio.windows import read_windows;"
        "from cfaudio_core.audio.decoders.sndfile import silence_stderr;"
        "{}; read_windows(sys.argv[1]); print('python speaks', file=sys.stderr)"
    )

    def stderr_of(start: str) -> str:
        command = [sys.executable, "-c", code.format(start), str(tmp_path / "noisy.mp3")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stderr

    assert "mpg123" in stderr_of("pass") or "MPEG" in stderr_of("pass"), "nothing left to silence"
    assert stderr_of("silence_stderr()") == "python speaks\n"


# --- names, links and things that are no files -----------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        b"latin1_caf\xe9_\xff\xfe.", b"new\nline.", b"-dash.", b"%s $HOME `id` 'quoted'.", b"concat:a|b.",
        b"http:__x.", b"n" * 251 + b".", "e\u0301.".encode(), b"raw.raw.",
    ],
)  # fmt: skip
@pytest.mark.parametrize("extension", ["ogg", "m4a"])
@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX alone")
def test_any_name_can_be_opened(library, tmp_path, name, extension):
    path = os.fsencode(tmp_path) + b"/" + name + extension.encode()
    os.link(library[extension], path)
    assert len(read_windows(path, 2)) == 2
    assert len(read_windows(os.fsdecode(path), 1)) == 1


def test_a_wrong_extension_and_a_link_do_not_matter(library, tmp_path):
    (tmp_path / "flac.mp3").symlink_to(library["flac"])
    (tmp_path / "m4a.flac").symlink_to(library["m4a"])
    for path in tmp_path.iterdir():
        assert len(read_windows(path, 2)) == 2


@pytest.mark.skipif(os.name == "nt", reason="POSIX kinds of file")
def test_what_is_no_regular_file_is_refused_without_being_opened(tmp_path):
    (tmp_path / "folder.mp3").mkdir()
    os.mkfifo(tmp_path / "fifo.mp3")  # opening it would wait for a writer for ever
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        folder = Path.cwd()
        os.chdir(tmp_path)  # a socket's path must be short
        try:
            server.bind("socket.mp3")
        finally:
            os.chdir(folder)
    for path in list(tmp_path.iterdir()):
        refuse(path, "not a regular file")


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_missing_and_looping_links_are_refused(tmp_path):
    (tmp_path / "dangling.ogg").symlink_to("nowhere.ogg")
    (tmp_path / "loop.ogg").symlink_to("loop.ogg")
    for path in list(tmp_path.iterdir()):
        refuse(path, "cannot be opened")
    refuse(tmp_path / "never.ogg", "cannot be opened")
    refuse(Path("nul\0byte.ogg"), "cannot be decoded")


@not_root
def test_a_file_one_may_not_read_is_refused(library, tmp_path):
    path = tmp_path / "secret.ogg"
    path.write_bytes(library["ogg"].read_bytes())
    path.chmod(0)
    refuse(path, "cannot be opened: Permission denied")


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
def test_scipy_resamples_as_soxr_does(rate):
    seconds = np.arange(2 * rate) / rate
    music = sum(0.2 * np.sin(2 * np.pi * hertz * seconds) for hertz in (110, 440, 3000)).astype(np.float32)
    expected, found = soxr.resample(music, rate, SAMPLE_RATE, quality="HQ"), reader.resample_by_scipy(music, rate)
    assert len(found) == len(expected) == 2 * SAMPLE_RATE
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[500:-500], expected[500:-500], atol=1e-4)


def test_scipy_lets_nothing_through_that_16_khz_cannot_hold():
    music = np.sin(2 * np.pi * 9000 * np.arange(44100) / 44100).astype(np.float32)
    assert np.abs(reader.resample_by_scipy(music, 44100)[500:-500]).max() < 1e-4
