"""The listening history, kept: who heard what and when, as the sources told it.

In SQLite by default, in PostgreSQL where the address says so. An import is there whole or not at all. What cannot be
matched to the library is kept as well: the library grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from cfaudio_core.errors import StoreError
from cfaudio_core.history import schema
from cfaudio_core.history.columns import (
    ListenColumns,
    TallyColumns,
    Texts,
    read_listens,
    read_matches,
    read_tallies,
    read_texts,
)
from cfaudio_core.history.count_growth import Counted, Seen
from cfaudio_core.history.merge import insert, merge_rows, plays_by_text, stage_rows
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.arrays import IntArray
from cfaudio_core.util.database import Database, parse_url, writing


class Added(NamedTuple):
    """What an import came to.

    `listens_known` were there before, or are twice in the source. `tallies` are new or were replaced. `texts` are the
    distinct tracks that the source names, int64 `plays` (m,) how often it says each was played.
    """

    listens_new: int
    listens_known: int
    tallies: int
    texts_new: int
    texts: list[TrackText]
    plays: IntArray


class Holding(NamedTuple):
    """What the store holds of a listener by a source; times are UTC, 0 where there are no listens."""

    listener: str
    source: str
    listens: int
    first: int
    last: int
    tallies: int
    plays: int


class Matched(NamedTuple):
    """The track of the library that a text was found to be."""

    item_id: int
    cf_key: str


class ListenStore:
    """Listens and tallies of any number of listeners and sources.

    Parameters
    ----------
    url
        SQLAlchemy's address of an SQLite file, which is made, with its folder, where it is not there (readable by its
        owner alone), or of a PostgreSQL database.
    patience
        Seconds to wait while another program writes to the SQLite file.

    Raises
    ------
    SettingError
        If the address is none.
    StoreError
        If the store cannot be opened, is the database of something else, or was written by a newer version of cfaudio.
    """

    def __init__(self, url: str | sa.URL, patience: float = 60.0) -> None:
        self._database = Database(url if isinstance(url, sa.URL) else parse_url(url), patience)
        self.name = self._database.name
        with self._database.read() as connection:
            current = schema.is_current(connection)
        if not current:  # only then is there anything to wait for while another program writes
            with self._database.write() as connection:
                schema.bring_up_to_date(connection, self.name)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> ListenStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def add(
        self,
        records: Iterable[Listen | Tally],
        *,
        source: str,
        listener_of: Callable[[str], str],
        on_progress: Callable[[int], None] = lambda _: None,
        pretend: bool = False,
    ) -> Added:
        """Import records, all of them or none: whatever goes wrong, the store is as it was.

        A listen that is there (same listener, source, time and texts) stays as it is; a tally takes the place of an
        older one.

        Parameters
        ----------
        records
            Read once, as they come; memory grows with the distinct tracks alone.
        source
            What the records are kept under, such as the name of a format.
        listener_of
            From an account in the source to who listens; asked once an account, after all records were read. An error
            that it raises undoes the import.
        on_progress
            Told the number of records since it was last told.
        pretend
            Find out what would be added, and add nothing.
        """
        with self._database.connection() as connection:
            with connection.begin():
                try:
                    laid = stage_rows(connection, records, on_progress)
                except OverflowError as error:
                    raise StoreError(f"{self.name}: a time or a count of {source} is too large to keep") from error
            listeners = [listener_of(account) for account in laid.accounts]
            with writing(connection) as transaction:
                taken = merge_rows(connection, source, listeners)
                named = plays_by_text(connection)
                if pretend:
                    transaction.rollback()
        return Added(
            listens_new=taken.listens,
            listens_known=laid.listens - taken.listens,
            tallies=taken.tallies,
            texts_new=taken.texts,
            texts=[text for text, _ in named],
            plays=np.array([plays for _, plays in named], np.int64),
        )

    def texts(self) -> Texts:
        """The distinct tracks that sources named, matched or not, in the order of their ids."""
        with self._database.read() as connection:
            return read_texts(connection)

    def columns(self, listener: str | None = None) -> ListenColumns:
        """The listens of a listener, or of all, sorted by listener and time; texts as positions in `texts()`."""
        with self._database.read() as connection:
            return read_listens(connection, listener)

    def tallies(self, listener: str | None = None) -> TallyColumns:
        """The tallies of a listener, or of all; texts as positions in `texts()`."""
        with self._database.read() as connection:
            return read_tallies(connection, listener)

    def overview(self) -> list[Holding]:
        """What there is, by listener and source."""
        listens, tallies, origins = schema.listens.c, schema.tallies.c, schema.origins.c
        count = sa.func.count().label("n")
        times = (sa.func.min(listens.time).label("first"), sa.func.max(listens.time).label("last"))
        heard = sa.select(listens.origin_id, count, *times).group_by(listens.origin_id).subquery()
        plays = sa.func.sum(tallies.plays).label("plays")
        told = sa.select(tallies.origin_id, count, plays).group_by(tallies.origin_id).subquery()
        query = (
            sa.select(origins.listener, origins.source, heard.c.n, *heard.c["first", "last"], *told.c["n", "plays"])
            .outerjoin(heard, heard.c.origin_id == origins.id)
            .outerjoin(told, told.c.origin_id == origins.id)
            .where(sa.or_(heard.c.n > 0, told.c.n > 0))
            .order_by(origins.listener, origins.source)
        )
        with self._database.read() as connection:
            return [
                Holding(listener, source, *(int(number or 0) for number in numbers))
                for listener, source, *numbers in connection.execute(query)
            ]

    def forget(self, listener: str | None = None, source: str | None = None) -> int:
        """Drop the listens and tallies of a listener, a source, or both (neither: all); texts no longer named go too.

        Returns
        -------
        int
            The number of listens and tallies dropped.
        """
        wanted = {"listener": listener, "source": source}
        chosen = sa.select(schema.origins.c.id).filter_by(**{k: v for k, v in wanted.items() if v is not None})
        named = sa.union(sa.select(schema.listens.c.text_id), sa.select(schema.tallies.c.text_id))
        with self._database.write() as connection:
            dropped = sum(
                connection.execute(table.delete().where(table.c.origin_id.in_(chosen))).rowcount
                for table in (schema.listens, schema.tallies)
            )
            connection.execute(schema.origins.delete().where(schema.origins.c.id.in_(chosen)))
            for column in (schema.texts.c.id, schema.matches.c.text_id):
                connection.execute(sa.delete(column.table).where(column.not_in(named)))
        return dropped

    def destroy(self) -> None:
        """Take away the store itself: its tables, and its file if it has one."""
        with self._database.write() as connection:
            schema.metadata.drop_all(connection)
        self._database.close()
        self._database.remove_file()

    def matched(self) -> dict[int, Matched]:
        """Text id to the track that it was last found to be."""
        with self._database.read() as connection:
            return {text: Matched(item, key) for text, item, key in connection.execute(sa.select(schema.matches))}

    def last_matches(self) -> tuple[npt.NDArray[np.float64], IntArray]:
        """Of each text, in the order of their ids: how long it is, and the item that it was last found to be, or -1."""
        with self._database.read() as connection:
            return read_matches(connection)

    def keep_matches(self, matches: Mapping[int, Matched]) -> None:
        """Keep what texts were found to be, in place of what was kept before.

        Parameters
        ----------
        matches
            Text id (`Texts.ids`) to the track; texts that are no track of the library are left out.
        """
        if self.matched() == matches:
            return
        rows = [{"text_id": int(t), "item_id": int(m.item_id), "cf_key": m.cf_key} for t, m in matches.items()]
        with self._database.write() as connection:
            connection.execute(schema.matches.delete())
            if rows:
                connection.execute(schema.matches.insert(), rows)

    def seen(self) -> Seen | None:
        """The library's counts as of the last snapshot; None before the first."""
        with self._database.read() as connection:
            time = connection.scalar(sa.select(schema.notes.c.value).where(schema.notes.c.name == "snapshot"))
            if time is None:
                return None
            counts: dict[str, dict[int, Counted]] = {}
            for item, field, base, count in connection.execute(sa.select(schema.snapshots)):
                counts.setdefault(field, {})[item] = Counted(base, count)
        return Seen(int(time), counts)

    def keep_seen(self, time: int, changed: Mapping[str, Mapping[int, Counted]]) -> None:
        """Keep the counts that are not as they were at the last snapshot, and the time of this one."""
        rows = [
            {"item_id": item, "field": field, "base": counted.base, "count": counted.count}
            for field, items in changed.items()
            for item, counted in items.items()
        ]
        with self._database.write() as connection:
            self._replace(connection, schema.snapshots, rows)
            self._replace(connection, schema.notes, [{"name": "snapshot", "value": str(time)}])

    def _replace(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
        """Put rows in, in place of those with the same key."""
        statement = insert(connection, table)
        key = list(table.primary_key)
        new = {column.name: statement.excluded[column.name] for column in table.columns if column not in key}
        if rows:
            connection.execute(statement.on_conflict_do_update(index_elements=key, set_=new), rows)
