"""A Plex Media Server that keeps playlists, written from its API's documents."""

from __future__ import annotations

from typing import Any

from web_double import Answer, Request

TOKEN = "5ebe2294-sesame"
TOKENS = {TOKEN: "anna", "ben-token": "ben"}
MACHINE = "7e7a"
URI = f"server://{MACHINE}/com.plexapp.plugins.library/library/metadata/"


class Plex:
    """Keeps the playlists of Anna and Ben.

    Attributes
    ----------
    lists
        Number to name, owner, songs and summary.
    refuses_to_add
        Songs that cannot be added to a playlist that is there.
    """

    def __init__(self) -> None:
        self.lists: dict[str, dict[str, Any]] = {}
        self.refuses_to_add: set[str] = set()
        self.made = 0

    def __call__(self, request: Request) -> Answer:
        """Answer as the server does: JSON where that is asked for."""
        assert request.headers["Accept"] == "application/json"
        if request.path == "/identity":
            return container(machineIdentifier=MACHINE)
        user = TOKENS.get(request.headers["X-Plex-Token"], "")
        if not user:
            return Answer(b"<html><head><title>Unauthorized</title></head></html>", 401)
        if request.path.startswith("/library/sections"):
            return self._library(request.path, request.query)
        _, kind, *rest = request.path.split("/")
        assert kind == "playlists"
        if not rest:
            return self._all(request.method, request.query, user)
        known = self.lists.get(rest[0])
        if known is None or known["owner"] != user:
            return Answer(b"", 404)
        if rest[1:] == ["items"]:
            return self._items(request.method, request.query, known)
        if request.method == "DELETE":
            del self.lists[rest[0]]
            return Answer(b"", 204)
        assert request.method == "PUT"
        known |= request.query
        return Answer(b"", 200)

    def _library(self, path: str, query: dict[str, str]) -> Answer:
        if path == "/library/sections":
            kinds = {"1": "movie", "2": "artist", "3": None}
            return container(Directory=[{"key": key, "type": kind} for key, kind in kinds.items()])
        assert (path, query["type"]) == ("/library/sections/2/all", "10")
        at, size = int(query["X-Plex-Container-Start"]), int(query["X-Plex-Container-Size"])
        return container(Metadata=SONGS[at : at + size], totalSize=len(SONGS))

    def _all(self, method: str, query: dict[str, str], user: str) -> Answer:
        if method == "GET":
            assert query == {"playlistType": "audio"}
            own = [shown(number, one) for number, one in self.lists.items() if one["owner"] == user]
            return container(**({"Metadata": own} if own else {}))  # no list where there are none
        assert (query["type"], query["smart"]) == ("audio", "0")
        self.made += 1
        self.lists[str(self.made)] = {"title": query["title"], "owner": user, "summary": "", "songs": []}
        self.lists[str(self.made)]["songs"] += of_uri(query["uri"]) if "uri" in query else []
        return container(Metadata=[shown(str(self.made), self.lists[str(self.made)])])

    def _items(self, method: str, query: dict[str, str], known: dict[str, Any]) -> Answer:
        if method == "GET":
            return container(Metadata=[{"ratingKey": song} for song in known["songs"]])
        if method == "DELETE":
            known["songs"] = []
            return Answer(b"", 200)
        added = of_uri(query["uri"])
        if self.refuses_to_add.intersection(added):
            return Answer(b"", 400)
        known["songs"] += added
        return container(leafCountAdded=len(added))

    def by_hand(self, name: str, owner: str = "anna") -> None:
        """Have a person make a playlist."""
        self.lists["hand"] = {"title": name, "owner": owner, "summary": "", "songs": ["b"]}

    def songs(self, name: str, owner: str = "anna") -> list[str]:
        """The songs of the only playlist of that name and owner."""
        (found,) = [one["songs"] for one in self.lists.values() if (one["title"], one["owner"]) == (name, owner)]
        return list(found)

    def names(self) -> list[str]:
        """The names of all playlists."""
        return sorted(one["title"] for one in self.lists.values())


def container(**content: Any) -> Answer:
    """An answer of the server."""
    return Answer({"MediaContainer": content})


def shown(number: str, one: dict[str, Any]) -> dict[str, Any]:
    """A playlist as the server shows it."""
    return {"ratingKey": number, "title": one["title"], "summary": one["summary"], "smart": False}


def of_uri(uri: str) -> list[str]:
    """The numbers in the address of some items."""
    assert uri.startswith(URI)
    return uri.removeprefix(URI).split(",")


SONGS: list[dict[str, Any]] = [
    {
        "ratingKey": "a",
        "title": "Crying",
        "grandparentTitle": "Björk",
        "duration": 289_000,
        "Media": [{"Part": [{"file": "/data/music/Björk/Debut/01 Crying.flac"}]}],
    },
    {
        "ratingKey": "b",
        "title": "Help!",
        "grandparentTitle": "The Beatles",
        "parentTitle": "Help!",
        "duration": 140_000,
        "Media": [{"Part": [{"file": "/data/music/x/y/z.flac"}]}],
    },
]
