"""A river of tastes from dated plays, as figures and as a drawing."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree

import numpy as np
import pytest

from cfaudio_core.data.sessions import NO_SESSIONS, Sessions
from cfaudio_core.report.palettes import PALETTES, css_variables
from cfaudio_core.report.river_svg import draw_river, river_data
from cfaudio_core.report.sections.river import MAX_STREAMS, River, make_river


def played(*plays, rejected=False):
    """Plays of tracks: (track, date as 2019-06-01, how often)."""
    rows = [
        (int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()), track)
        for track, day, times in plays
        for _ in range(times)
    ]
    time, track = (np.array(column, np.int64) for column in zip(*sorted(rows), strict=True))
    nobody = np.zeros(len(rows), np.int64)
    return Sessions(nobody, track, nobody, time, np.full(len(rows), rejected))


NAMES, ARTISTS = ["Jazz", "Rock"], [("Ann",), ("Bob",)]


def river_of(*plays, names=NAMES, artists=ARTISTS, **more):
    return make_river(played(*plays), np.arange(len(names)), names, artists, **more)


def figures(river):
    return {stream.name: stream.plays for stream in river.streams}


def test_one_genre_in_one_year_and_another_in_the_next():
    river = river_of((0, "2019-06-01", 30), (1, "2020-06-01", 30))
    assert (river.unit, list(river.periods), list(river.plays)) == ("year", ["2019", "2020"], [30, 30])
    assert figures(river) == {"Jazz": [30, 0], "Rock": [0, 30]}
    assert {stream.name: stream.artists for stream in river.streams} == {
        "Jazz": [["Ann"], []],
        "Rock": [[], ["Bob"]],
    }
    assert {stream.name: stream.tracks for stream in river.streams} == {"Jazz": [0], "Rock": [1]}


@pytest.mark.parametrize(
    ("months", "each", "unit", "n"),
    [(12, 40, "month", 12), (48, 9, "quarter", 16), (120, 40, "quarter", 40), (240, 40, "year", 20)],
)
def test_periods_are_as_short_as_their_plays_and_number_allow(months, each, unit, n):
    river = river_of(*[(k % 2, f"{2000 + k // 12}-{k % 12 + 1:02d}-05", each) for k in range(months)])
    assert (river.unit, len(river.periods)) == (unit, n)
    assert sum(river.plays) == months * each


@pytest.mark.parametrize(
    "plays", [[(0, "2019-06-01", 1)], [(0, "2019-06-01", 500)], [(0, "2019-06-01", 5), (1, "2020-06-01", 5)]]
)
def test_one_play_or_one_month_or_a_few_plays_make_no_river(plays):
    assert river_of(*plays) == River()
    assert make_river(NO_SESSIONS, np.arange(2), NAMES, ARTISTS) == River()


def test_skips_do_not_count():
    skips = played((0, "2019-06-01", 30), (1, "2020-06-01", 30), rejected=True)
    assert make_river(skips, np.arange(2), NAMES, ARTISTS) == River()


def test_years_without_plays_are_gaps():
    river = river_of((0, "2010-01-01", 30), (0, "2011-01-01", 30), (1, "2015-01-01", 30))
    assert list(river.runs) == [(0, 1), (5, 5)]
    assert river.gaps == [("2012", "2014")]
    assert [sum(widths) for widths in zip(*(stream.widths for stream in river.streams), strict=True)][2:5] == [0, 0, 0]


def test_few_plays_are_thin_and_a_share_is_a_share_of_the_height():
    days = [f"20{year}-01-01" for year in range(10, 16)]
    river = river_of(
        *[(0, day, 300 if year > 2 else 3) for year, day in enumerate(days)],
        *[(1, day, 100 if year > 2 else 1) for year, day in enumerate(days)],
    )
    widths = {stream.name: stream.widths for stream in river.streams}
    assert widths["Jazz"][0] / widths["Rock"][0] == pytest.approx(3, rel=0.01)
    assert widths["Jazz"][0] + widths["Rock"][0] == pytest.approx(0.1, rel=0.01)  # the root of a hundredth
    assert widths["Jazz"][-1] + widths["Rock"][-1] == pytest.approx(1)


def test_the_rest_is_one_stream_without_a_name():
    names = [f"Genre {k}" for k in range(12)]
    plays = [(k, f"20{year}-01-01", 40 - k) for k in range(12) for year in (10, 11)]
    river = river_of(*plays, names=names, artists=[()] * 12)
    assert len(river.streams) == MAX_STREAMS + 1
    assert figures(river)[""] == [sum(40 - k for k in range(MAX_STREAMS, 12))] * 2
    assert {stream.colour for stream in river.streams} == {-1, *range(MAX_STREAMS)}
    assert list(river.plays) == [sum(40 - k for k in range(12))] * 2


def test_a_track_of_no_kind_is_with_the_rest():
    sessions = played((0, "2019-06-01", 30), (1, "2020-06-01", 30))
    river = make_river(sessions, np.array([0, -1]), ["Jazz"], ARTISTS)
    assert figures(river) == {"Jazz": [30, 0], "": [0, 30]}


def test_who_comes_first_is_in_the_middle():
    plays = [(k, f"{2010 + k}-01-01", 50) for k in range(5)]
    names = [f"Genre {k}" for k in range(5)]
    order = [stream.name for stream in river_of(*plays, names=names, artists=[()] * 5).streams]
    assert abs(order.index("Genre 0") - 2) <= 1
    assert {order[0], order[-1]} == {"Genre 3", "Genre 4"}


LONG = "Längster Name, " * 130
NAMES_OF_ALL_KINDS = ["<script>&\"'", LONG, "موسيقى عربية", "音楽"]


def drawing(width=1080, names=NAMES_OF_ALL_KINDS):
    plays = [
        (k, f"20{year}-01-01", 20 + 15 * ((k * 7 + year) % 5)) for k in range(len(names)) for year in range(10, 20)
    ]
    river = river_of(*plays, names=names, artists=[(name,) for name in names])
    return river, ElementTree.fromstring(draw_river(river, width, 340))


@pytest.mark.parametrize("width", [360, 1080])
def test_names_of_any_kind_are_text_within_their_streams(width):
    _, svg = drawing(width)
    names = [one for one in svg.iter("text") if one.get("class") == "name"]
    assert len(names) == 4
    assert {one.text for one in names} >= {NAMES_OF_ALL_KINDS[0], "موسيقى عربية", "音楽"}
    assert max(len(one.text) for one in names) <= 32
    boxes = []
    for one in names:
        font, x, y = (float(one.get(key)) for key in ("font-size", "x", "y"))
        boxes.append((y - font, y + 0.3 * font, x - 0.3 * font * len(one.text), x + 0.3 * font * len(one.text)))
    for k, a in enumerate(boxes):
        assert a[2] > -10 and a[3] < width + 10
        for b in boxes[:k]:
            assert a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2]


def test_a_stream_without_room_has_no_name_on_it():
    river = river_of(*[(k, f"20{year}-01-01", (600, 20)[k]) for k in range(2) for year in range(10, 20)])
    svg = ElementTree.fromstring(draw_river(river, 1080, 100))
    assert [one.text for one in svg.iter("text") if one.get("class") == "name"] == ["Jazz"]
    assert {stream["name"] for stream in river_data(river)["streams"]} == {"Jazz", "Rock"}


@pytest.mark.parametrize("width", [360, 1080])
def test_labels_of_the_axis_have_room(width):
    for n in (2, 9, 30, 56):
        river = river_of(*[(0, f"{1970 + year}-03-01", 30) for year in range(n)])
        svg = ElementTree.fromstring(draw_river(river, width, 300))
        places = [float(one.get("x")) for one in svg.iter("text") if one.get("class") == "year"]
        assert len(places) > 1 and min(np.diff(places)) > 35


def test_months_of_one_year_are_named():
    river = river_of(*[(0, f"2020-{month:02d}-01", 30) for month in (3, 4, 5, 6)])
    assert list(river.periods) == ["Mar 2020", "Apr 2020", "May 2020", "Jun 2020"]
    assert "Mar 2020" in draw_river(river, 1080, 300)


def test_a_gap_is_a_gap_in_the_drawing():
    river = river_of((0, "2010-01-01", 30), (0, "2011-01-01", 30), (0, "2015-01-01", 30))
    (path,) = re.findall(r'data-stream="0" d="([^"]*)"', draw_river(river, 1080, 300))
    assert path.count("M") == path.count("Z") == 2


def test_text_on_a_stream_can_be_read():
    from test_report_palettes import contrast

    css = css_variables()
    for palette in PALETTES.values():
        for colour in (palette.unknown, *palette.kinds):
            ink = re.search(rf"{colour};--t-?\d:(#\w+);", css)[1]
            assert contrast(colour, ink) >= 4.5
