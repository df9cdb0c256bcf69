"""The tables of the listening history, and the way from an older version of them to this one.

::

    cf_schema     which version of the tables this is
    cf_texts      the distinct tracks that sources named, as they named them
    cf_origins    the pairs of a listener and a source
    cf_listens    plays with their time: origin, time, text
    cf_tallies    counts of sources that know no single plays: origin, text
    cf_matches    which track of the library a text was found to be
    cf_snapshots  counts of the library as they were last seen
    cf_notes      one-liners, such as the time of the last snapshot

The names begin with `cf_` since a PostgreSQL database may be shared with other programs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from cfaudio_core.errors import StoreError

SCHEMA = 1
"""The version that this code reads and writes."""

Migration = Callable[[sa.Connection], None]
MIGRATIONS: Mapping[int, Migration] = {}
"""From a version to the step that makes the next one of it; runs in the transaction that opens the store."""

metadata = sa.MetaData()

schema_version = sa.Table("cf_schema", metadata, sa.Column("version", sa.Integer, primary_key=True))


def _text_columns() -> list[sa.Column[Any]]:
    """What a source says of a track: the columns of TrackText, and what makes two of them one.

    The digest stands for all texts together because a unique index over the texts themselves has no bound on its
    entries, and PostgreSQL takes none above 2.7 kB. Paths are bytes since they need not be text.
    """
    return [
        *(sa.Column(n, sa.Text, nullable=False) for n in ("artist", "title", "album", "album_artist")),
        *(sa.Column(n, sa.Text, nullable=False) for n in ("recording_mbid", "track_mbid")),
        sa.Column("path", sa.LargeBinary, nullable=False),
        sa.Column("duration", sa.Float, nullable=False),
    ]


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
    sa.Column("listener", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.UniqueConstraint("listener", "source"),
)
# Without SQLite's row numbers the key is the table: half the size, and sorted as it is read.
listens = sa.Table(
    "cf_listens",
    metadata,
    sa.Column("origin_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("time", sa.BigInteger, primary_key=True),
    sa.Column("text_id", sa.Integer, primary_key=True),
    sa.Column("seconds", sa.Float),
    sa.Column("skipped", sa.SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)
tallies = sa.Table(
    "cf_tallies",
    metadata,
    sa.Column("origin_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("text_id", sa.Integer, primary_key=True),
    sa.Column("plays", sa.BigInteger, nullable=False),
    sa.Column("skips", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
matches = sa.Table(
    "cf_matches",
    metadata,
    sa.Column("text_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("item_id", sa.BigInteger, nullable=False),
    sa.Column("cf_key", sa.Text, nullable=False),
)
snapshots = sa.Table(
    "cf_snapshots",
    metadata,
    sa.Column("item_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("field", sa.Text, primary_key=True),
    sa.Column("base", sa.BigInteger, nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
notes = sa.Table(
    "cf_notes",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# What is being imported lies in temporary tables until all of it has been read. They go with the connection.
_incoming = sa.MetaData()
_TEMPORARY = ["TEMPORARY"]
new_texts = sa.Table(
    "cf_new_texts",
    _incoming,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    *_text_columns(),
    prefixes=_TEMPORARY,
)
new_accounts = sa.Table(
    "cf_new_accounts",
    _incoming,
    sa.Column("account", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("origin_id", sa.Integer, nullable=False),
    prefixes=_TEMPORARY,
)
new_listens = sa.Table(
    "cf_new_listens",
    _incoming,
    sa.Column("account", sa.Integer, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("seconds", sa.Float),
    sa.Column("skipped", sa.SmallInteger, nullable=False),
    prefixes=_TEMPORARY,
)
new_tallies = sa.Table(
    "cf_new_tallies",
    _incoming,
    sa.Column("account", sa.Integer, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("plays", sa.BigInteger, nullable=False),
    sa.Column("skips", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    prefixes=_TEMPORARY,
)


def create_incoming(connection: sa.Connection) -> None:
    """Make the temporary tables of an import."""
    _incoming.create_all(connection, checkfirst=False)


def is_current(connection: sa.Connection) -> bool:
    """Whether the tables are there, and of this version."""
    if not sa.inspect(connection).has_table(schema_version.name):
        return False
    return bool(connection.scalar(sa.select(sa.func.max(schema_version.c.version))) == SCHEMA)


def bring_up_to_date(connection: sa.Connection, name: str) -> None:
    """Make the tables, or bring those of an older version to this one, in the caller's transaction.

    Parameters
    ----------
    connection
        In a transaction that may write.
    name
        What to call the store in an error.

    Raises
    ------
    StoreError
        If the store was written by a newer version of cfaudio, or is the database of something else.
    """
    if connection.dialect.name == "postgresql":
        # Two programs that make the tables at once: the second waits, and finds them made.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x6366617564696F)))
    there = set(sa.inspect(connection).get_table_names())
    if schema_version.name not in there:
        foreign = there if connection.dialect.name == "sqlite" else there & set(metadata.tables)
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
