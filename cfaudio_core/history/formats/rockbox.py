"""Rockbox: the log for scrobbling, and the playback log that newer versions keep.

The clock of a player knows no time zone. Its times are taken for local time of this machine, except where the log says
that they are UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats.base import Format, ReadOptions
from cfaudio_core.history.readers.files import Member, first_bytes, lines, members
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.values import local_to_utc, to_int, to_number

TORN = "torn line"

_LOGS = r"(^|/)(playback(_\d+)?|\.scrobbler[^/]*)\.log$"
_PLAYBACK = re.compile(r"(\d+):(\d+):(\d+):(.+)")
_VOLUME = re.compile(r"/*(<[^/>]+>/+)?")
_UNTAGGED = "<untagged>"


def parse(source: str, options: ReadOptions) -> Iterator[Listen | Tally]:
    """Read one log, or those of a player's folder.

    Where a folder has playback logs they alone are read: the log for scrobbling is made from them. Lines that a
    player tore when it was switched off are left out.
    """
    with members(source, _LOGS, "playback.log or .scrobbler.log") as files:
        playback = [file for file in files if file.path.rpartition("/")[2].startswith("playback")]
        for file in playback or files:
            parse_log = _scrobbler if first_bytes(file).startswith(b"#AUDIOSCROBBLER/") else _playback
            yield from parse_log(file, options)


def _scrobbler(file: Member, options: ReadOptions) -> Iterator[Listen]:
    utc = False
    for _, line in lines(file, "surrogateescape"):
        line = line.rstrip("\r\n")
        if line.startswith("#"):
            utc = utc or line.startswith("#TZ/UTC")
            continue
        if not line:
            continue
        fields = line.split("\t")
        if len(fields) < 7 or fields[5] not in ("L", "S"):
            options.on_skip(TORN)
            continue
        artist, album, title, _, length, rating, stamp = ("" if f.lower() == _UNTAGGED else f for f in fields[:7])
        time = to_int(stamp)
        mbid = fields[7] if len(fields) > 7 else ""
        track = TrackText(artist, title, album, recording_mbid=mbid, duration=to_number(length) or 0.0)
        yield Listen(track, time if utc or not time else local_to_utc(time), skipped=rating == "S")


def _playback(file: Member, options: ReadOptions) -> Iterator[Listen]:
    known = False
    for at, line in lines(file, "surrogateescape"):
        line = line.rstrip("\r\n")
        if not line or line.startswith("#"):
            known = known or bool(line)
            continue
        fields = _PLAYBACK.fullmatch(line)
        if not fields:
            if not known:
                raise SourceError(f"{file.name}: line {at} is not of a log of Rockbox")
            options.on_skip(TORN)
            continue
        known = True
        time = to_int(fields[1])
        elapsed, length = (to_number(field) or 0.0 for field in fields.group(2, 3))
        path = fields[4][_VOLUME.match(fields[4]).end() :]  # type: ignore[union-attr]
        yield Listen(
            TrackText(path=path, duration=length / 1000),
            local_to_utc(time) if time else 0,
            elapsed / 1000,
            skipped=elapsed < length / 2,  # as Rockbox rates it for the other log
        )
    if not known:
        raise SourceError(f"{file.name}: empty")


ROCKBOX = Format(
    "rockbox", "Rockbox: .scrobbler.log or playback.log, or the player's folder", "/media/IPOD/.scrobbler.log", parse
)
