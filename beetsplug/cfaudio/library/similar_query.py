"""The query `similar:QUERY`, and `$cf_match`, the measure that it ranks by.

Every `beet` command loads this module, so it imports what a query needs when there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import beets
from beets.dbcore.query import InQuery, InvalidQueryError, SQLiteType
from beets.exceptions import UserError
from beets.logging import getLogger

if TYPE_CHECKING:
    from beets.library import Item, Library

    from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray

_BLOCK_SEEDS = 100

LIBRARY: list[Library] = []
"""The library of this `beet` command, once it is open: a query is not told which one it is asked of."""

_matches: dict[int, float] = {}


def library_opened(lib: Library) -> None:
    """Take note of the library; for beets' event of that name."""
    LIBRARY[:] = [lib]
    _matches.clear()


def cf_match(item: Item) -> float:
    """How near the last `similar:` query found an item to what it asked for: a cosine times 100; 0 for all others."""
    return _matches.get(item.id or 0, 0.0)


class SimilarQuery(InQuery[int]):
    """The tracks nearest to those that match a query, by `cf_embedding`; these themselves are not among them.

    What is nearest is found out at once, so that `cf_match` is known wherever in a query it stands.
    """

    def __init__(self, field: str, pattern: str, fast: bool = True) -> None:
        super().__init__("items.id", sorted(_nearest(pattern)))

    @property
    def field_names(self) -> set[str]:
        """The field by which tracks are looked up."""
        return {"id"}

    def col_clause(self) -> tuple[str, Sequence[SQLiteType]]:
        """SQL for it; with the table's name, as a query may join the albums, which have ids too."""
        marks = ", ".join("?" * len(self.pattern))
        return f"{self.field} IN ({marks})", self.pattern


def _nearest(pattern: str) -> set[int]:
    """Ids of the nearest tracks, and their matches noted."""
    import numpy as np

    from beetsplug.cfaudio.config.checks import split_query
    from beetsplug.cfaudio.config.settings import read_settings
    from beetsplug.cfaudio.library.snapshot import read_snapshot

    if not LIBRARY:
        raise UserError("similar: can be asked of the library of a `beet` command only")
    (lib,) = LIBRARY
    if not pattern.strip():
        raise UserError("similar: what to is missing, as in similar:artist:NAME")
    try:
        terms = split_query(pattern)
    except ValueError as error:
        raise InvalidQueryError(pattern, error) from error
    seeds = [item.id for item in lib.items(list(terms)) if item.id is not None]
    if not seeds:
        return set()
    settings = read_settings(beets.config["cfaudio"])
    tracks = read_snapshot(lib, settings)
    if not tracks.vectors.any():
        raise UserError("similar: no track is analysed yet; run `beet cfembed` first")
    asked = np.isin(tracks.ids, seeds)
    if not tracks.vectors[asked].any():
        message = "similar: no track that matches {} is analysed yet; run `beet cfembed`"
        getLogger("beets.cfaudio").warning(message, pattern)
    positions, cosines = nearest(tracks.vectors, asked, settings.similar)
    found = dict(zip(tracks.ids[positions].tolist(), (100 * cosines.astype(float)).tolist(), strict=True))
    for item, match in found.items():
        _matches[item] = max(_matches.get(item, 0.0), round(match, 1))
    return set(found)


def nearest(vectors: FloatArray, seeds: BoolArray, n: int) -> tuple[IntArray, FloatArray]:
    """Find the n tracks nearest to any of the seeds, bool (m,), which are not among them.

    Vectors are float32 (m, d), unit length; zeros where a track has none. Returns positions, nearest first, int64 (at
    most n,), and their cosines, float32.
    """
    import numpy as np

    known = vectors.any(axis=1)
    of_seeds, others = vectors[seeds & known], np.flatnonzero(known & ~seeds)
    if not len(of_seeds) or not len(others):
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    cosines = np.full(len(others), -1, np.float32)
    for start in range(0, len(of_seeds), _BLOCK_SEEDS):
        np.maximum(cosines, (vectors[others] @ of_seeds[start : start + _BLOCK_SEEDS].T).max(axis=1), out=cosines)
    order = np.argsort(-cosines, kind="stable")[:n]
    return others[order], cosines[order]
