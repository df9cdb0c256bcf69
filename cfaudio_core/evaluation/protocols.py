"""Protocols: what is hidden from a recommender, and what it is asked about it.

*Cold*: played tracks are hidden with all that is known of them, as if nobody had ever heard them; single ones, whole
albums, or whole artists. *Month*: what was played in a month, by what was heard before it. *Session*: the second half
of a session, by its first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from cfaudio_core.evaluation.cold_start import cold
from cfaudio_core.evaluation.over_time import completions, months
from cfaudio_core.evaluation.tasks import EvalData, Split

PROTOCOLS: Mapping[str, Callable[[EvalData, Sequence[int]], Iterator[Split]]] = MappingProxyType(
    {
        "cold-tracks": lambda world, seeds: cold(world, "tracks", seeds),
        "cold-albums": lambda world, seeds: cold(world, "albums", seeds),
        "cold-artists": lambda world, seeds: cold(world, "artists", seeds),
        "month": months,
        "session": completions,
    }
)
"""By the name that `--protocol` knows; each yields cases, or raises NotEvaluatedError before the first."""
