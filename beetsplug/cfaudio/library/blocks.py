"""Rows of the library as columns, in blocks of ids, with digests that change when the stored rows do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from beetsplug.cfaudio.library.fields import column, ranges, read_parts
from beetsplug.cfaudio.library.tracks import album, artist, recording
from cfaudio_core.data.tracks import name_of
from cfaudio_core.history.normalize import artist_key
from cfaudio_core.ranking.duplicates import marks
from cfaudio_core.util.array_file import Arrays
from cfaudio_core.util.arrays import IntArray
from cfaudio_core.util.fingerprint import fingerprint, prints
from cfaudio_core.util.vector_codec import decode_ragged

if TYPE_CHECKING:
    from sqlite3 import Connection

    from beets.library import Library

_COLUMNS = ("id", "title", "artist", "albumartist", "album", "album_id", "mb_trackid")
_MILLISECONDS = "CAST(length * 1000 AS INTEGER)"  # SQLite takes long to write a fraction
_ITEMS = "FROM items WHERE id BETWEEN ? AND ?"
_ATTRIBUTES = (
    "FROM item_attributes WHERE entity_id BETWEEN ? AND ? "
    "AND (key IN ('cf_embedding', 'cf_key', 'cf_model') OR key BETWEEN 'cf_score' AND 'cf_score~')"
)
_END = "\x1e"  # of a value, where those of a column are joined
_VALUE = f"replace(value, '{_END}', ' ')"


def _all_of(*columns: str) -> str:
    """SQL for the values of each column, one after another, NULL unlike any text. Literals are quicker than char()."""
    return ", ".join(f"CAST(group_concat(ifnull({column}, '\x01'), '{_END}') AS BLOB)" for column in columns)


_DIGESTED = (
    f"SELECT {_all_of(*_COLUMNS, _MILLISECONDS)} {_ITEMS}",
    f"SELECT {_all_of('entity_id', 'key', _VALUE)} {_ATTRIBUTES}",
)


class Block(NamedTuple):
    """The n tracks with the ids of a block, in the order of these.

    Attributes
    ----------
    names_digest, fields_digest
        Of the rows that the columns were made of.
    names
        Of `items`: `ids` (n,) int64, `lengths` (n,) float32 in seconds, and `name`, `artist_mark`, `album_mark`,
        `title`, `place`, `recording` (n,) uint64, 64 bits of a digest each as in `Marks`, 0 where unknown.
    fields
        Of `item_attributes`: `sound` and `model` (n,) uint64 as above; `width` (n,) int64, the length of each vector;
        `values` float32, all vectors one after another; `cf_score...` (n,) float32 each, NaN where there is none.
    """

    names_digest: str
    names: Arrays
    fields_digest: str
    fields: Arrays


def read_blocks(lib: Library, stored: Mapping[int, Block]) -> dict[int, Block]:
    """Read the library by the first ids of its blocks, as far as it differs from what is stored of it."""

    def read(connection: Connection, within: tuple[int, int]) -> Block:
        old = stored.get(within[0])
        own, attributes = (tuple(connection.execute(query, within).fetchone()) for query in _DIGESTED)
        of_names, of_fields = fingerprint(*own), fingerprint(*attributes)
        names = old.names if old and old.names_digest == of_names else _read_names(connection, within)
        ids = names["ids"]
        if old and old.fields_digest == of_fields and np.array_equal(old.names["ids"], ids):
            return Block(of_names, names, of_fields, old.fields)
        return Block(of_names, names, of_fields, _read_fields(attributes, ids))

    blocks = ranges(lib) or [(0, 0)]  # an empty library has columns too
    return {first: block for (first, _), block in zip(blocks, read_parts(lib, blocks, read), strict=True)}


def _read_names(connection: Connection, within: tuple[int, int]) -> Arrays:
    rows = connection.execute(f"SELECT {', '.join(_COLUMNS)}, length {_ITEMS} ORDER BY id", within).fetchall()
    artists = [artist(row) for row in rows]
    titles = [row["title"] or "" for row in rows]
    names, albums = [row["album"] or "" for row in rows], [album(row) for row in rows]
    of_tracks = marks(artists, titles, albums, [], [recording(row) for row in rows], names)
    return {
        "ids": np.array([row["id"] for row in rows], np.int64),
        "lengths": np.array([row["length"] or 0 for row in rows], np.float32),
        "name": prints(map(name_of, artists, titles, names)),
        "artist_mark": prints(map(artist_key, artists)),
        "album_mark": prints(albums),
        **{name: getattr(of_tracks, name) for name in ("title", "place", "recording")},
    }


def _read_fields(attributes: Sequence[bytes | None], ids: IntArray) -> Arrays:
    """Take apart the ids, names and values of `item_attributes`, each as one text: rows take four times as long."""
    fields: dict[str, dict[int, object]] = {"cf_embedding": {}, "cf_key": {}, "cf_model": {}}
    if attributes[0]:
        items, names, values = ((column or b"").decode("utf-8", "replace").split(_END) for column in attributes)
        for item, name, value in zip(map(int, items), names, values, strict=True):
            fields.setdefault(name, {})[item] = value

    def texts(name: str) -> list[str]:
        return [str(fields[name].get(item, "")) for item in ids.tolist()]

    models = texts("cf_model")
    digests = {model: prints([model]) for model in {*models}}
    vectors, width = decode_ragged(texts("cf_embedding"))
    return {
        "sound": prints(texts("cf_key")),
        "model": np.array([digests[model] for model in models], np.uint64).reshape(-1),
        "values": vectors,
        "width": width,
        **{name: column(ids, scores) for name, scores in fields.items() if name.startswith("cf_score")},
    }
