"""The page asks the network for nothing, and takes no orders from tags."""

import json
import re

import numpy as np
import pytest

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.report import page as page_module
from cfaudio_core.report.page import Pick, Report, TasteMode, render
from cfaudio_core.report.sections.changes import Change, Changes
from cfaudio_core.report.sections.disagreement import Disagreement
from cfaudio_core.report.sections.labels import Label
from cfaudio_core.report.sections.learnt import Card, Direction, End, Moment
from cfaudio_core.report.sections.past_runs import evaluations
from cfaudio_core.report.sections.regions import Region
from cfaudio_core.report.sections.verdicts import Verdict

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028'\"&amp;"


def report_of(titles, artists=None, **more):
    n = len(titles)
    texts = [""] * n
    tracks = Tracks(
        ids=np.arange(1, n + 1),
        paths=[b"/music/%d.ogg" % i for i in range(n)],
        keys=[f"k{i}" for i in range(n)],
        artists=artists or [f"Artist {i}" for i in range(n)],
        albums=texts,
        genres=[("Jazz",)] * n,
        models=["cf-1"] * n,
        titles=titles,
        album_titles=texts,
        albumartists=texts,
        recording_mbids=texts,
        track_mbids=texts,
        lengths=np.full(n, 100, np.float32),
        playlists=[()] * n,
    )
    unknown = np.full(n, np.nan, np.float32)
    known = {"plays": np.zeros(n, np.float32), "scores": unknown, "added": unknown, "years": unknown}
    coordinates = np.linspace(-1, 1, 2 * n).reshape(n, 2).astype(np.float32)
    defaults = {"coordinates": coordinates, "existing": np.ones(n, bool), "tags": [()] * n, **known}
    return Report(listener="me", model="cf-1", tracks=tracks, **{**defaults, **more})


def card(labels, only_artist="", bars=(1, 9, 2), by_sound=True, explained=1.0):
    """A direction whose first end has labels and one track, and whose other end has nothing."""
    ends = End(list(labels), only_artist, [0]), End([], "", [])
    return Card(Direction(4, 0.5, explained, ends), by_sound, ([Moment(0, 75.7, list(bars))], []))


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


def test_titles_with_scripts_are_text():
    report = report_of(
        [NASTY],
        [NASTY],
        tags=[(NASTY,)],
        modes=[TasteMode(NASTY, 1.0, [0], [NASTY], [NASTY])],
        learnt=[card([Label(NASTY, "genre", 0.5)], NASTY)],
        picks=[Pick(0, NASTY)],
        changes=Changes(NASTY, NASTY, 30, [Change(NASTY, 0, 1)], [Change(NASTY, 1, 0)]),
        verdicts=[Verdict(NASTY, NASTY, NASTY, NASTY)],
        lists=[{"name": NASTY, "about": NASTY, "lists": []}],
    )
    page = render(report).decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page.split("<script>")[0]
    data = data_of(page)
    assert data["title"] == [NASTY]
    assert data["artists"] == [NASTY] == data["tags"]
    assert page.count("&lt;/script&gt;&lt;script&gt;alert(1)") > 3


def test_file_names_are_not_in_the_page():
    assert "/music/" not in render(report_of(["a", "b"])).decode()


def test_what_is_unknown_is_null_and_what_is_gone_cannot_play():
    report = report_of(["a", "b"], existing=np.array([True, False]), plays=np.array([3, 0], np.float32))
    report.modes.append(TasteMode("Jazz", 1.0, [0, 1]))
    data = data_of(render(report).decode())
    assert data["gone"] == [1]
    assert data["plays"] == [3, 0]
    assert data["score"] == [None, None]


def test_only_the_pages_own_scripts_may_run_and_nothing_is_fetched_from_elsewhere():
    page = render(report_of(["a"])).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src 'none'" in policy
    scripts = re.search(r"script-src ([^;]*)", policy)[1]
    assert "'unsafe-inline'" not in scripts
    assert "'unsafe-eval'" not in scripts
    assert page.count("<script>") >= scripts.count("sha256-") == len(page_module._SCRIPTS)
    assert not re.search(r"<(script|link|img|audio)[^>]*(src|href)=\"(?!data:)", page)


def test_a_moment_has_its_second_and_its_bars():
    page = render(report_of(["a", "b"], learnt=[card([Label("calm", "audio", 0.5)])])).decode()
    rows = data_of(page)["rows"]
    assert rows["learnt/0/0"] == [{"i": 0, "at": 75.7, "bars": [1, 9, 2]}]
    assert rows["learnt/0/1"] == []


def test_every_list_of_the_page_has_its_rows():
    modes = [TasteMode("Jazz", 0.5, [0, 1]), TasteMode("Dub", 0.5, [2])]
    odd = [Disagreement(2, 0.1, [0], [1]), Disagreement(0, 0.2, [1], [2])]
    more = {"modes": modes, "disagreements": odd, "learnt": [card([]), card([], "Ann")], "picks": [Pick(2, "why")]}
    page = render(report_of(["a", "b", "c"], **more)).decode()
    rows = data_of(page)["rows"]
    assert sorted(re.findall('data-rows="([^"]*)"', page)) == sorted(rows)
    assert rows["now"] == [{"i": 2, "plays": 0, "why": "why"}]
    assert rows["taste/0"] == [{"i": 0}, {"i": 1}]
    assert (rows["odd/0"], rows["odd/0/plays"], rows["odd/1/audio"]) == ([{"i": 2}], [{"i": 0}], [{"i": 2}])


def text_of(page, section):
    """The words of a section."""
    inside = re.search(rf'<section id="{section}".*?</section>', page, re.S)[0]
    return " ".join(re.sub(r"<[^>]*>", " ", inside).split())


def test_a_card_begins_with_what_is_at_either_end():
    cards = [
        card([Label("calm", "audio", 0.5), Label("Jazz", "genre", 0.1)]),
        card([], by_sound=False, explained=0.4),
        card([], "Ann", by_sound=False, explained=0.0),
    ]
    text = text_of(render(report_of(["Song", "b"], learnt=cards)).decode(), "units")
    assert "calm against all else 50 % of what your tracks differ in" in text
    assert "music like “ Song ” against all else 40 % of it can be told from the sound" in text
    assert "Ann against all else It cannot be told from the sound" in text


def test_the_first_screen_says_who_one_is():
    report = report_of(
        ["a", "b", "c", "d"],
        plays=np.array([3, 1, 0, 0], np.float32),
        modes=[TasteMode("jazz, piano", 0.6, [0], [], ["Ann"]), TasteMode("", 0.4, [1], [], ["Bob", "Cid"])],
        unplayed_above_usual=1,
        changes=Changes("1 May 2026", "30 May 2026", 40, [Change("jazz", 0.1, 0.5)], []),
        picks=[Pick(2, 'sounds like "a"'), Pick(0, "")],
        verdicts=[Verdict("Does it know?", "No", "Chance does as well.", "2026-05-30")],
    )
    page = render(report).decode()
    text = text_of(page, "you")
    assert "You come back to 2 kinds of music: jazz, piano (60 %, such as Ann ); Bob and Cid (40 %)." in text
    assert "2 of 4 tracks (50 %) you never played. 1 of these score higher than half" in text
    assert (
        "From 1 May 2026 to 30 May 2026, against the year before: more jazz (50 % of the plays, before 10 %)." in text
    )
    assert data_of(page)["rows"]["now"] == [
        {"i": 2, "plays": 0, "why": 'sounds like "a"'},
        {"i": 0, "plays": 3, "why": ""},
    ]
    assert "No. Does it know? Chance does as well. 2026-05-30" in text


def test_the_first_screen_of_nobody_says_what_to_do():
    text = text_of(render(report_of(["a", "b", "c"])).decode(), "you")
    assert "Nothing is known yet of what you play: beet cfimport" in text
    assert "There is nothing to go by yet" in text
    assert "beet cfevaluate hides a part of your plays" in text
    assert "You have" in text_of(render(report_of(["a"], plays=np.ones(1, np.float32))).decode(), "you")


def test_a_long_title_does_not_make_a_long_page():
    long = report_of(["T" * 1900] * 3, ["\u05d0" * 1900] * 3, learnt=[card([])], picks=[Pick(0, "")])
    short = report_of(["T"] * 3, ["\u05d0"] * 3, learnt=[card([])], picks=[Pick(0, "")])
    assert len(render(long)) - len(render(short)) < 60_000


def test_columns_have_explanations(tmp_path):
    rows = [{"system": "cfaudio", "figures": {"auc": [0.7, 0.6, 0.8], "found": [0.7, 0.6, 0.8]}, "novelty": 0.5}]
    (tmp_path / "e.json").write_text(json.dumps({"tables": [{"name": "month", "rows": rows}]}))
    (found,) = evaluations(tmp_path)
    page = render(report_of(["a"], evaluations=[found])).decode()
    for heading in found.tables[0].headings:
        assert f"<dt>{heading.split(',')[0]}</dt>" in page


def test_an_empty_section_says_why():
    page = render(report_of(["a"], why_no_learnt="Run `beet <x>`", why_no_disagreements="Too few.")).decode()
    assert '<p class="empty">Run <code>beet &lt;x&gt;</code></p>' in page
    assert '<p class="empty">Too few.</p>' in page


def test_what_is_left_out_is_counted():
    report = report_of(["a", "b"], plays=np.array([3, 0], np.float32), left_out=1998, left_out_played=40)
    page = render(report).decode()
    assert "2,000 tracks, you have played 41 of them" in page
    assert "Shown are 2 of 2,000, since" in page
    assert "Shown are" not in render(report_of(["a", "b"])).decode()


def test_coordinates_become_steps_of_the_map():
    report = report_of(["a", "b"], coordinates=np.array([[-1, -1], [1, 0]], np.float32))
    report.regions.append(Region("Jazz", "genre", 1, 0, 0, 9))
    data = data_of(render(report).decode())
    assert (data["x"], data["y"]) == ([0, 10_000], [0, 5_000])
    assert data["regions"] == [{"name": "Jazz", "kind": "genre", "x": 10_000, "y": 5_000, "level": 0, "tracks": 9}]


def test_the_first_tag_colours_a_track_and_all_can_be_searched():
    report = report_of(["a", "b", "c"], tags=[("piano", "calm"), (), ("calm",)])
    data = data_of(render(report).decode())
    assert [data["tags"][k] for k in data["tag"]] == ["piano", "", "calm"]
    assert [[data["tags"][k] for k in row] for row in data["tag_more"]] == [["calm"], [], []]


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"3", b'{"a": "b"}', b'{"tables": [1, 2]}', b'{"tables": [{"rows": [{}]}]}', b"\xff"]
)
def test_evaluations_that_cannot_be_read_are_left_out(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    assert evaluations(tmp_path) == []
    assert evaluations(tmp_path / "nowhere") == []


def test_an_evaluation_becomes_a_table(tmp_path):
    def row(system, auc, behind):
        return {"system": system, "figures": {"auc": auc}, "behind": {"auc": behind}, "novelty": 0.5, "artists": None}

    rows = [row("cfaudio", [0.71234, 0.6, 0.8], [0, 0, 0]), row("random", [0.5, 0.4, 0.6], [0.2, 0.1, 0.3])]
    tables = [
        {"title": "Cold", "name": "cold", "empty": "", "rows": rows},
        {"name": "month", "empty": "why", "rows": []},
    ]
    (tmp_path / "e.json").write_text(json.dumps({"sentence": "It is <b>good</b>.", "listener": "me", "tables": tables}))
    (found,) = evaluations(tmp_path)
    assert found.sentence == "It is <b>good</b>."
    cold, month = found.tables
    assert cold.headings == ["system", "AUC", "novelty", "artists", "cfaudio ahead, AUC"]
    assert cold.rows == [
        ["cfaudio", "0.712", "0.500", "-", "-"],
        ["random", "0.500", "0.500", "-", "+0.200 (+0.100 to +0.300)"],
    ]
    assert (month.title, month.empty, month.rows) == ("month", "why", [])
    page = render(report_of(["a"], evaluations=[found])).decode()
    assert "It is &lt;b&gt;good&lt;/b&gt;." in page
    assert "month: why." in page
