"""Requests for lists, and the lists that are chosen."""

from __future__ import annotations

from dataclasses import dataclass, field

from beetsplug.cfaudio.config.settings import Settings


@dataclass(frozen=True)
class Request:
    """A request for a list.

    Attributes
    ----------
    n
        Number of tracks; of albums, where whole albums are asked for.
    unplayed, per_artist, diversity, fresh_days, taste, exclude
        As the settings of these names.
    query
        beets query that limits the choice; empty: the whole library.
    like
        beets query whose tracks are the taste, instead of the listener's plays; empty: the listener's.
    unlike
        beets query; neither its tracks nor what is nearer to them than to the taste are taken. Empty: none.
    given
        Ids of the tracks that were played last, which the list goes on from, in their order; they are the taste then.
    sound
        By nearness to the taste alone, and without the tracks that are the taste.
    minutes
        How long the list may last, instead of a number of tracks; None: as many as `n`.
    user
        Name of the listener; None: the main one.
    seed
        None: the best tracks. A number: a draw in which the best are the likeliest.
    """

    n: int
    unplayed: float
    per_artist: int
    diversity: float
    fresh_days: int
    taste: str
    query: tuple[str, ...] = ()
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    given: tuple[int, ...] = ()
    sound: bool = False
    minutes: float | None = None
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
    """The reason why a track is on the list.

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
        """Whether the listener never played it."""
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
        Why the list is empty or shorter than asked for, in a few words; "" where it is neither.
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
    """Make a request for n tracks with the usual settings, but for some changes."""
    names = ("unplayed", "per_artist", "diversity", "fresh_days", "taste", "exclude")
    usual = {name: getattr(settings, name) for name in names}
    return Request(n=n, **{**usual, **changes})
