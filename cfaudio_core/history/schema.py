"""Tables of the listening history, and their upgrade from older versions.

::

    cf_schema     which version of the tables this is
    cf_texts      the distinct tracks, as the sources named them
    cf_origins    the pairs of a listener and a source
    cf_listens    plays with their time: origin, time, text
    cf_tallies    counts by sources that know no single plays: origin, text
    cf_feedback   likes, dislikes, bans and ratings: origin, text; those given here with the item and its content key
    cf_matches    the library's track that a text was matched to, by its id and its marks
    cf_snapshots  counts of each library at its last snapshot, by the ids and marks of its tracks
    cf_notes      one-liners, such as the time of the last snapshot

The names begin with `cf_` since a PostgreSQL database may be shared with other programs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sqlalchemy as sa

from cfaudio_core.errors import StoreError
from cfaudio_core.util.fingerprint import prints

SCHEMA = 3
"""The version that this code reads and writes."""

metadata = sa.MetaData()

schema_version = sa.Table("cf_schema", metadata, sa.Column("version", sa.Integer, primary_key=True))


def _filled(kind: type[sa.types.TypeEngine[Any]], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _key(kind: type[sa.types.TypeEngine[Any]], name: str) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _text_columns() -> list[sa.Column[Any]]:
    """Build the columns of TrackText; paths are bytes since they need not be text.

    A digest stands for all texts together because a unique index over the texts themselves has no bound on its
    entries, and PostgreSQL takes none above 2.7 kB.
    """
    names = ("artist", "title", "album", "album_artist", "recording_mbid", "track_mbid")
    return [*_filled(sa.Text, *names), *_filled(sa.LargeBinary, "path"), *_filled(sa.Float, "duration")]


texts = sa.Table(
    "cf_texts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    *_text_columns(),
)
origins = sa.Table(
    "cf_origins",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    *_filled(sa.Text, "listener", "source"),
    sa.UniqueConstraint("listener", "source"),
)
# Without SQLite's row numbers the key is the table: half the size, and sorted as it is read.
listens = sa.Table(
    "cf_listens",
    metadata,
    _key(sa.Integer, "origin_id"),
    _key(sa.BigInteger, "time"),
    _key(sa.Integer, "text_id"),
    sa.Column("seconds", sa.Float),
    *_filled(sa.SmallInteger, "skipped"),
    sqlite_with_rowid=False,
)
tallies = sa.Table(
    "cf_tallies",
    metadata,
    _key(sa.Integer, "origin_id"),
    _key(sa.Integer, "text_id"),
    *_filled(sa.BigInteger, "plays", "skips", "last"),
    sqlite_with_rowid=False,
)
feedback = sa.Table(
    "cf_feedback",
    metadata,
    _key(sa.Integer, "origin_id"),
    _key(sa.Integer, "text_id"),
    *_filled(sa.Float, "value"),
    *_filled(sa.BigInteger, "time", "item_id", "added"),  # the latter in milliseconds
    *_filled(sa.Text, "cf_key"),
    sqlite_with_rowid=False,
)
matches = sa.Table(
    "cf_matches",
    metadata,
    _key(sa.Integer, "text_id"),
    *_filled(sa.BigInteger, "item_id"),
    *_filled(sa.Text, "cf_key"),
    *_filled(sa.BigInteger, "sound", "name"),
)
snapshots = sa.Table(
    "cf_snapshots",
    metadata,
    _key(sa.Text, "library"),
    _key(sa.BigInteger, "item_id"),
    _key(sa.Text, "field"),
    *_filled(sa.BigInteger, "base", "count", "sound", "name"),
    sqlite_with_rowid=False,
)
notes = sa.Table("cf_notes", metadata, _key(sa.Text, "name"), *_filled(sa.Text, "value"))

# An import is staged in temporary tables until all of it has been read. They vanish with the connection.
_staging = sa.MetaData()


def _staged(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(name, _staging, *columns, prefixes=["TEMPORARY"])


staged_texts = _staged("cf_new_texts", sa.Column("digest", sa.LargeBinary, primary_key=True), *_text_columns())
staged_accounts = _staged("cf_new_accounts", _key(sa.Integer, "account"), *_filled(sa.Integer, "origin_id"))
staged_listens = _staged(
    "cf_new_listens",
    *_filled(sa.Integer, "account"),
    *_filled(sa.BigInteger, "time"),
    *_filled(sa.LargeBinary, "digest"),
    sa.Column("seconds", sa.Float),
    *_filled(sa.SmallInteger, "skipped"),
)
staged_tallies = _staged(
    "cf_new_tallies",
    *_filled(sa.Integer, "account"),
    *_filled(sa.LargeBinary, "digest"),
    *_filled(sa.BigInteger, "plays", "skips", "last"),
)
staged_feedback = _staged(
    "cf_new_feedback",
    *_filled(sa.Integer, "account"),
    *_filled(sa.LargeBinary, "digest"),
    *_filled(sa.Float, "value"),
    *_filled(sa.BigInteger, "time"),
)


def _add_marks(connection: sa.Connection) -> None:
    """Version 2: items are known by marks, those of `TrackMarks`, and counts by their library too."""
    old = matches.c["text_id", "item_id", "cf_key"], snapshots.c["item_id", "field", "base", "count"]
    kept, counts = (connection.execute(sa.select(*columns)).all() for columns in old)
    for table in (matches, snapshots):
        table.drop(connection)
        table.create(connection)
    sounds = prints(key for _, _, key in kept).view(np.int64).tolist()
    rows = [(*match, sound, 0) for match, sound in zip(kept, sounds, strict=True)]
    for table, filled in ((matches, rows), (snapshots, [("", *count, 0, 0) for count in counts])):
        if filled:
            names = [column.name for column in table.columns]
            connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in filled])


MIGRATIONS: Mapping[int, Callable[[sa.Connection], None]] = {1: _add_marks, 2: feedback.create}
"""Version to the step that upgrades it to the next; runs in the transaction that opens the store."""


def create_staging(connection: sa.Connection) -> None:
    """Create the temporary tables of an import."""
    _staging.create_all(connection, checkfirst=False)


def is_current(connection: sa.Connection) -> bool:
    """Tell whether the tables exist in this version."""
    if not sa.inspect(connection).has_table(schema_version.name):
        return False
    return bool(connection.scalar(sa.select(sa.func.max(schema_version.c.version))) == SCHEMA)


def upgrade(connection: sa.Connection, name: str) -> None:
    """Create the tables, or upgrade those of an older version, in the caller's transaction; errors name the store.

    Raises
    ------
    StoreError
        If the store was written by a newer version of cfaudio, or is the database of something else.
    """
    if connection.dialect.name == "postgresql":
        # Of two programs that create the tables at once, the second waits and finds them.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x6366617564696F)))
    existing = set(sa.inspect(connection).get_table_names())
    if schema_version.name not in existing:
        foreign = existing if connection.dialect.name == "sqlite" else existing & set(metadata.tables)
        if foreign:
            raise StoreError(f"{name} is the database of something else (it has a table {min(foreign)})")
        metadata.create_all(connection)
        connection.execute(schema_version.insert(), {"version": SCHEMA})
        return
    version = connection.scalar(sa.select(sa.func.max(schema_version.c.version))) or 0
    if version > SCHEMA:
        raise StoreError(f"{name} was written by a newer version of cfaudio (schema {version})")
    if version == SCHEMA:
        return
    for step in range(version, SCHEMA):
        MIGRATIONS[step](connection)
    connection.execute(schema_version.update().values(version=SCHEMA))
