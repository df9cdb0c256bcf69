"""Decoding opens the file and nothing else: no socket, no file that it names, none that lies beside it."""

import ctypes
import multiprocessing
import os
import platform
import signal
import socket
import struct
import sys
from pathlib import Path

import pytest

from cfaudio_core.audio.full_track import read_whole
from cfaudio_core.audio.windows import read_windows
from cfaudio_core.errors import AudioError

SOCKET_CALL = {"x86_64": 41, "aarch64": 198}.get(platform.machine(), 0)
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not SOCKET_CALL, reason="asks Linux to end a process that makes a socket"
)


def sdp(host: str, media: str, kind: str = "IP4") -> str:
    return f"v=0\no=- 0 0 IN {kind} {host}\ns=x\nc=IN {kind} {host}\nt=0 0\nm=audio 5004 {media} 0\n"


def hls(address: str, more: str = "") -> str:
    return f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n{more}#EXTINF:5,\n{address}\n#EXT-X-ENDLIST\n"


def dash(address: str) -> str:
    return (
        '<?xml version="1.0"?>'
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT9S">'
        '<Period><AdaptationSet mimeType="audio/mp4"><Representation id="0" bandwidth="9">'
        f"<BaseURL>{address}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    )


HOSTILE: list[str | bytes] = [
    sdp("127.0.0.1", "RTP/AVP"),
    sdp("239.1.2.3", "RTP/AVP"),
    sdp("::1", "RTP/AVP", "IP6"),
    sdp("127.0.0.1", "TCP/RTP/AVP"),
    sdp("127.0.0.1", "UDP"),
    hls("http://127.0.0.1:9/a.ts"),
    hls("beside.wav"),
    hls("udp://127.0.0.1:5004"),
    hls("concat:beside.wav|beside.wav"),
    hls("data:audio/wav;base64,UklGRg=="),
    hls("a.ts", '#EXT-X-KEY:METHOD=AES-128,URI="http://127.0.0.1:9/key"\n'),
    hls("a.ts", '#EXT-X-MAP:URI="beside.wav"\n'),
    dash("http://127.0.0.1:9/a.mp4"),
    dash("beside.wav"),
    "ffconcat version 1.0\nfile beside.wav\n",
    "ffconcat version 1.0\nfile http://127.0.0.1:9/a.mp3\n",
    "RTSP/1.0 200 OK\r\nContent-Base: rtsp://127.0.0.1:9/\r\n\r\n",
    b"#!rtpplay1.0 127.0.0.1/5004\n" + bytes(64),
    "# VobSub index file, v7 (do not modify this line!)\nsize: 720x576\nid: en, index: 0\n",
    "1\n00:00:01,000 --> 00:00:02,000\n<img src='http://127.0.0.1:9/'>\n",
    "WEBVTT\n\n00:01.000 --> 00:02.000\nhttp://127.0.0.1:9/\n",
    "[Script Info]\nScriptType: v4.00+\n\n[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,,,0,0,0,,x\n",
    b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 1, 1, 8, 0, 0, 0, 0),
    b"GIF89a\x01\0\x01\0\0\0\0",
    b"BM" + struct.pack("<IIIIiiHHIIiiII", 58, 0, 54, 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0) + bytes(4),
    ";FFMETADATA1\ntitle=http://127.0.0.1:9/\n",
    "[Reference]\nRef1=http://127.0.0.1:9/a.asf\n",
    "http://127.0.0.1:9/a.mp3\n",
    '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"/>',
    "no sound at all",
]


def forbid_sockets() -> None:
    """Have Linux end this process as soon as it makes a socket."""
    rules = [(0x20, 0, 0, 0), (0x15, 0, 1, SOCKET_CALL), (0x06, 0, 0, 0x80000000), (0x06, 0, 0, 0x7FFF0000)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *rule) for rule in rules))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # no new privileges
    loaded = struct.pack("@HP", len(rules), ctypes.addressof(program))
    assert libc.prctl(22, 2, ctypes.c_char_p(loaded), 0, 0) == 0  # a filter of system calls


def watch_opens(folder: Path) -> int:
    """Have Linux note every file of a folder that is opened."""
    libc = ctypes.CDLL(None, use_errno=True)
    notes: int = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(notes, os.fsencode(folder), 0x20) > 0
    return notes


def opened(notes: int) -> set[str]:
    try:
        content = os.read(notes, 1 << 16)
    except BlockingIOError:
        return set()
    names = set()
    while content:
        length = struct.unpack_from("=iIII", content)[3]
        names.add(content[16 : 16 + length].rstrip(b"\0").decode())
        content = content[16 + length :]
    return names - {""}


def decode_all(folder: Path, answers: "multiprocessing.connection.Connection") -> None:
    """Read every hostile file by all that reads audio, and answer which files were opened in doing so."""
    forbid_sockets()
    for file in sorted(folder.glob("song*")):
        notes = watch_opens(folder)
        for read in (read_windows, lambda path: list(read_whole(path))):
            try:
                read(file)
            except AudioError:
                continue
            answers.send(f"{file.name} was read as audio")
        if beside := opened(notes) - {file.name}:
            answers.send(f"{file.name} made it open {sorted(beside)}")
        os.close(notes)
    answers.send("done")


def make_a_socket(folder: Path, answers: "multiprocessing.connection.Connection") -> None:
    forbid_sockets()
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(("127.0.0.1", 0))


def run(target, folder: Path) -> tuple[int | None, list[str]]:
    context = multiprocessing.get_context("spawn")
    answers, theirs = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(folder, theirs))
    process.start()
    theirs.close()
    told = []
    try:
        while True:
            told.append(answers.recv())
    except EOFError:
        process.join()
    return process.exitcode, told


def test_sixty_files_that_name_others_open_no_socket_and_no_other_file(tmp_path):
    (tmp_path / "beside.wav").write_bytes(b"RIFF")
    for at, content in enumerate(HOSTILE):
        for ending in ("mp3", "m4a"):
            name = f"song{at}.{ending}"
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
            (tmp_path / f"._{name}").write_bytes(b"\0\5\x16\7" + bytes(200))  # as macOS leaves them on other disks
    assert len(list(tmp_path.glob("song*"))) == 60
    assert run(decode_all, tmp_path) == (0, ["done"])


def test_a_process_that_makes_a_socket_would_have_been_ended(tmp_path):
    assert run(make_a_socket, tmp_path) == (-signal.SIGSYS, [])


def test_a_file_that_is_opened_would_have_been_seen(tmp_path):
    (tmp_path / "beside.wav").write_bytes(b"RIFF")
    notes = watch_opens(tmp_path)
    (tmp_path / "beside.wav").read_bytes()
    assert opened(notes) == {"beside.wav"}
    os.close(notes)
