"""Whatever sources have of a play, in whatever order they are imported, it is counted once, and for its track."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from play_writers import (
    COUNTED,
    DATED,
    IN_MINUTES,
    LENGTHS,
    Play,
    Writer,
    import_and_count,
    spotify,
    spotify_in_minutes,
)

T0 = 1_700_000_001
LOOPABLE = [at for at, length in enumerate(LENGTHS) if length > 60]
"""A minute is no repeat of these; of a shorter track, times in minutes do not tell."""


@st.composite
def histories(draw: st.DrawFn) -> list[Play]:
    """Plays of one listener one after the other, with repeats."""
    plays, time = [], T0
    for at, pause in draw(
        st.lists(
            st.tuples(st.integers(0, len(LENGTHS) - 1), st.sampled_from([0, 0, 7, 300, 90_000])),
            min_size=1,
            max_size=12,
        )
    ):
        plays.append((at, time))
        time += LENGTHS[at] + pause
    return plays


retellings = st.lists(
    st.tuples(
        st.sampled_from([*DATED, *IN_MINUTES, *COUNTED]),
        st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0, 1, 3, 20, 59, 60])), min_size=12, max_size=12),
    ),
    max_size=3,
)


def again(plays: Sequence[Play], writer: Writer, chosen: Sequence[tuple[bool, int]]) -> list[Play]:
    """Some of the plays, up to a minute later, or half of a shorter track: a loop of it has begun again in a minute."""
    some = [
        (at, time + min(late, LENGTHS[at] // 2))
        for (at, time), (kept, late) in zip(plays, chosen, strict=False)
        if kept
    ]
    return [(at, time) for at, time in some if at in LOOPABLE or writer not in IN_MINUTES]


@pytest.mark.parametrize("writer", DATED, ids=lambda writer: writer[2].__name__)
def test_repeating_plays_changes_no_count_in_whatever_order(writer: Writer) -> None:
    @settings(max_examples=20, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(histories(), retellings, st.randoms(use_true_random=False))
    def check(plays: list[Play], repeated: list[tuple[Writer, list[tuple[bool, int]]]], random: object) -> None:
        with tempfile.TemporaryDirectory() as folder:
            sources = [(writer[0], writer[2](Path(folder, f"all.{writer[1]}"), plays))]
            for k, (other, chosen) in enumerate(repeated):
                if some := again(plays, other, chosen):
                    sources.append((other[0], other[2](Path(folder, f"{k}.{other[1]}"), some)))
            random.shuffle(sources)  # type: ignore[attr-defined]
            found = import_and_count(Path(folder, "history.db"), *sources)
        expected = [sum(at == track for track, _ in plays) for at in range(len(LENGTHS))]
        assert found.plays.tolist() == expected
        assert not found.skips.any()

    check()


@pytest.mark.parametrize("writer", [*DATED, *IN_MINUTES, *COUNTED], ids=lambda writer: writer[2].__name__)
def test_every_format_has_the_plays_of_each_track(writer: Writer, tmp_path: Path) -> None:
    plays = [(at, T0 + 10_000 * k) for k, at in enumerate([0, 1, 2, 3, 4, 5, 0, 0, 3])]
    found = import_and_count(tmp_path / "history.db", (writer[0], writer[2](tmp_path / f"all.{writer[1]}", plays)))
    assert found.plays.tolist() == [3, 1, 1, 2, 1, 1]
    assert not found.skips.any()


@pytest.mark.parametrize("minutes", IN_MINUTES, ids=lambda writer: writer[2].__name__)
def test_a_loop_in_whole_minutes_is_as_many_plays(minutes: Writer, tmp_path: Path) -> None:
    for length, at in ((200, 0), (150, 3)):
        plays = [(at, T0 + length * k) for k in range(20)]
        found = import_and_count(
            tmp_path / f"history{at}.db", (minutes[0], minutes[2](tmp_path / f"all.{minutes[1]}", plays))
        )
        assert found.plays[at] == 20


def test_an_export_in_minutes_does_not_make_loops_of_a_short_track_one_play(tmp_path: Path) -> None:
    before, loops = [(0, T0 + 200 * k) for k in range(4)], [(1, T0 + 800 + 45 * k) for k in range(5)]
    last = (0, T0 + 1025)
    exact = spotify(tmp_path / "exact.json", [*before, *loops, last])
    in_minutes = spotify_in_minutes(tmp_path / "minutes.json", [last])
    found = import_and_count(tmp_path / "history.db", ("spotify", exact), ("spotify", in_minutes))
    assert found.plays.tolist() == [5, 5, 0, 0, 0, 0]
