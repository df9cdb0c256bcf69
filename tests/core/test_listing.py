"""The table of a list: fitted to a terminal, aligned whatever the titles are written in, and its words."""

from __future__ import annotations

import pytest

from cfaudio_core.report.listing import Row, columns, duration, short, table, why


def row(title: str = "Song", artist: str = "Band", plays: int = 0, reason: str = "", seconds: float = 60) -> Row:
    return Row(artist, title, plays, 50.0, reason, seconds)


def test_a_list_is_a_table_with_plays_or_new_scores_reasons_and_the_total_time() -> None:
    rows = [Row("Can", "Vitamin C", 0, 98.6, 'same artist as "Spoon"', 211), Row("Neu!", "Hero", 12, 71.2, "", 5400)]
    assert list(table(rows, 80)) == [
        "   artist  title      plays  score  why",
        '1  Can     Vitamin C    new     99  same artist as "Spoon"',
        "2  Neu!    Hero          12     71",
        "2 tracks, 1 of them new, 1 h 34 min",
    ]


@pytest.mark.parametrize("width", [44, 80, 120])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    rows = [row("A very long title " * 9, "A very long name " * 9, 7, "a very long reason " * 9), row(), row("b" * 200)]
    lines = list(table(rows, width))
    assert max(columns(line) for line in lines) == width
    assert "..." in lines[1]


def test_columns_stay_aligned_whatever_the_titles_are_written_in() -> None:
    rows = [
        row("plain", "A", reason="x"),
        row("とても長い題名" * 9, "音楽", reason="x"),
        row("two\nlines", "e\u0301", reason="x"),
    ]
    heading, *lines, _ = table(rows, 70)
    assert {columns(line) for line in lines} == {columns(lines[0])}
    assert columns(heading) == columns(lines[0]) + 2  # "why" is longer than "x"
    assert "..." in lines[1] and "two lines" in lines[2]


def test_without_scores_or_reasons_their_cells_are_empty() -> None:
    assert list(table([Row("", "", 3, None, "", 0)], 80))[1].split() == ["1", "?", "?", "3"]


def test_colours_take_no_room() -> None:
    heading, new, played, total = table([row(), row(plays=3)], 80, lambda name, text: f"<{name}>{text}</>")
    assert heading == "<faint>   artist  title  plays  score</>"
    assert new == "<faint>1</>  Band    Song     <new>new</>     <score>50</>"
    assert played == "<faint>2</>  Band    Song       3     <score>50</>"
    assert total.startswith("<faint>2 tracks")


@pytest.mark.parametrize(
    ("artist", "near", "by_sound", "words"),
    [
        ("Can", [("Can", "Spoon"), ("Neu!", "Hero")], 0.9, 'same artist as "Spoon"'),
        ("Can", [("Neu!", "Hero")], 0.9, 'sounds like "Hero" by Neu!'),
        ("Can", [("Neu!", "Hero")], 0.2, 'goes with "Hero" by Neu!'),
        ("", [("", "Hero")], 0.2, 'goes with "Hero"'),
        ("Can", [], 0.2, ""),
    ],
)
def test_a_reason_names_the_nearest_loved_track(
    artist: str, near: list[tuple[str, str]], by_sound: float, words: str
) -> None:
    assert why(artist, near, by_sound) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "1 min"), (150, "2 min"), (3570, "1 h 0 min"), (11520, "3 h 12 min")]
)
def test_lengths_are_hours_and_minutes(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_signs_that_would_move_the_cursor_are_blanks() -> None:
    assert short("a\x1b[2Jb\tc\nd", 80) == "a [2Jb c d"
