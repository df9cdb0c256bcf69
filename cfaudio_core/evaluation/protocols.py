"""Protocols: the data that is hidden from a recommender, and the question it is asked about it.

*Cold*: played tracks are hidden with all that is known of them, as if nobody had ever played them; single ones, whole
albums, or whole artists. *Month*: the plays of a month, from those before it. *Session*: the second half of a session,
from its first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from cfaudio_core.evaluation.cold_start import cold
from cfaudio_core.evaluation.over_time import completions, months
from cfaudio_core.evaluation.tasks import EvalData, Split

PROTOCOLS: Mapping[str, Callable[[EvalData, Sequence[int]], Iterator[Split]]] = MappingProxyType(
    {
        "cold-tracks": lambda data, seeds: cold(data, "tracks", seeds),
        "cold-albums": lambda data, seeds: cold(data, "albums", seeds),
        "cold-artists": lambda data, seeds: cold(data, "artists", seeds),
        "month": months,
        "session": completions,
    }
)
"""By the name that `--protocol` knows; each yields splits, or raises NotEvaluatedError before the first."""
