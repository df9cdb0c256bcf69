"""Seeks in Ogg Vorbis: every frame from its exact place, however the packets lie on the pages."""

from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen.ogg import OggPage

from cfaudio_core.audio import windows
from cfaudio_core.audio.decoders.av import open_av
from cfaudio_core.audio.decoders.base import UndecodableError, downmix

RATE = 44100
FRAMES = 12 * RATE + 1234


class Packets(NamedTuple):
    """Of a Vorbis stream: the three headers, then the audio, and the frame at which each of these ends."""

    packets: list[bytes]
    ends: list[int]


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise with knocks, so that packets are short and long by turns."""
    rng = np.random.default_rng(3)
    music = 0.1 * rng.standard_normal((FRAMES, 2)).astype(np.float32)
    for knock in rng.integers(0, FRAMES - 100, 40):
        music[knock : knock + 60] += 0.8
        music[knock + 60 : knock + 4000] *= 0.01
    path = tmp_path_factory.mktemp("vorbis") / "knocks.ogg"
    soundfile.write(path, music, RATE, format="OGG", subtype="VORBIS")
    return path


@pytest.fixture(scope="module")
def whole(track) -> np.ndarray:
    """Middle and side of all of it, decoded from one end to the other by libsndfile."""
    return downmix(np.ascontiguousarray(soundfile.read(track, dtype="float32", always_2d=True)[0].T))


@pytest.fixture(scope="module")
def stream(track) -> Packets:
    pages = []
    with track.open("rb") as file:
        while file.tell() < track.stat().st_size:
            pages.append(OggPage(file))
    packets = OggPage.to_packets(pages)
    decoder = av.CodecContext.create("vorbis", "r")
    with av.open(str(track)) as container:
        decoder.extradata = container.streams.audio[0].codec_context.extradata
    # The first packet of audio gives none, and the last one more than the track has.
    frames = [sum(block.samples for block in decoder.decode(av.Packet(packet))) for packet in packets[3:]]
    ends = np.minimum(np.cumsum(frames), FRAMES)
    assert (frames[0], ends[-1], pages[-1].position) == (0, FRAMES, FRAMES)
    return Packets(packets, [int(end) for end in ends])


def ogg(stream: Packets, size: int, *, headers_apart: bool = True, serial: int = 7, late: int = 0) -> list[OggPage]:
    """Put packets on pages of so many bytes, wherever that cuts them; a page of audio ends `late` frames later."""
    ends = [0, 0, 0, *(end + late for end in stream.ends)]
    pages: list[OggPage] = []
    page, room = OggPage(), size
    page.first = True

    def end_page(*, continued: bool) -> None:
        nonlocal page, room
        page.complete = not continued
        if page.packets:
            page.serial, page.sequence = serial, len(pages)
            pages.append(page)
        page, room = OggPage(), size
        page.position, page.continued = -1, continued

    for number, (packet, end) in enumerate(zip(stream.packets, ends, strict=True)):
        part = packet
        while len(part) > room:
            cut = room // 255 * 255  # a packet that goes on is cut there and nowhere else
            if cut:
                page.packets.append(part[:cut])
            part = part[cut:]
            end_page(continued=cut > 0)
        page.packets.append(part)
        page.position, room = end, room - len(part)
        if number == 0 or (number == 2 and headers_apart) or room == 0 or len(page.packets) > 100:
            end_page(continued=False)
    end_page(continued=False)
    pages[-1].last = True
    return pages


def write(path: Path, pages: list[OggPage]) -> Path:
    path.write_bytes(b"".join(page.write() for page in pages))
    return path


@settings(max_examples=60, deadline=None)
@given(st.integers(0, FRAMES), st.integers(1, 60_000), st.integers(0, FRAMES))
def test_any_stretch_is_what_the_whole_track_has_there(track, whole, start, count, other):
    with open_av(str(track)) as source:
        assert (source.rate, source.frames) == (RATE, FRAMES)
        source.read(other, 1000)  # wherever it was before
        np.testing.assert_allclose(source.read(start, count), whole[:, start : start + count], rtol=0, atol=1e-6)


def test_reading_on_is_reading_at_once(track, whole):
    with open_av(str(track)) as source:
        parts = [source.read(start, 7000) for start in range(0, FRAMES, 7000)]
        assert source.read(FRAMES, 1).shape == (2, 0)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=0, atol=1e-6)


# A page of 255 bytes has a part of a packet only, one of 5,000 some tens of packets.
@pytest.mark.parametrize("size", [255, 1000, 5000, 12_000])
@pytest.mark.parametrize("headers_apart", [True, False])
def test_it_makes_no_difference_how_packets_lie_on_pages(tmp_path, stream, whole, size, headers_apart):
    pages = ogg(stream, size, headers_apart=headers_apart)
    assert any(page.continued for page in pages)
    with open_av(str(write(tmp_path / "paged.ogg", pages))) as source:
        assert source.frames == FRAMES
        for start in (0, 1, 40_000, 200_000, FRAMES - 20_000, FRAMES - 500):
            expected = whole[:, start : start + 10_000]
            np.testing.assert_allclose(source.read(start, 10_000), expected, rtol=0, atol=1e-6)


def test_what_comes_before_the_first_frame_is_left_out(tmp_path, stream, whole):
    pages = ogg(stream, 5000, late=-700)
    for page in pages[:2]:
        page.position = 0
    with open_av(str(write(tmp_path / "trimmed.ogg", pages))) as source:
        assert source.frames == FRAMES - 700
        np.testing.assert_allclose(source.read(0, 50_000), whole[:, 700:50_700], rtol=0, atol=1e-6)


def test_a_lost_page_costs_what_was_on_it(tmp_path, stream, whole):
    pages = ogg(stream, 5000)
    lost = len(pages) // 2
    before = max(page.position for page in pages[:lost])
    after = pages[lost].position
    with open_av(str(write(tmp_path / "lost.ogg", pages[:lost] + pages[lost + 1 :]))) as source:
        audio = source.read(before - 50_000, 100_000)
        assert 45_000 < audio.shape[1] < 51_024, "a packet after the gap at most"
        exact = min(audio.shape[1], 50_000)
        np.testing.assert_allclose(audio[:, :exact], whole[:, before - 50_000 :][:, :exact], rtol=0, atol=1e-6)
        start = after + 10_000
        np.testing.assert_allclose(source.read(start, 9000), whole[:, start : start + 9000], rtol=0, atol=1e-6)


def test_a_file_that_breaks_off_ends_with_its_last_whole_page(tmp_path, track, whole):
    data = track.read_bytes()
    (tmp_path / "half.ogg").write_bytes(data[: len(data) // 2])
    with open_av(str(tmp_path / "half.ogg")) as source:
        assert 0.4 * FRAMES < source.frames < 0.6 * FRAMES
        np.testing.assert_allclose(source.read(0, FRAMES), whole[:, : source.frames], rtol=0, atol=1e-6)


def test_a_packet_of_no_bytes_is_no_end(tmp_path, stream, whole):
    packets = [*stream.packets[:40], b"", *stream.packets[40:]]
    ends = [*stream.ends[:37], stream.ends[36], *stream.ends[37:]]
    with open_av(str(write(tmp_path / "empty.ogg", ogg(Packets(packets, ends), 5000)))) as source:
        np.testing.assert_allclose(source.read(0, FRAMES), whole, rtol=0, atol=1e-6)


def test_of_several_streams_all_are_read(tmp_path, stream, whole):
    path = write(tmp_path / "chained.ogg", [*ogg(stream, 5000), *ogg(stream, 5000, serial=8)])
    both = np.concatenate([whole, whole], axis=1)
    with open_av(str(path)) as source:
        assert source.frames == 2 * FRAMES
        for start in (99_000, FRAMES - 4000, FRAMES + 99_000):
            np.testing.assert_allclose(source.read(start, 9000), both[:, start : start + 9000], rtol=0, atol=1e-6)
    assert len(windows.read_windows(path, 7).waveform) == 7


def test_a_stream_cut_from_a_longer_one_begins_at_its_first_whole_packet(tmp_path, stream, whole):
    cut = Packets([*stream.packets[:3], *stream.packets[100:]], stream.ends[97:])
    path = write(tmp_path / "cut.ogg", ogg(cut, 5000))
    with open_av(str(path)) as source:
        begin = FRAMES - source.frames
        assert abs(begin - stream.ends[97]) <= 1024
        np.testing.assert_allclose(source.read(99_000, 9000), whole[:, begin + 99_000 :][:, :9000], rtol=0, atol=1e-6)
    assert len(windows.read_windows(path, 3).waveform) == 3


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_is_wrong_with_the_bytes_it_ends(tmp_path_factory, track, data):
    changed = bytearray(track.read_bytes()[: 12 * 4096])
    for at in data.draw(st.lists(st.integers(0, len(changed) - 9), min_size=1, max_size=8)):
        changed[at : at + 8] = data.draw(st.binary(min_size=8, max_size=8))
    path = tmp_path_factory.getbasetemp() / "changed.ogg"
    path.write_bytes(changed)
    try:
        with open_av(str(path)) as source:
            for start in (0, 20_000, source.frames - 3000):
                assert source.read(max(0, start), 10_000).shape[1] <= 10_000
    except UndecodableError:
        pass
