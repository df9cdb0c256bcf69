"""A Jellyfin that keeps playlists, written from its API's documents and its controllers (10.9 and later)."""

from __future__ import annotations

import json
import re
from typing import Any

from web_double import Answer, Request

PASSWORD, TOKEN, API_KEY = "hunter2 ünd", "5ebe2294-sesame", "c0ffee-key"
USERS = {"id-anna": "Anna", "id-ben": "Ben"}
TOKENS = {TOKEN: "id-anna", "ben-token": "id-ben", "login-token": "id-anna"}


class Jellyfin:
    """Keeps the playlists of Anna and Ben.

    Attributes
    ----------
    lists
        Id to name, owner, songs and whether it is public.
    old
        Whether it is older than 10.9, where playlists cannot be replaced.
    """

    def __init__(self, *, old: bool = False) -> None:
        self.lists: dict[str, dict[str, Any]] = {}
        self.old = old
        self.made = 0

    def __call__(self, request: Request) -> Answer:
        """Answer as the server does."""
        body = json.loads(request.body) if request.body else {}
        if request.path == "/Users/AuthenticateByName":
            if (body["Username"].casefold(), body["Pw"]) != ("anna", PASSWORD):
                return Answer(f"Invalid password {body['Pw']}".encode(), 401)
            return Answer({"User": {"Id": "id-anna", "Name": "Anna"}, "AccessToken": "login-token"})
        found = re.search(r'Token="([^"]*)"', request.headers.get("Authorization", ""))
        token = found[1] if found else ""
        user = TOKENS.get(token, "")
        if not user and token != API_KEY:
            return Answer(b"", 401)
        if request.path == "/Users/Me":
            return Answer({"Id": user, "Name": USERS[user]}) if user else Answer(b"Error processing request.", 400)
        if request.path == "/Users":
            return Answer([{"Id": number, "Name": name} for number, name in USERS.items()])
        if request.path == "/Items":
            return self._items(request.query, is_admin=not user)
        if request.method == "DELETE":
            return Answer(b"", 204) if self.lists.pop(request.path.removeprefix("/Items/"), None) else Answer(b"", 404)
        assert request.method == "POST" and request.headers["Content-Type"] == "application/json"
        if request.path == "/Playlists":
            self.made += 1
            one = {"name": body["Name"], "owner": user or body["UserId"], "songs": body["Ids"]}
            self.lists[f"pl{self.made}"] = {**one, "public": body.get("IsPublic", True)}
            return Answer({"Id": f"pl{self.made}"})
        known = self.lists.get(request.path.removeprefix("/Playlists/"))
        if self.old:
            return Answer(b"", 405)
        if known is None:
            return Answer({"title": "Playlist not found"}, 404)
        if known["owner"] != user:
            return Answer(b"", 403)
        known |= {"name": body["Name"], "songs": body["Ids"]}
        return Answer(b"", 204)

    def _items(self, query: dict[str, str], *, is_admin: bool) -> Answer:
        assert query["userId"] in USERS
        at, limit = int(query["startIndex"]), int(query["limit"])
        items: list[dict[str, Any]] = []
        if query["includeItemTypes"] == "Audio":
            items = SONGS
        if query["includeItemTypes"] == "Playlist":
            items = [
                {"Id": number, "Name": one["name"], "CanDelete": is_admin or one["owner"] == query["userId"]}
                for number, one in self.lists.items()
                if one["public"] or one["owner"] == query["userId"]
            ]
        return Answer({"Items": items[at : at + limit], "TotalRecordCount": len(items)})

    def by_hand(self, name: str, owner: str = "anna") -> None:
        """Have a person make a playlist."""
        self.lists["hand"] = {"name": name, "owner": f"id-{owner}", "songs": ["b"], "public": True}

    def songs(self, name: str, owner: str = "anna") -> list[str]:
        """The songs of the only playlist of that name and owner."""
        (found,) = [one["songs"] for one in self.lists.values() if (one["name"], one["owner"]) == (name, f"id-{owner}")]
        return list(found)

    def names(self) -> list[str]:
        """The names of all playlists."""
        return sorted(one["name"] for one in self.lists.values())


SONGS: list[dict[str, Any]] = [
    {
        "Id": "a",
        "Name": "Crying",
        "Path": "/data/music/Björk/Debut/01 Crying.flac",
        "Artists": ["Björk"],
        "RunTimeTicks": 2_890_000_000,
    },
    {
        "Id": "b",
        "Name": "Help!",
        "Path": "/data/music/x/y/z.flac",
        "Artists": ["The Beatles"],
        "AlbumArtist": "The Beatles",
        "Album": "Help!",
        "RunTimeTicks": 1_400_000_000,
    },
]
