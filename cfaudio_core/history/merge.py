"""Import into the store: records are staged in temporary tables first, and merged in one short transaction.

Reading a source can take minutes (a server sends page after page) and can fail in its last row. Meanwhile the staged
rows block no other program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from cfaudio_core.history import schema
from cfaudio_core.history.opinions import merge_opinions, with_ids
from cfaudio_core.history.records import EARLIEST, Listen, Opinion, Record, TrackText
from cfaudio_core.util.arrays import IntArray
from cfaudio_core.util.values import to_number, to_text

_BATCH_RECORDS = 2000
_MAX_DIGESTS = 500_000  # remembered, about 70 MB; texts beyond are compared by the database

Row = tuple[Any, ...]


class ImportResult(NamedTuple):
    """Result of an import.

    Attributes
    ----------
    listens_new, listens_known
        Listens added, and those that were stored before or stand twice in the source.
    tallies
        Tallies added or replaced.
    texts_new
        Texts added.
    texts
        The m distinct tracks that the source names.
    plays
        int64 (m,); plays of each by the source, skips left out.
    undated
        Listens among all these that have no time.
    opinions
        Ratings, stars and loved marks added or replaced.
    """

    listens_new: int
    listens_known: int
    tallies: int
    texts_new: int
    texts: list[TrackText]
    plays: IntArray
    undated: int = 0
    opinions: int = 0


def stage_rows(connection: sa.Connection, records: Iterable[Record], on_progress: Callable[[int], None]) -> list[str]:
    """Put any number of records into temporary tables, which stay until the connection is closed.

    The connection is in a transaction. 2,000 records at a time are held in memory, and `on_progress` is called with the
    number of each. Returns the accounts in the source, in order of their numbers.
    """
    schema.create_staging(connection)
    seen: set[bytes] = set()
    accounts: dict[str, int] = {}
    remaining = iter(records)
    while batch := list(islice(remaining, _BATCH_RECORDS)):
        texts: list[Row] = []
        listens: list[Row] = []
        tallies: list[Row] = []
        opinions: list[Row] = []
        for record in batch:
            digest = _digest(record.track)
            if digest not in seen:
                seen.add(digest)
                texts.append((digest, *_to_row(record.track)))
            account = accounts.setdefault(record.user, len(accounts))
            if isinstance(record, Listen):
                skipped = -1 if record.skipped is None else int(record.skipped)
                listens.append((account, record.time, digest, record.seconds, skipped))
            elif isinstance(record, Opinion):
                opinions.append((account, digest, record.value, record.time))
            else:
                tallies.append((account, digest, record.plays, record.skips, record.last))
        _insert_many(connection, schema.staged_texts, texts)
        _insert_many(connection, schema.staged_listens, listens)
        _insert_many(connection, schema.staged_tallies, tallies)
        _insert_many(connection, schema.staged_feedback, opinions)
        if len(seen) > _MAX_DIGESTS:
            seen.clear()
        on_progress(len(batch))
    return list(accounts)


def merge_rows(
    connection: sa.Connection, source: str, listeners: Iterable[str], *, whole: bool = False
) -> ImportResult:
    """Move the staged rows into the store, in the connection of `stage_rows` and a transaction that may write.

    `source` is the name under which the records are kept, `listeners` has the listener of each account in the order of
    `stage_rows`; several accounts may have one listener. With `whole` the source has all of a listener's opinions:
    those that it had before, and has no more, are removed.
    """
    ids = [origin_id(connection, listener, source) for listener in listeners]
    if ids:
        accounts = [{"account": account, "origin_id": i} for account, i in enumerate(ids)]
        connection.execute(schema.staged_accounts.insert(), accounts)
    staged = schema.staged_listens.c
    no_time, longest = sa.func.sum(sa.case((staged.time < EARLIEST, 1), else_=0)), sa.func.max(staged.seconds)
    n_listens, undated, longest_s = connection.execute(sa.select(sa.func.count(), no_time, longest)).one()
    if longest_s == 0:  # a source that writes 0 knows no durations
        connection.execute(schema.staged_listens.update().values(seconds=None))
    texts_new, listens_new, tallies = (merge(connection) for merge in (_merge_texts, _merge_listens, _merge_tallies))
    opinions = merge_opinions(connection, ids if whole else [])
    plays = plays_by_text(connection)
    return ImportResult(
        listens_new,
        listens_known=n_listens - listens_new,
        tallies=tallies,
        texts_new=texts_new,
        texts=[text for text, _ in plays],
        plays=np.array([count for _, count in plays], np.int64),
        undated=int(undated or 0),
        opinions=opinions,
    )


def plays_by_text(connection: sa.Connection) -> list[tuple[TrackText, int]]:
    """Count the plays of each distinct track among the staged rows; a skip is no play."""
    is_play = sa.case((schema.staged_listens.c.skipped == 1, 0), else_=1)
    single = sa.select(schema.staged_listens.c.digest, is_play.label("plays"))
    counted = sa.select(schema.staged_tallies.c.digest, schema.staged_tallies.c.plays)
    rated = sa.select(schema.staged_feedback.c.digest, sa.literal(0).label("plays"))
    both = sa.union_all(single, counted, rated).subquery()
    plays = sa.select(both.c.digest, sa.func.sum(both.c.plays).label("plays")).group_by(both.c.digest).subquery()
    columns = [schema.staged_texts.c[name] for name in TrackText._fields]
    query = sa.select(*columns, plays.c.plays).join(plays, plays.c.digest == schema.staged_texts.c.digest)
    return [(to_track_text(row), int(row[-1])) for row in connection.execute(query)]


def to_track_text(row: Sequence[Any]) -> TrackText:
    """Convert a row that begins with the columns of a TrackText in order; what makes no sense is "" or 0."""
    *names, path, duration = row[:8]
    texts = (name if isinstance(name, str) else to_text(name) for name in names)
    try:
        where = path.decode("utf-8", "surrogatepass") if isinstance(path, bytes) else to_text(path)
    except UnicodeDecodeError:
        where = to_text(path)
    return TrackText._make([*texts, where, to_number(duration) or 0.0])


def insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Begin an INSERT that can resolve conflicts with existing rows, in SQLite's or PostgreSQL's dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _clean(text: str) -> str:
    """Remove what some database refuses: NUL, and halves of surrogate pairs, which JSON can hold."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def origin_id(connection: sa.Connection, listener: str, source: str) -> int:
    """Find the id of a listener and a source, which are added where they are new."""
    pair = {"listener": _clean(listener), "source": _clean(source)}
    connection.execute(insert(connection, schema.origins).on_conflict_do_nothing(), pair)
    return int(connection.scalars(sa.select(schema.origins.c.id).filter_by(**pair)).one())


def store_text(connection: sa.Connection, track: TrackText) -> int:
    """Find the id of a text, which is added where it is new."""
    digest = _digest(track)
    row = dict(zip(["digest", *TrackText._fields], (digest, *_to_row(track)), strict=True))
    connection.execute(insert(connection, schema.texts).values(row).on_conflict_do_nothing())
    return int(connection.scalars(sa.select(schema.texts.c.id).where(schema.texts.c.digest == digest)).one())


# Rows are merged in the order of a key, so that of two simultaneous imports into PostgreSQL one waits for the other
# and there is no deadlock.


def _merge_texts(connection: sa.Connection) -> int:
    stored, staged = schema.texts.c, schema.staged_texts.c
    names = ["digest", *TrackText._fields]
    # Existing texts are left out of the INSERT, as PostgreSQL uses up an id for every row that conflicts.
    missing = ~sa.exists().where(stored.digest == staged.digest)
    query = sa.select(*(staged[name] for name in names)).where(missing).order_by(staged.digest)
    # A text with an id that an older import did not have is the same one.
    several = sa.select(staged.digest, staged.recording_mbid).where(staged.recording_mbid.contains(" ")).subquery()
    ids = sa.select(several.c.recording_mbid).where(several.c.digest == stored.digest).scalar_subquery()
    known = sa.select(several.c.digest)
    connection.execute(schema.texts.update().values(recording_mbid=ids).where(stored.digest.in_(known)))
    return _row_count(connection, insert(connection, schema.texts).from_select(names, query).on_conflict_do_nothing())


def _merge_listens(connection: sa.Connection) -> int:
    staged = schema.staged_listens
    key = (schema.staged_accounts.c.origin_id, staged.c.time, schema.texts.c.id)
    query = with_ids(sa.select(*key, staged.c.seconds, staged.c.skipped), staged).order_by(*key)
    statement = insert(connection, schema.listens).from_select(list(schema.listens.c), query)
    return _row_count(connection, statement.on_conflict_do_nothing())


def _merge_tallies(connection: sa.Connection) -> int:
    """Replace older counts of the source; two rows of one text in a source are summed."""
    staged = schema.staged_tallies
    key = (schema.staged_accounts.c.origin_id, schema.texts.c.id)
    counts = (sa.func.sum(staged.c.plays), sa.func.sum(staged.c.skips), sa.func.max(staged.c.last))
    query = with_ids(sa.select(*key, *counts), staged).group_by(*key).order_by(*key)
    statement = insert(connection, schema.tallies).from_select(list(schema.tallies.c), query)
    newer = {name: statement.excluded[name] for name in ("plays", "skips", "last")}
    return _row_count(
        connection, statement.on_conflict_do_update(index_elements=list(schema.tallies.primary_key), set_=newer)
    )


def _row_count(connection: sa.Connection, statement: sa.Executable) -> int:
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def _digest(track: TrackText) -> bytes:
    """Hash all texts of a track to 16 bytes, of several recordings the last; its duration is no part of its identity.

    The last recording is the only one that 0.1.0 kept of a listen with a submitted and a mapped one.
    """
    if " " in track.recording_mbid:
        track = track._replace(recording_mbid=track.recording_mbid.rpartition(" ")[2])
    return blake2b("\0".join(track[:7]).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _to_row(track: TrackText) -> Row:
    path = track.path.encode("utf-8", "surrogatepass")
    return (*(_clean(text) for text in track[:6]), path, track.duration)


def _insert_many(connection: sa.Connection, table: sa.Table, rows: list[Row]) -> None:
    """Insert rows with a value for each column by position: named parameters take twice the time."""
    if rows:
        mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        marks = ", ".join(mark for _ in table.columns)
        connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks}) ON CONFLICT DO NOTHING", rows)
