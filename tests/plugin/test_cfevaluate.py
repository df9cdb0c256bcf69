"""`beet cfevaluate` on an analysed library: what it prints, keeps, and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from user_home import Home

EVALUATIONS = Path("cfaudio") / "evaluations"


def reports(home: Home) -> list[dict]:
    return [json.loads(file.read_text()) for file in sorted((home.beetsdir / EVALUATIONS).glob("*.json"))]


@pytest.fixture
def bells_loved(analysed: Home) -> Home:
    """Everything is played: bells often, drums hardly."""
    loved = set(analysed.ids("artist LIKE 'Bell%'"))
    analysed.sql("DELETE FROM item_attributes WHERE key IN ('play_count', 'skip_count')")
    analysed.set("play_count", {item: 12 + item % 3 if item in loved else 1 for item in analysed.ids("1")})
    return analysed


def test_it_prints_figures_in_a_table_and_in_words_and_keeps_that(bells_loved: Home) -> None:
    before = bells_loved.dump()
    ran = bells_loved.beet_here("cfevaluate", "--quick").fine
    assert ran.lines[0] == "me: 40 of 40 analysed tracks played or skipped."
    rows = {line[:14].strip(): line[14:].split() for line in ran.lines if "  " in line}
    assert {"random", "artist mean", "frozen kernel", "cfaudio", "shuffled sound", "upper bound"} <= set(rows)
    assert float(rows["cfaudio"][3]) > 0.9  # AUC: bells from drums, of artists never played
    assert float(rows["random"][3]) == 0.5
    assert "Not evaluated: there is no listening history" in ran.out
    assert "Of the tracks you love by artists that it had never seen you play, cfaudio puts" in ran.out
    (report,) = reports(bells_loved)
    assert [table["name"] for table in report["tables"]] == ["new artists", "month", "session"]
    assert report["listener"] == "me"
    assert report["quick"] is True
    assert ran.lines[-1].endswith(".json.")
    assert bells_loved.dump() == before


def test_another_listener_is_evaluated_by_name_and_json_is_what_was_kept(bells_loved: Home) -> None:
    bells_loved.configure({"users": {"ann": ["skip_count"], "ben": ["play_count"]}})
    ran = bells_loved.beet_here("cfevaluate", "-u", "ben", "--seeds", "1", "--json", "--protocol", "new-artists").fine
    (report,) = reports(bells_loved)
    assert json.loads(ran.out) == report
    assert (report["listener"], report["seeds"], report["quick"]) == ("ben", 1, False)
    assert report["sentence"].startswith("Of the tracks ben loves by artists that it had never seen ben play")


def test_a_listener_of_whom_too_little_is_known_gets_rows_that_say_so(analysed: Home) -> None:
    ran = analysed.beet_here("cfevaluate").fine
    assert ran.out.count("Not evaluated: 32 tracks were played or skipped; it takes 40.") == 2
    assert ran.out.count("Not evaluated: there is no listening history") == 2
    assert "Of the tracks" not in ran.out
    assert all(table["empty"] for table in reports(analysed)[0]["tables"])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--protocol", "warm"], "there is no protocol warm (there are: new-artists, cold-albums, cold-tracks,"),
        (["--seeds", "0"], "--seeds must be a whole number from 1 to 100"),
        (["-u", "nobody"], "there is no listener nobody (there are: me)"),
        (["artist:Bell"], "cfevaluate takes no query: artist:Bell"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(analysed: Home, options: list[str], complaint: str) -> None:
    assert complaint in analysed.beet_here("cfevaluate", *options).complaint
    assert not (analysed.beetsdir / EVALUATIONS).exists()


def test_before_anything_was_analysed_it_gives_a_hint(unanalysed: Home) -> None:
    assert "run `beet cfembed` first" in unanalysed.beet_here("cfevaluate").complaint


def test_an_empty_library_is_refused(home: Home) -> None:
    assert home.beet_here("cfevaluate").complaint == "error: the library is empty"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_evaluation_that_cannot_be_kept_is_printed_and_says_so(bells_loved: Home, options: list[str]) -> None:
    blocked = bells_loved.beetsdir / EVALUATIONS
    blocked.write_text("a file where the folder should be")
    ran = bells_loved.beet_here("cfevaluate", "--quick", "--protocol", "session", *options)
    assert ran.code == 0
    assert "session" in ran.out.casefold()
    assert "Kept in" not in ran.out
    assert ran.err.startswith(f"cfaudio: not kept: {blocked}")
    assert ran.err.count("\n") == 1
