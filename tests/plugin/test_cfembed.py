"""`beet cfembed`, as its user sees it."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from beets.library import Item
from needs import not_root
from user_home import BELLS, DRUMS, NEVER_PLAYED, PER_ARTIST, RATE, Home, Ran, bells, drums
from waiting import LONG_SECONDS

from cfaudio_core.features.jobs import FULL_TRACK, ExtractorConfig, FeatureResult, FileJob
from cfaudio_core.util.vector_codec import decode

weights = pytest.mark.weights
Fail = Callable[[], None]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are given to the workers."""
    from cfaudio_core.features import worker_pool

    names: list[str] = []
    extract = worker_pool.extract_in_processes

    def recorded(files: Sequence[FileJob], config: ExtractorConfig, jobs: int) -> Iterator[FeatureResult]:
        names.extend(Path(os.fsdecode(file.path)).name for file in files)
        return extract(files, config, jobs)

    monkeypatch.setattr(worker_pool, "extract_in_processes", recorded)
    return names


@weights
def test_the_first_run_gives_every_track_its_fields(analysed: Home, first_run: Ran) -> None:
    assert first_run.lines[0] == "Analysed 40 new tracks (40 of 40 done)."
    assert first_run.lines[1].startswith("Trained on 32 played tracks. Tested on tracks it had not seen, it picks ")
    assert first_run.lines[-1].startswith("Updated 40 tracks (model cf-")
    for field in ("cf_score", "cf_embedding", "cf_model", "cf_key"):
        assert len(analysed.field(field)) == 40, field
    assert len(set(analysed.field("cf_model").values())) == 1
    assert len(set(analysed.field("cf_key").values())) == 40


@weights
def test_scores_and_models_are_queried_as_any_field_of_beets(analysed: Home) -> None:
    scores = {item: float(score) for item, score in analysed.field("cf_score").items()}
    assert (min(scores.values()), max(scores.values())) == (0, 100)
    by_score = sorted(scores, key=lambda item: -scores[item])
    good = [str(item) for item in by_score if scores[item] >= 50]
    assert 0 < len(good) < 40
    assert analysed.beet("ls", "-f", "$id", "cf_score:50..", "cf_score-").fine.lines == good
    model = analysed.field("cf_model")[1]
    assert len(analysed.beet("ls", f"cf_model:{model}").fine.lines) == 40


@weights
def test_embeddings_are_40_numbers_of_unit_length(analysed: Home) -> None:
    for text in analysed.field("cf_embedding").values():
        assert len(text) == 216
        vector = decode(text)
        assert vector.shape == (40,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@weights
def test_tracks_nobody_played_are_scored_by_how_they_sound(analysed: Home) -> None:
    scores = {item: float(score) for item, score in analysed.field("cf_score").items()}
    bell, drum = ([scores[i] for i in analysed.ids("artist = ?", artist)] for artist in NEVER_PLAYED)
    assert min(bell) > max(drum)


@weights
@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_what_is_kept_is_its_owner_s_alone(unanalysed: Home) -> None:
    unanalysed.embed(f"artist:{BELLS[0]}")
    folder = unanalysed.store.parent
    modes = {file: stat.S_IMODE(file.stat().st_mode) for file in [folder, *folder.rglob("*")]}
    assert {"models", "history.db", "features.db"} <= {file.name for file in modes}
    assert modes == {file: 0o700 if file.is_dir() else 0o600 for file in modes}


@weights
def test_a_second_run_decodes_nothing_trains_nothing_and_changes_nothing(analysed: Home, decoding_fails: Fail) -> None:
    decoding_fails()
    database, models = analysed.database.read_bytes(), sorted(analysed.models.iterdir())
    ran = analysed.embed().fine
    assert ran.lines[0] == "Analysed 0 new tracks (40 of 40 done)."
    assert ran.lines[1].startswith("Nothing new since the last run (model cf-")
    assert (analysed.database.read_bytes(), sorted(analysed.models.iterdir())) == (database, models)


@weights
def test_a_second_run_does_not_load_torch(analysed: Home) -> None:
    probe = "import sys; from beets.ui import main; main(['cfembed']); print('torch' in sys.modules)"
    assert analysed.beet(python=("-c", probe)).fine.lines[-1] == "False"


@weights
def test_new_plays_make_a_new_model_and_no_file_is_decoded(analysed: Home, decoding_fails: Fail) -> None:
    decoding_fails()
    analysed.sql("DELETE FROM item_attributes WHERE key = 'skip_count'")  # and so few are known: quicker
    old = analysed.field("cf_model")[1]
    ran = analysed.embed()
    assert "Only 16 tracks played or skipped; training needs 30." in ran.out
    assert analysed.field("cf_model")[1] != old
    assert float(analysed.field("cf_score")[analysed.ids("artist = ?", BELLS[0])[0]]) > 50
    assert "Nothing new" in analysed.embed().fine.out


@weights
def test_one_goes_back_to_an_earlier_model_by_its_id(analysed: Home, decoding_fails: Fail) -> None:
    decoding_fails()
    old, embeddings = analysed.field("cf_model")[1], analysed.field("cf_embedding")
    analysed.sql("DELETE FROM item_attributes WHERE key = 'skip_count'")
    assert "Retrained: fewer plays are left of you." in analysed.embed().fine.lines
    new = analysed.field("cf_model")[1]
    said = analysed.beet_here("cfembed", "--model", "cf-0").complaint
    assert said == f"error: there is no model cf-0 (there are: {new}, {old})"
    assert analysed.embed("--model", old).fine.lines[-1].endswith(f"(model {old}).")
    assert set(analysed.field("cf_model").values()) == {old}
    assert analysed.field("cf_embedding").keys() == embeddings.keys()
    assert "Nothing new" in analysed.embed().fine.out
    analysed.embed("--retrain")
    assert analysed.field("cf_model")[1] == new


@weights
def test_the_factors_can_be_left_out_and_come_back(analysed: Home, decoding_fails: Fail) -> None:
    decoding_fails()
    model, embeddings = analysed.field("cf_model")[1], analysed.field("cf_embedding")
    analysed.configure({"factorizer": "none"})
    ran = analysed.beet_here("-v", "cfembed")
    assert "No factors (`factorizer: none`): embeddings are likeness in sound and in how much is played." in ran.lines
    assert "Factors come from" not in ran.out
    assert analysed.field("cf_embedding").keys() == embeddings.keys()
    assert analysed.field("cf_embedding") != embeddings
    analysed.configure({})
    assert "Factors come from" in analysed.beet_here("-v", "cfembed").out
    assert (analysed.field("cf_model")[1], analysed.field("cf_embedding")) == (model, embeddings)


@weights
def test_a_few_new_plays_are_folded_in_and_it_says_so(analysed: Home, decoding_fails: Fail) -> None:
    decoding_fails()
    old, scores = analysed.field("cf_model"), analysed.field("cf_score")
    analysed.set("play_count", {analysed.ids("artist = ?", NEVER_PLAYED[1])[0]: 2})
    said = analysed.beet_here("-v", "cfembed").out
    assert "\nScores updated with 2 new plays.\n" in said
    assert f"\nSince model {old[1]} was trained, your history has changed by 1." in said
    assert analysed.field("cf_model") == old
    assert analysed.field("cf_score") != scores


@weights
def test_a_run_goes_on_where_an_earlier_one_was_stopped(unanalysed: Home, decoded: list[str]) -> None:
    unanalysed.sql("DELETE FROM item_attributes")
    some = unanalysed.embed(f"artist:{BELLS[0]}")
    assert some.lines[0] == "Analysed 4 new tracks (4 of 40 done)."
    assert len(decoded) == 4
    unanalysed.sql("DELETE FROM item_attributes")  # a run that is killed has not written the fields yet
    unanalysed.embed(f"artist:{BELLS[0]}", ",", f"artist:{BELLS[1]}")
    assert len(decoded) == 8
    assert len(unanalysed.field("cf_key")) == 8


@weights
def test_whole_tracks_are_analysed_where_windows_are_all(unanalysed: Home) -> None:
    unanalysed.configure({"windows": "all"})
    unanalysed.embed(f"artist:{BELLS[0]}")
    with sqlite3.connect(unanalysed.store) as features:
        assert features.execute("SELECT wanted FROM features").fetchall() == [(FULL_TRACK,)] * 8
    assert len(unanalysed.field("cf_key")) == 4
    assert unanalysed.embed(f"artist:{BELLS[0]}").lines[0].startswith("Analysed 0 new tracks")
    assert "Would analyse 0 of 4 tracks." in unanalysed.beet("cfembed", "-p", f"artist:{BELLS[0]}").fine.lines


INTERRUPTED = """
import os, signal
from beets.ui import main
from cfaudio_core.features.feature_store import FeatureStore

add = FeatureStore.add

def add_and_interrupt(*args):
    add(*args)
    os.killpg(0, signal.SIGINT)

FeatureStore.add = add_and_interrupt
main(["cfembed", "-j", "2"])
"""


@weights
def test_ctrl_c_keeps_what_was_analysed_and_says_so(unanalysed: Home) -> None:
    unanalysed.sql("DELETE FROM item_attributes")  # nothing is trained without plays, which is quicker
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        env=unanalysed.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    out, err = process.communicate(timeout=LONG_SECONDS)
    kept = _stored(unanalysed.store)
    stopped = "Stopped. Tracks analysed so far are kept, and the next `beet cfembed` goes on from there.\n"
    assert err.decode() == stopped
    assert (process.returncode, out) == (130, b"")
    assert 8 <= kept < 40
    assert unanalysed.field("cf_score") == {}
    assert unanalysed.embed().lines[0] == f"Analysed {40 - kept} new tracks (40 of 40 done)."


def _stored(store: Path) -> int:
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(DISTINCT cf_key) FROM features").fetchone()[0])
    finally:
        connection.close()


@weights
def test_a_moved_file_keeps_its_features(analysed: Home, decoding_fails: Fail) -> None:
    decoding_fails()
    analysed.configure(paths={"default": "elsewhere/$artist - $title", "singleton": "x/$title"})
    assert analysed.beet("mv", "-e").code == 0 or analysed.beet("mv").code == 0
    assert (analysed.music / "elsewhere" / f"{BELLS[0]} - Stück 1.wav").exists()
    assert analysed.embed().lines == [
        "Analysed 0 new tracks (40 of 40 done).",
        f"Nothing new since the last run (model {analysed.field('cf_model')[1]}).",
    ]


@weights
def test_a_retagged_file_is_compared_once_and_keeps_its_features(analysed: Home, decoded: list[str]) -> None:
    file = analysed.music / BELLS[0] / "2 Stück.flac"
    keys = analysed.field("cf_key")
    assert analysed.beet("modify", "-y", "-w", f"path:{file}", "title=Another").code == 0
    assert analysed.embed("-p").lines[0].startswith("Would analyse 0 of 40 tracks, read 1 changed file again")
    assert analysed.embed().lines[:2] == [
        "Analysed 0 new tracks (40 of 40 done).",
        "Read 1 changed file again: 0 of other audio than before.",
    ]
    assert analysed.field("cf_key") == keys
    assert analysed.embed().code == 0
    assert decoded == ["02 Another.flac"]  # beets has moved it


@weights
def test_a_file_with_other_audio_gets_a_key_of_its_own_and_copies_of_the_old_one_keep_theirs(analysed: Home) -> None:
    file = analysed.music / BELLS[0] / "1 Stück.wav"
    (first,) = analysed.ids("artist = ? AND track = 1", BELLS[0])
    copy = file.with_name("copy.wav")
    copy.write_bytes(file.read_bytes())
    analysed.add(copy)
    old = analysed.field("cf_key")[first]

    def features() -> list[tuple[bytes]]:
        with contextlib.closing(sqlite3.connect(analysed.store)) as store:
            return store.execute("SELECT data FROM features WHERE cf_key = ? ORDER BY net", (old,)).fetchall()

    before = features()
    analysed.write(f"{BELLS[0]}/1 Stück.wav", drums(77))
    assert "Read 1 changed file again: 1 of other audio than before." in analysed.embed().fine.lines
    keys, vectors = analysed.field("cf_key"), analysed.field("cf_embedding")
    assert (keys[41] == old, keys[first] == old) == (True, False)
    assert vectors[41] != vectors[first]
    assert before == features() != []


@weights
def test_fields_that_were_changed_or_lost_are_written_again(analysed: Home, decoding_fails: Fail) -> None:
    """As by a backup that was put back, or by another program."""
    analysed.embed()
    names = ("cf_embedding", "cf_score", "cf_tags", "cf_tempo", "cf_energy", "cf_model")
    before = [analysed.field(name) for name in names]
    decoding_fails()
    analysed.sql("DELETE FROM item_attributes WHERE key IN ('cf_embedding', 'cf_tags', 'cf_energy') AND entity_id < 9")
    for name, value in (("cf_score", 12.5), ("cf_model", "cf-none")):
        analysed.set(name, dict.fromkeys(range(10, 20), value))
    assert analysed.embed().fine.lines[-1].startswith("Updated 18 tracks")
    assert [analysed.field(name) for name in names] == before
    assert analysed.embed().fine.lines[-1].startswith("Nothing new")


@weights
def test_damaged_features_cost_their_track_a_new_analysis(analysed: Home, decoded: list[str]) -> None:
    with contextlib.closing(sqlite3.connect(analysed.store)) as store, store:
        store.execute(
            "UPDATE features SET data = substr(data, 1, 99) WHERE cf_key = (SELECT min(cf_key) FROM features)"
        )
    ran = analysed.embed("--retrain")
    assert (ran.code, len(decoded), len(analysed.field("cf_embedding"))) == (0, 1, 40)
    assert ran.err == f"cfaudio: {analysed.store}: 2 damaged rows of features to compute again\n"


@weights
def test_without_its_store_everything_is_analysed_again_and_gets_the_same_keys(analysed: Home) -> None:
    keys = analysed.field("cf_key")
    for file in analysed.store.parent.glob("features.db*"):
        file.unlink()
    assert analysed.embed(f"artist:{BELLS[0]}").lines[0].startswith("Analysed 4 new tracks (4 of 40 done)")
    assert analysed.field("cf_key") == keys
    assert len(analysed.field("cf_score")) == 4  # a place of an older model means nothing beside these


@weights
def test_force_analyses_again(analysed: Home, decoded: list[str]) -> None:
    assert (
        analysed.embed("-f", f"artist:{DRUMS[0]}", "title:Stück 1")
        .lines[0]
        .startswith("Analysed 1 new track (40 of 40 done)")
    )
    assert len(decoded) == 1


@weights
def test_a_listener_without_enough_plays_gets_likeness_in_sound(analysed: Home) -> None:
    analysed.sql("DELETE FROM item_attributes WHERE key IN ('play_count', 'skip_count')")
    liked = analysed.ids("artist = ?", DRUMS[-1])[0]
    analysed.set("play_count", {liked: 9})
    ran = analysed.embed().fine
    assert (
        "Only 1 track played or skipped; training needs 30. "
        "Until then scores go by likeness in sound to what is played." in ran.lines
    )
    scores = {item: float(score) for item, score in analysed.field("cf_score").items()}
    bell, drum = ([scores[i] for i in analysed.ids("artist LIKE ?", kind)] for kind in ("Bell%", "Drum%"))
    assert np.mean(drum) > np.mean(bell) + 20


@weights
def test_plays_of_tracks_that_are_not_analysed_yet_are_not_counted(unanalysed: Home) -> None:
    ran = unanalysed.embed(f"artist:{BELLS[0]}").fine
    assert f"Only {PER_ARTIST} tracks played or skipped; training needs 30." in ran.out


@weights
def test_a_library_without_plays_gets_embeddings_and_no_scores(analysed: Home) -> None:
    analysed.sql("DELETE FROM item_attributes WHERE key IN ('play_count', 'skip_count')")
    ran = analysed.embed().fine
    no_plays = next(line for line in ran.lines if line.startswith("No plays found (looked at play_count, "))
    assert "`beet cfimport`" in no_plays and "mpdstats" in no_plays and "--like" in no_plays
    assert len(analysed.field("cf_embedding")) == 40
    assert analysed.field("cf_score") == {}
    complaints = [analysed.beet_here(name).complaint for name in ("cfrecommend", "cfevaluate")]
    complaints.append(analysed.embed("-p").lines[-1])
    for said in (*complaints, analysed.beet_here("cfplays").out):
        assert "o plays known yet. Import a history (`beet cfimport`), let a player count" in said
        assert "`beet cfrecommend --like artist:NAME`" in said
    assert len(analysed.beet_here("cfrecommend", "--like", BELLS[0], "-n", "3").fine.lines) == 3


@weights
def test_two_listeners_have_scores_of_their_own(analysed: Home) -> None:
    analysed.sql("DELETE FROM item_attributes WHERE key IN ('play_count', 'skip_count')")
    analysed.set("play_count", dict.fromkeys(analysed.ids("artist = ?", BELLS[0]), "5"))
    analysed.set("plex_viewcount", dict.fromkeys(analysed.ids("artist = ?", DRUMS[0]), "5.0"))
    analysed.configure({"users": {"anna": ["play_count"], "Ben": ["plex_viewcount"]}})
    ran = analysed.embed().fine
    assert [line.split(":")[0] for line in ran.lines[1:3]] == ["anna", "Ben"]
    best = {
        field: analysed.beet("ls", "-f", "$artist", f"{field}:90..").fine.lines
        for field in ("cf_score", "cf_score_ben")
    }
    assert {artist.split()[0] for artist in best["cf_score"]} == {"Bell"}
    assert {artist.split()[0] for artist in best["cf_score_ben"]} == {"Drum"}
    tops = [analysed.beet("cfrecommend", "-n", "4", "-f", "$artist", "-u", name).fine.lines for name in ("anna", "Ben")]
    assert [{artist.split()[0] for artist in top} for top in tops] == [{"Bell"}, {"Drum"}]


@weights
def test_user_writes_the_scores_of_this_listener_only(analysed: Home) -> None:
    analysed.sql("DELETE FROM item_attributes WHERE key IN ('play_count', 'skip_count')")
    analysed.set("play_count", dict.fromkeys(analysed.ids("artist = ?", BELLS[0]), 5))
    analysed.set("plex_viewcount", dict.fromkeys(analysed.ids("artist = ?", DRUMS[0]), 5))
    analysed.configure({"users": {"anna": ["play_count"], "ben": ["plex_viewcount"]}})
    before = analysed.field("cf_score")
    analysed.embed("-u", "ben")
    assert analysed.field("cf_score") == before
    assert len(analysed.field("cf_score_ben")) == 40
    analysed.embed()
    assert analysed.field("cf_score") != before


@weights
def test_of_several_counts_of_one_listener_the_larger_is_taken_and_junk_is_none(analysed: Home) -> None:
    analysed.sql("DELETE FROM item_attributes WHERE key IN ('play_count', 'skip_count')")
    first, second, third, *_ = analysed.ids("1")
    analysed.set("play_count", {first: "5", second: "None", third: ""})
    analysed.set("lastfm_play_count", {first: "7.0", second: "3", third: "junk"})
    analysed.embed()
    rows = json.loads(analysed.beet("cfrecommend", "--json", "-n", "40").fine.out)
    plays = {row["id"]: row["plays"] for row in rows}
    assert {item: count for item, count in plays.items() if count} == {first: 7, second: 3}


@weights
def test_nothing_of_beets_own_data_is_touched(unanalysed: Home) -> None:
    unanalysed.set("mood", {1: "blue"})
    unanalysed.set("mpd_rating", {2: 0.5})
    before, audio = unanalysed.dump(), {file: file.read_bytes() for file in unanalysed.music.rglob("*.*")}
    unanalysed.embed(f"artist:{BELLS[0]}", ",", f"artist:{DRUMS[0]}")
    assert len(unanalysed.field("cf_embedding")) == 8
    assert unanalysed.dump() == before
    assert {file: file.read_bytes() for file in unanalysed.music.rglob("*.*")} == audio


@weights
def test_fields_are_stored_as_text_that_queries_can_read(analysed: Home) -> None:
    assert analysed.sql("SELECT DISTINCT typeof(value) FROM item_attributes WHERE key LIKE 'cf\\_%' ESCAPE '\\'") == [
        ("text",)
    ]


@weights
def test_pretending_says_what_would_be_done_and_writes_nothing(unanalysed: Home) -> None:
    before = unanalysed.files()
    ran = unanalysed.beet_here("cfembed", "-p", f"artist:{BELLS[0]}").fine
    assert ran.lines == [
        "Would analyse 4 of 4 tracks (less than a minute).",
        "Would train, if that is due, on 16 played tracks.",
    ]
    ran = unanalysed.beet_here("-v", "cfembed", "-p", f"artist:{BELLS[0]}")
    assert [line.split(f"{BELLS[0]}/")[1] for line in sorted(ran.lines[:-2])] == [
        "1 Stück.wav",
        "2 Stück.flac",
        "3 Stück.ogg",
        "4 Stück.wav",
    ]
    after = {file: content for file, content in unanalysed.files().items() if not file.name.startswith("features.db")}
    assert after == before


BAD = ("empty.wav", "folder.wav", "missing.wav", "nan.wav", "noise.mp3", "short.flac", "silent.wav", "text.ogg")


def _add_bad_files(home: Home) -> None:
    home.write("silent.wav", np.zeros(3 * RATE, np.float32))
    home.write("nan.wav", np.full(3 * RATE, np.nan, np.float32), subtype="FLOAT")
    whole = home.write("short.flac", bells(1)).read_bytes()
    (home.music / "short.flac").write_bytes(whole[:200])
    (home.music / "empty.wav").touch()
    (home.music / "text.ogg").write_text("Dear diary")
    (home.music / "noise.mp3").write_bytes(np.random.default_rng(0).bytes(20_000))
    (home.music / "folder.wav").mkdir()
    home.add(*(home.music / name for name in BAD))


@weights
def test_bad_files_are_named_in_one_line_each_counted_and_passed_over(home: Home) -> None:
    _add_bad_files(home)
    home.add(home.write("good.wav", bells(0)))
    ran = home.beet("cfembed")
    assert ran.code == 0
    complaints = sorted(ran.err.splitlines())
    assert len(complaints) == len(BAD), ran.err
    for complaint, name in zip(complaints, BAD, strict=True):
        start = f"cfaudio: skipping {home.music / name}: "
        assert complaint.startswith(start)
        assert len(complaint) > len(start)
    assert ran.lines[:2] == [
        "Analysed 1 new track (1 of 9 done).",
        "Skipped 8 files that cannot be analysed (named above).",
    ]


@weights
def test_a_single_job_keeps_quiet_about_damaged_frames_too(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    _add_bad_files(home)
    home.embed()
    assert capfd.readouterr() == ("", "")  # past Python; what Python printed was caught


@weights
def test_bad_files_are_tried_again_only_by_force_or_when_they_have_changed(home: Home, decoded: list[str]) -> None:
    _add_bad_files(home)
    home.add(home.write("good.wav", bells(0)))
    home.embed()
    decoded.clear()
    ran = home.embed()
    # A file that is not there has no size and time to be known by.
    assert decoded == ["missing.wav"]
    assert ran.err.count("\n") == 1
    assert (
        "Skipped 7 files that could not be analysed before "
        "(`beet -v cfembed` names them, `beet cfembed -f` tries again)." in ran.lines
    )
    decoded.clear()
    home.write("text.ogg", drums(0))
    assert "Analysed 1 new track (2 of 9 done)." in home.embed().out
    assert sorted(decoded) == ["missing.wav", "text.ogg"]
    decoded.clear()
    forced = home.embed("-f")
    assert sorted(decoded) == sorted([*BAD, "good.wav"])
    assert forced.err.count("\n") == 7
    assert "could not be analysed before" not in forced.out


@weights
def test_verbose_names_what_is_passed_over(home: Home) -> None:
    (home.music / "text.ogg").write_text("Dear diary")
    home.add(home.write("good.wav", bells(0)), home.music / "text.ogg")
    home.embed()
    assert "text.ogg" not in home.embed().err
    assert f"cfaudio: still skipping {home.music / 'text.ogg'}: " in home.beet_here("-v", "cfembed", "-j", "1").err


@weights
@not_root
def test_an_unreadable_file_is_passed_over(home: Home) -> None:
    file = home.write("secret.wav", bells(1))
    file.chmod(0)
    home.add(home.write("good.wav", bells(0)), file)
    ran = home.embed()
    assert (ran.code, ran.err) == (0, f"cfaudio: skipping {file}: cannot be opened: Permission denied\n")


@weights
def test_where_no_file_can_be_analysed_the_run_has_failed(home: Home) -> None:
    _add_bad_files(home)
    ran = home.embed()
    assert ran.code == 1
    assert ran.err.splitlines()[-1] == "error: no track could be analysed"
    assert len(ran.err.splitlines()) == len(BAD) + 1
    assert "Traceback" not in ran.err


@weights
def test_names_that_are_no_text_or_have_line_breaks_are_analysed(home: Home) -> None:
    names = [b"caf\xe9.wav", b"two\nlines.wav", "Übung #1.wav".encode()]
    with home.library() as lib:
        for k, name in enumerate(names):
            file = home.music / os.fsdecode(name)
            home.write(f"{k}.wav", bells(k)).rename(file)
            lib.add(Item(path=os.fsencode(file), title=f"t{k}", play_count=k))
    ran = home.embed().fine
    assert ran.lines[0] == "Analysed 3 new tracks (3 of 3 done)."
    assert len(home.beet("cfrecommend", "-f", "$title").fine.lines) == 3
    printed = home.beet("cfrecommend", "-p").fine.out
    assert "two\nlines.wav" in printed
    assert "Übung #1.wav" in printed


@weights
def test_two_copies_of_one_recording_share_their_features(home: Home) -> None:
    home.add(home.write("a.wav", bells(0)), home.write("b.wav", bells(0)), home.write("c.wav", drums(0)))
    home.embed()
    keys = home.field("cf_key")
    assert keys[1] == keys[2] != keys[3]
    assert _stored(home.store) == 2
    assert "Nothing new" in home.embed().fine.out


def test_an_empty_library_is_one_line(home: Home) -> None:
    assert home.beet_here("cfembed").complaint == "error: the library is empty"


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["artist:nobody"], "error: no track matches artist:nobody"),
        (["-u", "carl"], "error: there is no listener carl (there are: me)"),
        (["-j", "0"], "error: -j/--jobs must be 1 or more"),
        (["--model", "cf-0"], "error: there is no model cf-0 (there is none yet)"),
        (["-p", "artist:nobody"], "error: no track matches artist:nobody"),
        (["added:yesterdayish"], "error: invalid query: "),
    ],
)
def test_what_makes_no_sense_is_one_line_and_nothing_is_done(unanalysed: Home, args: list[str], complaint: str) -> None:
    before = unanalysed.files()
    said = unanalysed.beet_here("cfembed", *args).complaint
    assert said.removeprefix("error: ").startswith(complaint.removeprefix("error: "))
    assert unanalysed.files() == before


def test_weights_that_cannot_be_had_are_one_line(
    unanalysed: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    unanalysed.configure({"weights": str(tmp_path / "none.whl")})
    complaint = unanalysed.beet_here("cfembed").complaint
    assert "none.whl" in complaint
    assert "weights" in complaint


def test_a_store_that_is_none_is_one_line(unanalysed: Home) -> None:
    unanalysed.store.parent.mkdir()
    unanalysed.store.write_text("this is no database, however long it is; " * 100)
    assert str(unanalysed.store) in unanalysed.beet_here("cfembed").complaint


@weights
def test_a_damaged_model_is_one_line_that_knows_the_way_out(analysed: Home) -> None:
    for file in analysed.models.glob("*.safetensors"):
        file.write_bytes(b"damaged")
    analysed.sql("DELETE FROM item_attributes WHERE key = 'skip_count'")
    ran = analysed.embed()
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "--retrain" in ran.err
    assert analysed.embed("--retrain").code == 0
