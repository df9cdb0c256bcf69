"""Store of the listening history: who played what and when, as the sources reported it.

In SQLite by default, in PostgreSQL where the address says so. An import is stored whole or not at all. Plays of tracks
that are not in the library are kept as well: the library grows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from cfaudio_core.data.tracks import TrackMarks
from cfaudio_core.errors import StoreError
from cfaudio_core.history import columns, library_state, schema, summaries
from cfaudio_core.history.columns import ListenColumns, TallyColumns
from cfaudio_core.history.count_growth import CountSnapshot, CountState
from cfaudio_core.history.feedback import Given, Statement, fill_keys, read_statements, write_statements
from cfaudio_core.history.merge import ImportResult, merge_rows, stage_rows
from cfaudio_core.history.records import Record, TrackText
from cfaudio_core.history.summaries import OriginSummary
from cfaudio_core.util.database import Database, parse_url, writing


class ListenStore:
    """Listens and tallies of any number of listeners and sources.

    Parameters
    ----------
    url
        SQLAlchemy's address of an SQLite file, which is created, with its folder, where missing (readable by its
        owner alone), or of a PostgreSQL database.
    lock_wait_s
        Seconds to wait while another program writes to the SQLite file.
    read_only
        Neither make nor change anything; a store of an earlier version is an error.
    on_left_out
        Called when it is closed with its name, and the number of damaged rows by table that were left out of what was
        read.

    Attributes
    ----------
    name
        Its name in errors.
    read_only
        Whether it cannot be written, as asked for or by its disk.

    Raises
    ------
    SettingError
        If the address is invalid.
    StoreError
        If the store cannot be opened, is the database of something else, or was written by a newer version of cfaudio.
    """

    def __init__(
        self,
        url: str | sa.URL,
        lock_wait_s: float = 60.0,
        *,
        read_only: bool = False,
        on_left_out: Callable[[str, Counter[str]], None] = lambda _, __: None,
    ) -> None:
        self._left_out, self._on_left_out = Counter[str](), on_left_out
        self._database = Database(url if isinstance(url, sa.URL) else parse_url(url), lock_wait_s, read_only=read_only)
        self.name, self.read_only = self._database.name, self._database.read_only
        with self._database.read() as connection:
            current = schema.is_current(connection)
        if not current and self.read_only:
            raise StoreError(f"{self.name} is of another version of cfaudio, or not its; `beet cfembed` can tell")
        if not current:  # a current store opens without waiting for a program that writes
            with self._database.write() as connection:
                schema.upgrade(connection, self.name)

    def close(self) -> None:
        """Release the database."""
        self._database.close()
        self._on_left_out(self.name, +self._left_out)

    def __enter__(self) -> ListenStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def add(
        self,
        records: Iterable[Record],
        *,
        source: str,
        listener_of: Callable[[str], str],
        on_progress: Callable[[int], None] = lambda _: None,
        pretend: bool = False,
        whole: bool = False,
    ) -> ImportResult:
        """Import all records; after any error the store is as it was.

        A stored listen (same listener, source, time and texts) stays as it is; a tally replaces an older one.

        Parameters
        ----------
        records
            Read once; memory grows with the number of distinct tracks alone.
        source
            The name under which the records are kept, such as that of a format.
        listener_of
            Maps an account in the source to a listener; called once an account, after all records were read. An error
            that it raises undoes the import.
        on_progress
            Called with the number of records read since its last call.
        pretend
            Count what would be added, and add nothing.
        whole
            The source has all opinions of a listener: what it had before, and has no more, is removed.
        """
        self._database.require_writable()
        with self._database.connection() as connection:
            with connection.begin():
                try:
                    accounts = stage_rows(connection, records, on_progress)
                except OverflowError as error:
                    raise StoreError(f"{self.name}: a time or a count of {source} is too large to keep") from error
            listeners = [listener_of(account) for account in accounts]
            with writing(connection) as transaction:
                result = merge_rows(connection, source, listeners, whole=whole)
                if pretend:
                    transaction.rollback()
        return result

    def texts(self) -> dict[int, TrackText]:
        """Map the id of each distinct track that sources named, matched or not, to its names, in ascending order."""
        with self._database.read() as connection:
            return columns.read_texts(connection)

    def listens(self) -> ListenColumns:
        """Read all listens, sorted by listener and time; texts as positions in `texts()`."""
        dtypes = {"time": np.int64, "seconds": np.float32, "skipped": np.int8}
        with self._database.read() as connection:
            return ListenColumns(**columns.read_columns(connection, schema.listens, dtypes, "time", self._left_out))

    def tallies(self) -> TallyColumns:
        """Read all tallies, sorted by listener and source; texts as positions in `texts()`."""
        dtypes = dict.fromkeys(("plays", "skips", "last"), np.int64)
        with self._database.read() as connection:
            return TallyColumns(**columns.read_columns(connection, schema.tallies, dtypes, "source", self._left_out))

    def feedback(self) -> list[Statement]:
        """Read all likes, dislikes, bans and ratings, the oldest first; texts as positions in `texts()`."""
        with self._database.read() as connection:
            return read_statements(connection, self._left_out)

    def state_feedback(
        self, listener: str, given: Sequence[Given], taken_back: Sequence[Statement], library: str
    ) -> None:
        """Delete what was stated before, and store what a listener states here, of items of a library."""
        with self._database.write() as connection:
            write_statements(connection, listener, given, taken_back, library)

    def fill_keys(self, keys: Sequence[tuple[str, int]]) -> None:
        """Add content keys to feedback on tracks that had none then: pairs of a key and a text's id."""
        if keys:
            with self._database.write() as connection:
                fill_keys(connection, keys)

    def overview(self) -> list[OriginSummary]:
        """Summarize the records by listener and source."""
        with self._database.read() as connection:
            return summaries.summarize(connection)

    def listeners(self) -> list[str]:
        """List the names of all listeners in alphabetical order."""
        with self._database.read() as connection:
            names = connection.scalars(sa.select(schema.origins.c.listener))
            return sorted(filter(columns.is_text, set(names)))

    def count_matched(self) -> dict[str, int]:
        """Count the listens with a time of tracks of the library, as matched last, by listener."""
        with self._database.read() as connection:
            return summaries.count_matched(connection)

    def destroy(self) -> None:
        """Remove the store itself: its tables, and its file if it has one."""
        with self._database.write() as connection:
            schema.metadata.drop_all(connection)
        self._database.close()
        self._database.remove_file()

    def matches(self) -> dict[int, tuple[int, str]]:
        """Map each matched text's id to the item id and content key (`cf_key`) of its track, as matched last."""
        columns = schema.matches.c
        with self._database.read() as connection:
            rows = connection.execute(sa.select(columns.text_id, columns.item_id, columns.cf_key))
            return {text: (item, key) for text, item, key in rows}

    def durations_and_items(self, library: str = "") -> tuple[npt.NDArray[np.float64], TrackMarks | None]:
        """Read float64 (m,) seconds (0: unknown) and the items matched last (id -1: none) of all texts, by id.

        No items where the texts were matched to another library last.
        """
        with self._database.read() as connection:
            durations, items = library_state.read_matches(connection, self._left_out)
            return durations, items if library_state.matched_library(connection) in (None, library) else None

    def matches_are_of(self, library: str) -> str:
        """Read what the matches to a library were made of; "" where it was another, or is unknown."""
        with self._database.read() as connection:
            return library_state.matches_are_of(connection, library)

    def keep_matches(
        self,
        matches: Mapping[int, tuple[int, str]],
        names: Mapping[int, int] | None = None,
        library: str = "",
        made_of: str = "",
    ) -> None:
        """Replace the stored matches: text id to item id and content key; unmatched texts are left out.

        `names` has the marks of the items' names by text id, `library` is the one that the items are in, and `made_of`
        tells what the matches were made of.
        """
        rows = library_state.match_rows(matches, names or {})
        with self._database.read() as connection:
            same = {tuple(row) for row in connection.execute(sa.select(schema.matches))} == set(rows)
            known = library_state.matched_library(connection), library_state.matches_are_of(connection, library)
        if same and known == (library, made_of):
            return
        with self._database.write() as connection:
            if not same:
                library_state.write_matches(connection, rows)
            library_state.note_matches(connection, library, made_of)

    def last_counts(self, library: str | None = None) -> CountSnapshot | None:
        """Read a library's counts as of its last snapshot, or the last of all; None before the first."""
        with self._database.read() as connection:
            return library_state.read_counts(connection, library, self._left_out)

    def keep_counts(
        self,
        time: int,
        changed: Mapping[str, Mapping[int, CountState]],
        marks: Mapping[int, library_state.Marks] | None = None,
        library: str = "",
    ) -> None:
        """Store the counts of a library that changed since the last snapshot, and the time of this one."""
        with self._database.write() as connection:
            library_state.write_counts(connection, time, changed, marks or {}, library)
