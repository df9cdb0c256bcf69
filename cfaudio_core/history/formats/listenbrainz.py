"""ListenBrainz: the export, the older export as one JSON file, and the web API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cfaudio_core.clients.http import Service, is_url
from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats.base import Format, ReadOptions, check_keys, convert_entries
from cfaudio_core.history.readers.files import first_bytes, members
from cfaudio_core.history.readers.json_stream import json_entries, json_lines
from cfaudio_core.history.records import Listen, Opinion, Record, TrackText
from cfaudio_core.util.values import get_nested, parse_time, to_int, to_number, to_text

API = "https://api.listenbrainz.org/1"
_SITE = re.compile(r"https?://(www\.|beta\.)?listenbrainz\.org")
_USER_PAGE = re.compile(r"(?P<base>https?://[^/?#]+(?:/[^?#]*?)?)/user/(?P<name>[^/?#]+)(/listens)?/?")
_USER_NAME = re.compile(r"[^/\\\0]{1,100}")
_FILE_NAME = re.compile(r"[.~]|.*\.(zip|jsonl?)\Z", re.IGNORECASE | re.DOTALL)
_FILES = re.compile(
    r"(^|/)(listens/.*|\d{1,2}|\d{4}/\d{1,2}|feedback)\.jsonl$|_lb-[^/]*\.json$"
)  # by month; formerly all in one
_PAGE_LISTENS, _PAGE_FEEDBACK = 1000, 100  # the service gives no more
_FEEDBACK = re.compile(r"(^|/)feedback\.jsonl$")
_KIND = "a listen of ListenBrainz"


def parse(source: str, options: ReadOptions) -> Iterator[Record]:
    """Read an export (zip, unpacked folder, JSON or JSON lines), or a user's listens and loved tracks from the service.

    `source` is a file or folder, a user's name, the address of the user's page, or ``BASE/1/user/NAME`` of another
    server with the same API. Private histories need `options.token`.
    """
    if is_url(source):
        yield from _api(*_address(source), options)
    elif _USER_NAME.fullmatch(source) and not _FILE_NAME.match(source) and not Path(source).exists():
        yield from _api(API, source, options)
    else:
        yield from _export(source, options)


def _export(source: str, options: ReadOptions) -> Iterator[Record]:
    with members(source, _FILES.pattern, "listens/*.jsonl, as an export of ListenBrainz does") as files:
        for file in files:
            if file.name == source and not first_bytes(file).strip():
                raise SourceError(f"{source}: empty")  # in an archive a month may be
            if _FEEDBACK.search(file.path):
                yield from (one for _, entry in json_lines(file) if entry and (one := _opinion(entry)))
                continue
            is_array = first_bytes(file).lstrip().startswith(b"[")
            entries = json_entries(file, "item", _KIND) if is_array else json_lines(file)
            yield from convert_entries(entries, _listen, file.name, options)


def _listen(entry: dict[str, Any], where: str) -> Listen:
    check_keys(entry, ("listened_at", "track_metadata"), where, _KIND)
    about = entry["track_metadata"]
    check_keys(about, ("track_name",), where, _KIND)
    return Listen(_track(about), parse_time(entry["listened_at"]))


def _opinion(entry: dict[str, Any]) -> Opinion | None:
    """Convert a loved (1) or hated (-1) recording; None where it is named neither by an id nor by texts."""
    about = entry.get("track_metadata")
    track = _track(about if isinstance(about, dict) else {})
    track = track._replace(recording_mbid=_ids(entry.get("recording_mbid"), track.recording_mbid))
    score = to_int(entry.get("score"))
    named = track.title or track.recording_mbid
    return Opinion(track, float(score), parse_time(entry.get("created"))) if named and score in (-1, 0, 1) else None


def _track(about: dict[str, Any]) -> TrackText:
    info = about.get("additional_info")
    sent = info.get if isinstance(info, dict) else dict[str, Any]().get
    milliseconds = to_number(sent("duration_ms"))
    return TrackText(
        to_text(about.get("artist_name")),
        to_text(about.get("track_name")),
        to_text(about.get("release_name")),
        # Clients send the ids in the tags of the file that was played; the mapping is the service's guess by names.
        recording_mbid=_ids(sent("recording_mbid"), get_nested(about, "mbid_mapping", "recording_mbid")),
        track_mbid=_ids(sent("track_mbid")),
        duration=milliseconds / 1000 if milliseconds else to_number(sent("duration")) or 0.0,
    )


def _ids(value: object, more: object = None) -> str:
    """Join ids, each of which may be a list of them."""
    if isinstance(value, list):
        value = " ".join(map(to_text, value))
    return to_text(value) if not more or value == more else f"{to_text(value)} {to_text(more)}".strip()


def _address(url: str) -> tuple[str, str]:
    found = _USER_PAGE.fullmatch(url)
    if not found:
        raise SourceError("listenbrainz: not the address of a user, such as https://listenbrainz.org/user/NAME")
    base, name = found["base"], found["name"]
    if _SITE.fullmatch(base.lower()):
        return API, name
    return base if base.endswith("/1") else f"{base}/1", name


def _api(base: str, name: str, options: ReadOptions) -> Iterator[Record]:
    """Page back from the newest listen.

    A page holds listens before `max_ts`. Those of one second may fall on both sides of its end, so the next page
    begins one second later than this one ends, and listens given already are left out.
    """
    headers = {"Authorization": f"Token {options.token}"} if options.token else {}
    before: int | None = None
    given: set[Listen] = set()
    with Service(base, headers) as service:
        while page := _page(service, name, before):
            yield from (listen for listen in page if listen not in given)
            oldest = min(listen.time for listen in page)
            # Where all of a page is of one second, the next one begins with the second before.
            following = oldest + 1 if before is None or oldest + 1 < before else oldest
            if before is not None and following >= before:
                raise SourceError(f"{base}: the service does not page back in time")
            given = {listen for listen in page if listen.time == oldest}
            before = following
        yield from _loved(service, name)


def _loved(service: Service, name: str) -> Iterator[Opinion]:
    """Page through what the user loves and hates; nothing from servers with the API of listens alone."""
    at = 0
    while True:
        params: dict[str, str | int] = {"count": _PAGE_FEEDBACK, "offset": at, "metadata": "true"}
        status, answer = service.ask(f"/feedback/user/{_quoted(name)}/get-feedback", params)
        entries = answer.get("feedback")
        if status >= 400 or not isinstance(entries, list) or not entries:
            return
        yield from (one for entry in entries if isinstance(entry, dict) and (one := _opinion(entry)))
        at += len(entries)
        if at >= to_int(answer.get("total_count")):
            return


def _quoted(name: str) -> str:
    return name if "%" in name else quote(name, safe="")


def _page(service: Service, name: str, before: int | None) -> list[Listen]:
    params: dict[str, str | int] = {"count": _PAGE_LISTENS}
    if before is not None:
        params["max_ts"] = before
    status, answer = service.ask(f"/user/{_quoted(name)}/listens", params)
    if status == 404:
        raise SourceError(f"{service.base}: no user {name!r}")
    if status in (401, 403):
        raise SourceError(f"{service.base}: the token was refused")
    entries = get_nested(answer, "payload", "listens")
    if status >= 400 or not isinstance(entries, list):
        raise SourceError(f"{service.base}: the answer is not a page of listens (status {status})")
    where = f"{service.base}: an entry before {before or 'now'}"
    if not all(isinstance(entry, dict) for entry in entries):
        raise SourceError(f"{where} is not {_KIND}")
    return [_listen(entry, where) for entry in entries]


LISTENBRAINZ = Format(
    "listenbrainz",
    "ListenBrainz: its export, or a user's name for the web API; listens, loved and hated",
    "listenbrainz_NAME_1700000000.zip",
    parse,
)
