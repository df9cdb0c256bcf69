"""From the library to a list: what `cfrecommend` and `cfplaylists` share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from beetsplug.cfaudio.embedding import listener, load
from beetsplug.cfaudio.library import column, read_fields
from beetsplug.cfaudio.settings import Settings, score_field
from cfaudio_core.recommending.ranking import Wish, choose

if TYPE_CHECKING:
    from beets.library import Library

    from cfaudio_core.listening.counts import Listener
    from cfaudio_core.tracks import FloatArray, Tracks


@dataclass(frozen=True)
class Request:
    """What is asked of a list.

    Attributes
    ----------
    n
        Number of tracks.
    unplayed
        Share of never played tracks, 0 to 1.
    per_artist
        Most tracks of one artist, as long as there are others to choose from.
    diversity
        0 to 1: how much two tracks that sound alike get in each other's way.
    fresh_days
        Tracks heard in the last so many days are left out.
    taste
        `modes` or `mean`.
    query
        beets query that limits the choice; empty: the whole library.
    like
        beets query whose tracks are the taste, instead of the listener's plays; empty: the listener's.
    user
        Whose list; None: the first listener's.
    seed
        None: the best tracks. A number: a draw in which the best are the likeliest.
    exclude
        beets queries; what matches any of them is left out.
    """

    n: int
    unplayed: float
    per_artist: int
    diversity: float
    fresh_days: int
    taste: str
    query: tuple[str, ...] = ()
    like: tuple[str, ...] = ()
    user: str | None = None
    seed: int | None = None
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """What is read once for any number of lists."""

    tracks: Tracks
    people: list[Listener]
    scores: dict[str, FloatArray]
    now: float


@dataclass(frozen=True)
class Reason:
    """Why a track is on the list."""

    id: int
    score: float
    plays: int
    unplayed: bool


@dataclass(frozen=True)
class Chosen:
    """A list.

    Attributes
    ----------
    reasons
        One a track, in the order to play them.
    why
        Why the list is empty, in a few words; "" where it is not.
    """

    reasons: list[Reason] = field(default_factory=list)
    why: str = ""

    @property
    def ids(self) -> list[int]:
        """The tracks' ids, in the order to play them."""
        return [reason.id for reason in self.reasons]

    def __len__(self) -> int:
        return len(self.reasons)

    def __iter__(self) -> Iterator[Reason]:
        return iter(self.reasons)


def read_library(lib: Library, settings: Settings) -> Loaded:
    """Read once what any number of lists are chosen from."""
    tracks, people = load(lib, settings, match=False)
    names = {person.name: score_field(person.name, main=person is people[0]) for person in people}
    stored = read_fields(lib, list(names.values()))
    scores = {name: column(tracks.ids, stored[key]) for name, key in names.items()}
    return Loaded(tracks, people, scores, time.time())


def request_of(settings: Settings, n: int, **changes: object) -> Request:
    """A request for n tracks as the settings have it, but for some changes."""
    basis: dict[str, object] = {
        "unplayed": settings.unplayed,
        "per_artist": settings.per_artist,
        "diversity": settings.diversity,
        "fresh_days": settings.fresh_days,
        "taste": settings.taste,
        "exclude": settings.exclude,
    }
    return Request(n=n, **{**basis, **changes})  # type: ignore[arg-type]


def choose_items(
    lib: Library, settings: Settings, loaded: Loaded, request: Request, *, avoid: frozenset[int] = frozenset()
) -> Chosen:
    """Choose tracks.

    Parameters
    ----------
    lib, settings
        The library and its settings.
    loaded
        As `read_library` gives it.
    request
        What is asked for.
    avoid
        Ids of tracks that are not to be on the list, as those that were on the last one.

    Returns
    -------
    Chosen
        Empty, and with a reason, where nothing can be chosen.

    Raises
    ------
    UserError
        If there is no such listener, or a query makes no sense.
    """
    tracks = loaded.tracks
    person = listener(loaded.people, request.user)
    scores = loaded.scores[person.name]
    if request.query:
        within = [item.id for item in lib.items(list(request.query)) if item.id is not None]
        if not within:
            return Chosen(why=f"no track matches {' '.join(request.query)}")
        scores = np.where(np.isin(tracks.ids, within), scores, np.nan).astype(np.float32)
    scores = np.where(np.isin(tracks.ids, list(avoid)), np.nan, scores).astype(np.float32)
    chosen = choose(
        scores, person.played, tracks.artists, Wish(request.n, request.unplayed, request.per_artist, request.seed)
    )
    return Chosen(
        [
            Reason(int(tracks.ids[i]), float(scores[i]), int(person.plays[i]), not bool(person.played[i]))
            for i in chosen
        ],
        "" if len(chosen) else "no track has a score",
    )
