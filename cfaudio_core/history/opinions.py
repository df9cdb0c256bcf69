"""Merge of imported ratings, stars and loved marks into the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from cfaudio_core.history import schema


def merge_opinions(connection: sa.Connection, whole: Sequence[int]) -> int:
    """Replace older opinions of the source, and remove what it has no more; the origins `whole` have all of theirs."""
    staged, stored = schema.staged_feedback, schema.feedback
    key = (schema.staged_accounts.c.origin_id, schema.texts.c.id)
    new = connection.execute(
        with_ids(sa.select(*key, sa.func.max(staged.c.value).label("value"), sa.func.max(staged.c.time)), staged)
        .group_by(*key)
        .order_by(*key)
    ).all()
    old = {(row.origin_id, row.text_id): row for row in connection.execute(sa.select(stored))}
    given = {(origin, text): (value, time) for origin, text, value, time in new}
    gone = [pair for pair in old if (pair[0] in whole and pair not in given) or given.get(pair, (1,))[0] == 0]
    changed = [
        (*pair, value, time, -1, 0, "")
        for pair, (value, time) in given.items()
        if value and (pair not in old or (old[pair].value, old[pair].time) != (value, time))
    ]
    for origin, text in [*gone, *(row[:2] for row in changed)]:
        connection.execute(stored.delete().where(stored.c.origin_id == origin, stored.c.text_id == text))
    if changed:
        connection.execute(stored.insert(), [dict(zip(stored.c.keys(), row, strict=True)) for row in changed])
    return len(gone) + len(changed)


def with_ids(query: sa.Select[Any], staged: sa.Table) -> sa.Select[Any]:
    """Join staged rows with the ids of their origins and texts."""
    account, text = schema.staged_accounts, schema.texts
    return (
        query.join_from(staged, account, staged.c.account == account.c.account)
        .join(text, text.c.digest == staged.c.digest)
        .where(sa.true())  # lets SQLite tell the ON CONFLICT that follows from an ON of the join
    )
