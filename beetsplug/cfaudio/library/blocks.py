"""Rows of the library as columns, in blocks of ids, with digests that change when the stored rows do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from beetsplug.cfaudio.library.fields import BETWEEN, END, joined_texts, ranges, read_parts, split_texts
from beetsplug.cfaudio.library.tracks import album, artist, mbid, seconds_of
from cfaudio_core.data.listeners import coerce_count
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
_FIELDS = ("cf_embedding", "cf_key", "cf_model")
_SCORES = "SELECT DISTINCT key FROM item_attributes WHERE key BETWEEN 'cf_score' AND 'cf_score~' ORDER BY key"


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
    fields = _fields(lib)

    def read(connection: Connection, within: tuple[int, int]) -> Block:
        old, part = stored.get(within[0]), (BETWEEN, within)
        own = joined_texts(connection, (*_COLUMNS, _MILLISECONDS), (), part)
        attributes = _attributes(connection, fields, within)
        of_names, of_fields = fingerprint(*own), fingerprint(attributes)
        names = old.names if old and old.names_digest == of_names else _read_names(connection, within, own)
        ids = names["ids"]
        if old and old.fields_digest == of_fields and np.array_equal(old.names["ids"], ids):
            return Block(of_names, names, of_fields, old.fields)
        return Block(of_names, names, of_fields, _read_fields(ids, attributes))

    blocks = _blocks(lib)
    return {first: block for (first, _), block in zip(blocks, read_parts(lib, blocks, read), strict=True)}


def fields_digest(lib: Library) -> str:
    """Digest of the blocks' `fields_digest`: tags, tempo and key are not in it, which people may correct."""
    fields = _fields(lib)

    def read(connection: Connection, within: tuple[int, int]) -> str:
        return fingerprint(_attributes(connection, fields, within))

    return digest_of(read_parts(lib, _blocks(lib), read))


def digest_of(digests: Iterable[str]) -> str:
    """Digest of the whole library by those of its blocks, in their order."""
    return fingerprint(*digests)


def _blocks(lib: Library) -> list[tuple[int, int]]:
    return ranges(lib) or [(0, 0)]  # an empty library has columns too


def _fields(lib: Library) -> list[str]:
    """Name the fields of all listeners' scores, and the others that a model makes."""
    with lib.transaction() as tx:
        return [*_FIELDS, *(name for (name,) in tx.query(_SCORES))]


def _attributes(connection: Connection, fields: Sequence[str], within: tuple[int, int]) -> dict[str, bytes | None]:
    """Read the fields of the items with the ids of a block, without scores that no item here has."""
    joined = zip(fields, joined_texts(connection, (), fields, (BETWEEN, within)), strict=True)
    return {name: text for name, text in joined if name in _FIELDS or (text or b"").strip(END)}


def _read_names(connection: Connection, within: tuple[int, int], joined: Sequence[bytes | None]) -> Arrays:
    ids, titles, artists, albumartists, names, album_ids, recordings, _ = split_texts(joined)
    lengths = connection.execute("SELECT length FROM items WHERE id BETWEEN ? AND ? ORDER BY id", within).fetchall()
    artists = list(map(artist, artists, albumartists))
    albums = list(map(album, album_ids, albumartists, names))
    of_tracks = marks(artists, titles, albums, [], list(map(mbid, recordings)), names)
    return {
        "ids": np.array(list(map(int, ids)), np.int64),
        "lengths": np.array([seconds_of(length) for (length,) in lengths], np.float32),
        "name": prints(map(name_of, artists, titles, names)),
        "artist_mark": prints(map(artist_key, artists)),
        "album_mark": prints(albums),
        **{name: getattr(of_tracks, name) for name in ("title", "place", "recording")},
    }


def _read_fields(ids: IntArray, joined: Mapping[str, bytes | None]) -> Arrays:
    """Take apart the fields of the items with some ids."""
    fields = dict(zip(joined, split_texts(list(joined.values())), strict=True))
    scores = {name: texts for name, texts in fields.items() if name not in _FIELDS}
    models = fields["cf_model"]
    digests = {model: prints([model]) for model in {*models}}
    vectors, width = decode_ragged(fields["cf_embedding"])
    return {
        "sound": prints(fields["cf_key"]),
        "model": np.array([digests[model] for model in models], np.uint64).reshape(-1),
        "values": vectors,
        "width": width,
        **{name: np.array(list(map(coerce_count, texts)), np.float32) for name, texts in scores.items()},
    }
