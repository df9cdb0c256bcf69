"""Tracks whose header claims a wrong length, or none: windows from all of them all the same."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from needs import needs
from test_windows import RATE, evenly_spread, make_music, to_16k

from cfaudio_core.audio.decoders.av import open_av
from cfaudio_core.audio.decoders.base import UndecodableError
from cfaudio_core.audio.decoders.sndfile import open_sndfile
from cfaudio_core.audio.full_track import read_whole
from cfaudio_core.audio.melspec import SAMPLE_RATE, WINDOW_SAMPLES
from cfaudio_core.audio.windows import read_windows

SECONDS = 45


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    return make_music(SECONDS)


def encode(path: Path, music: np.ndarray, codec: str, kbit: int = 128, rate: int = RATE, **options: str) -> bytes:
    """The bytes of a file by ffmpeg, or by libsndfile, which gives each Ogg stream a serial number by chance."""
    if codec == "vorbis":
        soundfile.write(path, music, RATE, format="OGG", subtype="VORBIS")
        return path.read_bytes()
    with av.open(str(path), "w", options=options) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.bit_rate, stream.layout = kbit * 1000, "stereo"
        resampler = av.AudioResampler(stream.codec_context.format, stream.layout, rate, stream.frame_size or 4096)
        source = av.AudioFrame.from_ndarray(np.ascontiguousarray(music.T), "fltp", "stereo")
        source.sample_rate, source.pts = RATE, 0
        for frame in [*resampler.resample(source), *resampler.resample(None), None]:
            out.mux(stream.encode(frame))
    return path.read_bytes()


def assert_read_from_end_to_end(path: Path, music: np.ndarray) -> None:
    """Ten windows lie where they do in the music, and so do those of a whole track; lossy coding apart."""
    whole = to_16k(music)
    windows = read_windows(path, 10).waveform
    assert len(windows) == 10
    for window, start in zip(windows, evenly_spread(len(whole), 10), strict=True):
        assert nearest(window, whole, start) < 0.2 * SAMPLE_RATE
    assert sum(len(block.waveform) for block in read_whole(path)) >= len(whole) // WINDOW_SAMPLES - 1


def nearest(window: np.ndarray, whole: np.ndarray, start: int) -> int:
    """How far from `start` the second half of a window is found in the whole."""
    size = 1 << 20
    matches = np.fft.irfft(np.fft.rfft(whole, size) * np.fft.rfft(window, size).conj())
    return abs(int(np.argmax(matches)) - start)


def test_an_mp3_whose_bit_rate_changes_and_that_has_no_header_is_read_to_its_end(tmp_path, music):
    cut = 5 * RATE
    loud = encode(tmp_path / "1.mp3", music[:cut], "libmp3lame", 320, write_xing="0", id3v2_version="0")
    rest = encode(tmp_path / "2.mp3", music[cut:], "libmp3lame", 64, write_xing="0", id3v2_version="0")
    (tmp_path / "vbr.mp3").write_bytes(loud + rest)
    assert_read_from_end_to_end(tmp_path / "vbr.mp3", music)
    (tmp_path / "tagged.mp3").write_bytes(b"ID3\3\0\0\0\0\x02\0" + bytes(256) + loud + rest)
    assert_read_from_end_to_end(tmp_path / "tagged.mp3", music)


def test_mp3s_joined_are_longer_than_the_header_of_the_first_claims(tmp_path, music):
    parts = [encode(tmp_path / f"{k}.mp3", part, "libmp3lame") for k, part in enumerate(np.split(music, 3))]
    (tmp_path / "joined.mp3").write_bytes(b"".join(parts))
    assert_read_from_end_to_end(tmp_path / "joined.mp3", music)


def test_an_mp3_cut_short_is_as_long_as_it_is(tmp_path, music):
    content = encode(tmp_path / "whole.mp3", np.concatenate([music, music]), "libmp3lame")
    (tmp_path / "cut.mp3").write_bytes(content[: len(content) // 2])
    assert_read_from_end_to_end(tmp_path / "cut.mp3", music)


def test_an_mp3_of_one_bit_rate_without_a_header_is_read_as_ever(tmp_path, music):
    encode(tmp_path / "cbr.mp3", music, "libmp3lame", write_xing="0")
    with open_sndfile(tmp_path / "cbr.mp3") as source:
        assert source.frames == soundfile.info(tmp_path / "cbr.mp3").frames
    assert_read_from_end_to_end(tmp_path / "cbr.mp3", music)


def test_seeks_in_ogg_flac_are_not_trusted(tmp_path, music):
    encode(tmp_path / "x.oga", music, "flac")
    assert_read_from_end_to_end(tmp_path / "x.oga", music)


@needs("ffmpeg")  # PyAV has no encoder of Speex
def test_seeks_in_speex_are_not_trusted(tmp_path, music):
    soundfile.write(tmp_path / "x.wav", music, RATE)
    to_speex = ["-ac", "1", "-ar", "16000", "-c:a", "libspeex", tmp_path / "x.spx"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "x.wav", *to_speex], check=True)
    assert_read_from_end_to_end(tmp_path / "x.spx", music)


def test_ogg_flac_is_the_same_to_the_bit_in_any_order(tmp_path, music):
    encode(tmp_path / "x.oga", music, "flac")
    with open_av(str(tmp_path / "x.oga")) as source:
        whole = source.read(0, len(music))
        for start in (900_000, 905_000, 40_000, 1_500_000):
            np.testing.assert_array_equal(source.read(start, 9000), whole[:, start : start + 9000])
        assert source.read(len(music), 1).shape == (2, 0)


def test_a_short_file_without_a_length_is_read_to_its_end(tmp_path, music):
    soundfile.write(tmp_path / "piped.flac", music, RATE)
    content = bytearray((tmp_path / "piped.flac").read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    (tmp_path / "piped.flac").write_bytes(content)
    encode(tmp_path / "live.mka", music, "opus", rate=48_000, live="1")
    assert_read_from_end_to_end(tmp_path / "piped.flac", music)
    assert_read_from_end_to_end(tmp_path / "live.mka", music)


@pytest.mark.parametrize(("name", "codec"), [("x.ogg", "vorbis"), ("x.opus", "libopus"), ("x.oga", "flac")])
def test_several_streams_in_one_ogg_file_are_one_track(tmp_path, music, name, codec):
    rate = 48_000 if codec == "libopus" else RATE
    parts = [
        encode(tmp_path / f"{k}{name}", part, codec, 128, rate, serial_offset=str(k + 7))
        for k, part in enumerate(np.split(music, 3))
    ]
    (tmp_path / name).write_bytes(b"".join(parts))
    assert_read_from_end_to_end(tmp_path / name, music)
    (tmp_path / name).write_bytes(parts[0] + parts[1][: len(parts[1]) // 2])
    assert len(read_windows(tmp_path / name, 7).waveform) >= 6


def test_a_flac_without_a_length_is_read_beyond_its_first_minutes(tmp_path, music, monkeypatch):
    for module in ("decoders.av", "windows"):
        monkeypatch.setattr(f"cfaudio_core.audio.{module}.MAX_PIECE_FRAMES", 10 * RATE)
    soundfile.write(tmp_path / "piped.flac", music, RATE)
    content = bytearray((tmp_path / "piped.flac").read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    (tmp_path / "piped.flac").write_bytes(content)
    assert_read_from_end_to_end(tmp_path / "piped.flac", music)


@pytest.mark.parametrize("multiple", [64, 256])
def test_dsd_of_any_usual_rate_is_decoded(tmp_path, multiple):
    write_dsf(tmp_path / "x.dsf", multiple, 7)
    assert len(read_windows(tmp_path / "x.dsf").waveform) == 2
    assert sum(len(block.waveform) for block in read_whole(tmp_path / "x.dsf")) == 2


def test_no_other_format_has_the_rates_of_dsd(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros(1000), 1_411_200)
    for opener in (open_av, open_sndfile):
        with pytest.raises(UndecodableError, match="a sample rate of 1411200 Hz"), opener(str(tmp_path / "x.wav")):
            pass


def write_dsf(path: Path, multiple: int, seconds: int) -> None:
    """A tone as bits, by a modulator of the first order."""
    rate, n = RATE * multiple, RATE * seconds
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(n) / RATE)
    steps = np.floor(np.cumsum((np.repeat(tone, multiple) + 1) / 2))
    bits = np.packbits((np.diff(steps, prepend=0) > 0).astype(np.uint8), bitorder="little")
    bits = np.pad(bits, (0, -len(bits) % 4096), constant_values=0x69)
    data = b"".join(block.tobytes() * 2 for block in np.split(bits, len(bits) // 4096))
    about = b"fmt " + struct.pack("<QIIIIIIQII", 52, 1, 0, 2, 2, rate, 1, n * multiple, 4096, 0)
    body = b"data" + struct.pack("<Q", 12 + len(data)) + data
    path.write_bytes(b"DSD " + struct.pack("<QQQ", 28, 28 + len(about) + len(body), 0) + about + body)
