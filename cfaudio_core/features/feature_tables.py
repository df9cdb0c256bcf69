"""Tables of the feature store, and what a row of features holds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

_SAMPLE_ROWS = 101

metadata = sa.MetaData()
about = sa.Table(
    "about",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
features = sa.Table(
    "features",
    metadata,
    sa.Column("cf_key", sa.Text, primary_key=True),
    sa.Column("net", sa.Text, primary_key=True),
    sa.Column("wanted", sa.Integer, nullable=False),
    sa.Column("windows", sa.Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
# Which features there are, without going through the features themselves.
features_there = sa.Index("features_there", features.c.net, features.c.wanted, features.c.cf_key)
files = sa.Table(
    "files",
    metadata,
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.BigInteger, nullable=False),
    sa.Column("cf_key", sa.Text),
    sa.Column("problem", sa.Text),
)


def decode_row(windows: object, data: object, width: int | None = None) -> npt.NDArray[np.float16] | None:
    """Decode the features of a track, float16 (windows, width); None where the row is damaged."""
    if not isinstance(windows, int) or not isinstance(data, bytes) or windows < 1:
        return None
    if not data or len(data) % (2 * windows):
        return None
    features = np.frombuffer(data, "<f2").reshape(windows, -1)
    return features if width in (None, features.shape[1]) and np.isfinite(features).all() else None


def usual_width(connection: sa.Connection, net: str) -> int:
    """Number of features that a window has by a net, in most rows; 0 where there are none."""
    columns = features.c
    some = sa.select(columns.windows, columns.data).where(columns.net == net, columns.windows != 0)
    rows = connection.execute(some.limit(_SAMPLE_ROWS))
    widths = [found.shape[1] for row in rows if (found := decode_row(*row)) is not None]
    return max(set(widths), key=widths.count, default=0)
