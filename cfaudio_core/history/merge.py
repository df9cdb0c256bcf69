"""The way of an import into the store: all of it is laid aside first, and then taken over at one stroke.

Reading a source can take minutes (a server sends page after page) and can fail in its last row. What is read lies in
temporary tables meanwhile, where it is in nobody's way; the one transaction that changes the store is short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from cfaudio_core.history import schema
from cfaudio_core.history.records import Listen, Tally, TrackText

_BATCH = 2000  # records
_MANY_TEXTS = 500_000  # digests remembered, about 70 MB; those beyond are compared by the database

Row = tuple[Any, ...]


class StagedRows(NamedTuple):
    """What was laid aside: the accounts of the source in order of their numbers, and the number of listens."""

    accounts: list[str]
    listens: int


class MergeResult(NamedTuple):
    """What a takeover changed: new listens, tallies new or replaced, and new texts."""

    listens: int
    tallies: int
    texts: int


def stage_rows(
    connection: sa.Connection, records: Iterable[Listen | Tally], on_progress: Callable[[int], None]
) -> StagedRows:
    """Put records into temporary tables.

    Parameters
    ----------
    connection
        In a transaction; the temporary tables stay until the connection is closed.
    records
        Any number of them; 2,000 at a time are held in memory.
    on_progress
        Told the number of records since it was last told.
    """
    schema.create_incoming(connection)
    seen: set[bytes] = set()
    accounts: dict[str, int] = {}
    n_listens = 0
    left = iter(records)
    while batch := list(islice(left, _BATCH)):
        texts: list[Row] = []
        listens: list[Row] = []
        tallies: list[Row] = []
        for record in batch:
            digest = _digest(record.track)
            if digest not in seen:
                seen.add(digest)
                texts.append((digest, *_storable(record.track)))
            account = accounts.setdefault(record.user, len(accounts))
            if isinstance(record, Listen):
                skipped = -1 if record.skipped is None else int(record.skipped)
                listens.append((account, record.time, digest, record.seconds, skipped))
            else:
                tallies.append((account, digest, record.plays, record.skips, record.last))
        _insert_many(connection, schema.new_texts, texts)
        _insert_many(connection, schema.new_listens, listens)
        _insert_many(connection, schema.new_tallies, tallies)
        n_listens += len(listens)
        if len(seen) > _MANY_TEXTS:
            seen.clear()
        on_progress(len(batch))
    return StagedRows(list(accounts), n_listens)


def merge_rows(connection: sa.Connection, source: str, listeners: Iterable[str]) -> MergeResult:
    """Move what was laid aside into the store.

    Parameters
    ----------
    connection
        That of `stage_rows`, in a transaction that may write.
    source
        The name under which the records are kept.
    listeners
        Who listens, for each account in the order of `StagedRows.accounts`; several accounts may be one listener.
    """
    ids = [_origin(connection, listener, source) for listener in listeners]
    if not ids:
        return MergeResult(0, 0, 0)
    connection.execute(
        schema.new_accounts.insert(), [{"account": account, "origin_id": i} for account, i in enumerate(ids)]
    )
    return MergeResult(
        texts=_take_texts(connection), listens=_take_listens(connection), tallies=_take_tallies(connection)
    )


def plays_by_text(connection: sa.Connection) -> list[tuple[TrackText, int]]:
    """The distinct tracks of what was laid aside, and how often each was played by it; a skip is no play."""
    is_play = sa.case((schema.new_listens.c.skipped == 1, 0), else_=1)
    single = sa.select(schema.new_listens.c.digest, is_play.label("plays"))
    counted = sa.select(schema.new_tallies.c.digest, schema.new_tallies.c.plays)
    both = sa.union_all(single, counted).subquery()
    plays = sa.select(both.c.digest, sa.func.sum(both.c.plays).label("plays")).group_by(both.c.digest).subquery()
    columns = [schema.new_texts.c[name] for name in TrackText._fields]
    query = sa.select(*columns, plays.c.plays).join(plays, plays.c.digest == schema.new_texts.c.digest)
    return [(text_of(row), int(row[-1])) for row in connection.execute(query)]


def text_of(row: Sequence[Any]) -> TrackText:
    """The TrackText of a row that begins with its columns in order."""
    artist, title, album, album_artist, recording, track, path, duration = row[:8]
    return TrackText(
        artist,
        title,
        album,
        album_artist,
        recording,
        track,
        path.decode("utf-8", "surrogatepass") if path else "",
        duration,
    )


def insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say what to do with rows that are there: SQLite and PostgreSQL say it alike."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def clean(text: str) -> str:
    """The text as every database takes it: no NUL, and no halves of characters (JSON has been seen to hold them)."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _origin(connection: sa.Connection, listener: str, source: str) -> int:
    """The number of a listener in a source."""
    pair: Mapping[str, str] = {"listener": clean(listener), "source": clean(source)}
    connection.execute(insert(connection, schema.origins).on_conflict_do_nothing(), pair)
    found = sa.select(schema.origins.c.id).filter_by(**pair)
    return int(connection.scalars(found).one())


# Rows are taken in the order of a key, so that two imports at once into PostgreSQL wait for each other and never both.


def _take_texts(connection: sa.Connection) -> int:
    there, new = schema.texts.c, schema.new_texts.c
    names = ["digest", *TrackText._fields]
    # Asked for first, as PostgreSQL uses up a number for every row that is then not put in.
    missing = ~sa.exists().where(there.digest == new.digest)
    query = sa.select(*(new[name] for name in names)).where(missing).order_by(new.digest)
    return _changed(connection, insert(connection, schema.texts).from_select(names, query).on_conflict_do_nothing())


def _take_listens(connection: sa.Connection) -> int:
    new, account, text = schema.new_listens, schema.new_accounts, schema.texts
    key = (account.c.origin_id, new.c.time, text.c.id)
    query = (
        sa.select(*key, new.c.seconds, new.c.skipped)
        .join_from(new, account, new.c.account == account.c.account)
        .join(text, text.c.digest == new.c.digest)
        .where(sa.true())  # lets SQLite tell the ON CONFLICT that follows from an ON of the join
        .order_by(*key)
    )
    statement = insert(connection, schema.listens).from_select(list(schema.listens.c), query)
    return _changed(connection, statement.on_conflict_do_nothing())


def _take_tallies(connection: sa.Connection) -> int:
    """A newer count of a source takes the place of the older; two rows of one text in a source are added up."""
    new, account, text = schema.new_tallies, schema.new_accounts, schema.texts
    key = (account.c.origin_id, text.c.id)
    query = (
        sa.select(*key, sa.func.sum(new.c.plays), sa.func.sum(new.c.skips), sa.func.max(new.c.last))
        .join_from(new, account, new.c.account == account.c.account)
        .join(text, text.c.digest == new.c.digest)
        .where(sa.true())
        .group_by(*key)
        .order_by(*key)
    )
    statement = insert(connection, schema.tallies).from_select(list(schema.tallies.c), query)
    newer = {name: statement.excluded[name] for name in ("plays", "skips", "last")}
    return _changed(
        connection, statement.on_conflict_do_update(index_elements=list(schema.tallies.primary_key), set_=newer)
    )


def _changed(connection: sa.Connection, statement: sa.Executable) -> int:
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def _digest(track: TrackText) -> bytes:
    """16 bytes that are equal where all texts are; how long a track lasts is no part of what it is."""
    return blake2b("\0".join(track[:7]).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _storable(track: TrackText) -> Row:
    """The columns of a text, in their order."""
    path = track.path.encode("utf-8", "surrogatepass")
    return (*(clean(text) for text in track[:6]), path, track.duration)


def _insert_many(connection: sa.Connection, table: sa.Table, rows: list[Row]) -> None:
    """Rows with a value for each column, as the driver takes them: by way of parameter names it is twice the time."""
    if rows:
        mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        marks = ", ".join(mark for _ in table.columns)
        connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks}) ON CONFLICT DO NOTHING", rows)
