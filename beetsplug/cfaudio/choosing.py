"""From the library to a list: what `cfrecommend` and `cfplaylists` share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from beets.dbcore.query import ParsingError
from beets.exceptions import UserError

from beetsplug.cfaudio.embedding import listener
from beetsplug.cfaudio.library import ids_of
from beetsplug.cfaudio.loaded import Loaded
from beetsplug.cfaudio.settings import Settings
from cfaudio_core.recommending.choice import Pool, Wish, choose
from cfaudio_core.recommending.duplicates import one_a_song
from cfaudio_core.recommending.ordering import order
from cfaudio_core.recommending.taste import Familiarity, Taste, familiarity, love, mean_taste, modes
from cfaudio_core.tracks import BoolArray, FloatArray, float32

if TYPE_CHECKING:
    from beets.library import Library

    from cfaudio_core.listening.counts import Listener

_LIKING = 0.1  # in cosine: how much a listener's own liking counts in a list that is to be like something
_SUNK = 1000.0  # less appeal for what was skipped and never played: it comes when all else is taken


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
class Mode:
    """A part of a taste: its share, and the ids of the tracks it is made of, the most loved first."""

    share: float
    ids: list[int]


@dataclass(frozen=True)
class Reason:
    """Why a track is on the list.

    Attributes
    ----------
    id
        The track.
    score
        Its match with the listener, 0 to 100; NaN where it has none.
    plays
        By the listener.
    mode
        Position of the mode that it serves among `Chosen.modes`; None where there is none.
    near
        Ids of the loved tracks that it is nearest to, nearest first.
    """

    id: int
    score: float
    plays: int
    mode: int | None
    near: list[int]

    @property
    def unplayed(self) -> bool:
        """Whether the listener never heard it."""
        return not self.plays


@dataclass(frozen=True)
class Chosen:
    """A list.

    Attributes
    ----------
    reasons
        One a track, in the order to play them.
    modes
        The taste that it serves, the heaviest mode first.
    why
        Why the list is empty, in a few words; "" where it is not.
    """

    reasons: list[Reason] = field(default_factory=list)
    modes: list[Mode] = field(default_factory=list)
    why: str = ""

    @property
    def ids(self) -> list[int]:
        """The tracks' ids, in the order to play them."""
        return [reason.id for reason in self.reasons]

    def __len__(self) -> int:
        return len(self.reasons)


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
    """Choose tracks and put them in order.

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
    person = listener(loaded.people, request.user)
    scores, last_heard = loaded.scores[person.name], loaded.last_heard[person.name]
    known = familiarity(person, last_heard)
    if request.like:
        seeds = _matching(lib, loaded, request.like)
        if not seeds.any():
            return Chosen(why=f"no track matches {' '.join(request.like)}")
        if not loaded.vectors[seeds].any():
            return Chosen(why=f"no track that matches {' '.join(request.like)} has been heard; run `beet cfembed`")
        loved = seeds.astype(np.float32)
    else:
        loved = love(person, known)
    taste = (mean_taste if request.taste == "mean" else modes)(loaded.vectors, loved)
    appeal = _appeal(loaded, person, known, taste, request)
    if not np.isfinite(appeal).any():
        return Chosen(why=_why_no_scores(loaded, person))
    allowed = np.isfinite(appeal)
    if request.query:
        matches = _matching(lib, loaded, request.query)
        if not matches.any():
            return Chosen(why=f"no track matches {' '.join(request.query)}")
        allowed &= matches
        if not allowed.any():
            return Chosen(why=f"no track that matches {' '.join(request.query)} has a score; run `beet cfembed`")
    for query in request.exclude:
        try:
            allowed &= ~_matching(lib, loaded, query)
        except ParsingError as error:
            raise UserError(f"cfaudio.exclude: {error}") from error
    candidates = one_a_song(loaded.song, np.flatnonzero(allowed), person.plays, appeal)
    barred = np.isin(loaded.ids, list(avoid))
    if request.fresh_days:
        barred |= last_heard > loaded.now - request.fresh_days * 86400
    candidates = candidates[~barred[candidates]]
    if not len(candidates):
        return Chosen(why="all that could be chosen is excluded, or was heard or recommended lately")
    fresh = ~person.played[candidates]
    artists, vectors = loaded.artist[candidates], loaded.vectors[candidates]
    wish = Wish(request.n, request.unplayed, request.per_artist, request.diversity, request.seed)
    taken = choose(Pool(appeal[candidates], fresh, artists, vectors), taste, wish)
    taken = taken[order(vectors[taken], fresh[taken], artists[taken])]
    chosen = candidates[taken]
    serves = np.argmax(taste.belonging(loaded.vectors[chosen]), axis=1) if len(taste.shares) else None
    near = taste.nearest(loaded.vectors, loaded.song, chosen)
    return Chosen(
        [
            Reason(
                id=int(loaded.ids[i]),
                score=float(scores[i]),
                plays=int(person.plays[i]),
                mode=None if serves is None or not loaded.vectors[i].any() else int(serves[k]),
                near=loaded.ids[near[k]].tolist(),
            )
            for k, i in enumerate(chosen)
        ],
        _modes(loaded, taste),
    )


def _appeal(loaded: Loaded, person: Listener, known: Familiarity, taste: Taste, request: Request) -> FloatArray:
    """float32 (n,): the familiar by how much and how recently they are played, the unheard by their scores.

    Where the taste is a mean, or that of some tracks, all are ranked by how near they are to it.
    """
    scores = loaded.scores[person.name] / 100
    if request.like or request.taste == "mean":
        heard = loaded.vectors.any(axis=1) if len(taste.shares) else np.zeros(len(scores), bool)
        near = (loaded.vectors @ taste.centres.T).max(axis=1, initial=-1)
        likes = _LIKING * np.nan_to_num(scores) if request.like else 0
        appeal = np.where(heard, near + likes, np.nan)
    else:
        # Equal counts are told apart by the scores.
        appeal = np.where(person.played, known.appeal + 1e-3 * scores, scores)
    return float32(appeal - _SUNK * (~person.played & (person.skips > 0)))


def _matching(lib: Library, loaded: Loaded, query: str | Sequence[str]) -> BoolArray:
    """Bool (n,): matches a query."""
    return np.isin(loaded.ids, ids_of(lib, query if isinstance(query, str) else list(query)))


def _modes(loaded: Loaded, taste: Taste) -> list[Mode]:
    loved_first = np.argsort(-taste.weights, kind="stable")
    return [
        Mode(float(share), [int(loaded.ids[i]) for i in taste.members[loved_first[taste.mode[loved_first] == m]]])
        for m, share in enumerate(taste.shares)
    ]


def _why_no_scores(loaded: Loaded, person: Listener) -> str:
    if not len(loaded):
        return "the library is empty"
    if not loaded.placed.any():
        return "no track has a score yet; run `beet cfembed` first"
    if not person.played.any():
        return f"{person.name} has not played a track yet, so there is nothing to recommend by"
    return f"no track has a score for {person.name}; run `beet cfembed`"
