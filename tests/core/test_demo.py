"""`cfaudio demo`: the pieces, the simulated listener, the words of the outcome, and the whole.

beets is the real one throughout; a small plugin stands in for cfaudio's, whose net and weights have tests of
their own.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from mutagen.flac import FLAC

from cfaudio_core import __version__
from cfaudio_core.cli import main
from cfaudio_core.demo.albums import N_PIECES, STYLES, Style, write_pieces
from cfaudio_core.demo.instruments import RATE
from cfaudio_core.demo.library import DemoLibrary, Pick, Song
from cfaudio_core.demo.listener import History, simulate_history
from cfaudio_core.demo.outcome import chance_of, groups, introduction, listing, ranking, share_in_order, summary
from cfaudio_core.errors import CfAudioError
from cfaudio_core.report.listing import Row

# The same three commands: plays by path, a score that falls with the id, and a recommendation of the never played
# tracks first. They fail where the music folder's name says so.
PLUGIN = """
import csv, json, os
from beets import config
from beets.exceptions import UserError
from beets.plugins import BeetsPlugin
from beets.ui import Subcommand

def read(lib, opts, args):
    starts = [row for row in csv.DictReader(open(args[1], encoding="utf-8")) if row["skipped"] == "0"]
    for item in lib.items():
        item["play_count"] = sum(os.fsencode(row["path"]) == item.path for row in starts)
        item.store()
    print("matched everything")

def embed(lib, opts, args):
    if "no weights" in config["directory"].get():
        raise UserError("the weights cannot be had")
    print("analysed everything, " * 10)
    for item in lib.items():
        item["cf_score"] = 100 / item.id
        item.store()

def recommend(lib, opts, args):
    if "no recommendation" in config["directory"].get():
        raise UserError("nothing to recommend")
    items = sorted(lib.items(), key=lambda i: (int(i.get("play_count", 0)) > 0, i.id))[: opts.n]
    reasons = {"near": [{"id": 1, "artist": "A", "title": "T", "plays": 7}],
               "by_plays": 0.25, "by_sound": 0.75, "by_tags": 0.0}
    print(json.dumps([{"id": i.id, "path": "", "artist": i.artist, "title": i.title, "album": i.album, "score": 50.0,
                       "plays": int(i.get("play_count", 0)), "unplayed": True, "reasons": reasons} for i in items]))

class CfAudioPlugin(BeetsPlugin):
    def commands(self):
        made = [Subcommand(name) for name in ("cfimport", "cfembed", "cfrecommend")]
        for command, function in zip(made, (read, embed, recommend)):
            command.func = function
        made[1].parser.add_option("-j", type="int")
        made[2].parser.add_option("-n", type="int")
        made[2].parser.add_option("--json", action="store_true")
        made[2].parser.add_option("--explain", action="store_true")
        return made
"""


GENRES = ("Folk", "Jazz", "Metal")


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return list(write_pieces(tmp_path_factory.mktemp("pieces"), seed=1, seconds=8.0))


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "stand-in" / "beetsplug" / "cfaudio"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PLUGIN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "stand-in"))


@pytest.fixture
def music(tmp_path: Path) -> Path:
    return make_music(tmp_path / "music")


def make_music(folder: Path, n: int = 12) -> Path:
    """Write tracks of one artist each in three genres, whose names need care."""
    sound = np.random.default_rng(0).normal(0, 0.1, RATE // 4)
    for number in range(n):
        path = folder / f"{number} 'é\" $title.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, sound, RATE)
        tags = FLAC(path)
        tags["title"], tags["artist"] = f"Song, {number}; $x\t%if{{", f"Artist {number} 音"
        tags["album"], tags["genre"] = "Various", GENRES[number % 3]
        tags.save()
    return folder


def library_of(n: int, groups: int, artists: int) -> list[Song]:
    return [
        Song(i, f"/m/{i}.flac", f"artist {i % artists}", f"album {i}", f"song {i}", f"genre {i % groups}", length=10.0)
        for i in range(n)
    ]


def history_of(songs: list[Song], loved: tuple[str, ...] = ("genre 0",)) -> History:
    """Each of the songs put on once, an hour after the other."""
    return History("genre", loved, tuple((song, 3600 * k, False) for k, song in enumerate(songs)))


def picks_of(songs: list[Song], plays: int = 0) -> list[Pick]:
    return [Pick(song.id, 50.0, plays, [], 0.0) for song in songs]


# The pieces


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_the_same_seed_composes_the_same_music_and_another_seed_other_music(style: Style) -> None:
    def play(seed: int) -> np.ndarray:
        return style.ensemble(np.random.default_rng(seed))(np.random.default_rng(seed), 4.0)

    once, again, other = map(play, (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.allclose(once, other, atol=0.1)


def test_pieces_are_loud_but_not_clipped_and_about_as_long_as_asked(pieces: list[Path]) -> None:
    for path in pieces:
        audio, rate = soundfile.read(path)
        assert 0.05 < np.sqrt(np.mean(audio**2)) < 0.5, path.name
        assert np.abs(audio).max() <= 0.91, path.name
        assert abs(np.mean(audio)) < 0.01, path.name
        assert 7.0 <= len(audio) / rate <= 9.0


def test_every_piece_is_tagged_with_a_title_of_its_own_but_no_genre(pieces: list[Path]) -> None:
    tags = [FLAC(path) for path in pieces]
    assert len({tag["title"][0] for tag in tags}) == N_PIECES == 144
    assert not any("genre" in tag for tag in tags)
    artists = [tag["artist"][0] for tag in tags]
    albums = {(tag["artist"][0], tag["album"][0]) for tag in tags}
    assert len(set(artists)) == 24 and {artists.count(artist) for artist in artists} == {6}
    assert len(albums) == 48


def test_a_piece_sounds_most_like_another_of_its_style(pieces: list[Path]) -> None:
    """The spectrum and how it moves tell the styles apart, so a net that sees more does so all the more."""
    looks = []
    for path in pieces:
        audio = soundfile.read(path)[0].mean(axis=1)
        frames = audio[: len(audio) // 1024 * 1024].reshape(-1, 1024) * np.hanning(1024)
        power = np.abs(np.fft.rfft(frames)[:, 1:]) ** 2
        edges = np.unique(np.geomspace(1, 512, 24).astype(int)) - 1
        bands = np.log10(1e-4 + np.add.reduceat(power, edges[:-1], axis=1))
        looks.append(np.concatenate([bands.mean(axis=0), np.abs(np.diff(bands, axis=0)).mean(axis=0) * 3]))
    distances = np.linalg.norm(np.array(looks)[:, None] - np.array(looks)[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    style = np.arange(N_PIECES) // 24
    assert np.mean(style[distances.argmin(axis=1)] == style) >= 0.9
    assert distances[np.isfinite(distances)].min() > 0.1, "two pieces are nearly the same"


# The listener


def test_a_history_is_decided_by_its_seed() -> None:
    songs = library_of(144, groups=6, artists=24)
    histories = [simulate_history(songs, seed) for seed in (1, 1, 2, 3, 4)]
    assert histories[0] == histories[1]
    assert len({history.loved for history in histories}) > 1


@pytest.mark.parametrize("seed", range(20))
def test_a_listener_plays_most_of_the_demo_and_mostly_what_is_loved(seed: int) -> None:
    songs = library_of(144, groups=6, artists=24)
    history = simulate_history(songs, seed)
    assert history.kind == "genre" and len(history.loved) == 2
    assert 100 <= len(history.known()) <= 108, "cfembed measures its parts from 100 known tracks on"
    loved = [history.loves(song) for song, _, _ in history.starts]
    skipped = np.array([skipped for _, _, skipped in history.starts])
    assert 0.7 < np.mean(loved) < 0.9
    assert skipped[loved].mean() < 0.1 < 0.3 < skipped[~np.array(loved)].mean()
    for group in range(6):
        of_group = [song for song in songs if song.genre == f"genre {group}"]
        never = {s.artist for s in of_group} - {s.artist for s in of_group if s.id in history.known()}
        assert never, "a style needs an artist whom only the audio can recommend"


def test_a_session_has_one_style_and_no_track_twice_and_nothing_overlaps() -> None:
    history = simulate_history(library_of(144, groups=6, artists=24), 1)
    sessions: list[list[Song]] = [[history.starts[0][0]]]
    for (before, began, skipped), (song, time, _) in pairwise(history.starts):
        assert time >= began + (2 if skipped else before.length)
        if time - began > 3600:
            sessions.append([])
        sessions[-1].append(song)
    assert 40 < len(sessions) < 100
    for session in sessions:
        assert len({song.genre for song in session}) == 1
        assert len(set(session)) == len(session)


def test_the_listener_goes_by_artist_where_genres_say_nothing() -> None:
    songs = [song._replace(genre="Rock" if song.id else "") for song in library_of(40, 4, artists=8)]
    history = simulate_history(songs, 1)
    assert history.kind == "artist"
    assert 40 / 3 <= sum(map(history.loves, songs)) < 40 / 3 + 5


def test_tracks_without_a_tag_are_never_the_loved_ones() -> None:
    songs = [song._replace(genre="" if song.id < 4 else song.genre) for song in library_of(60, 5, artists=9)]
    for seed in range(20):
        assert not any(simulate_history(songs, seed).loves(song) for song in songs[:4])


def test_too_few_tracks_are_refused() -> None:
    with pytest.raises(CfAudioError, match="at least 8 tracks, and here are 3"):
        simulate_history(library_of(3, 3, 3), 1)


def test_the_history_is_written_as_a_table_with_times_paths_and_skips(tmp_path: Path) -> None:
    songs = [song._replace(title='a "b", c\nd') for song in library_of(2, 1, 1)]
    history = History("genre", (), ((songs[0], 1_700_000_000, False), (songs[1], 1_700_000_060, True)))
    history.write(tmp_path / "listens.csv")
    with (tmp_path / "listens.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["time"] for row in rows] == ["2023-11-14T22:13:20+00:00", "2023-11-14T22:14:20+00:00"]
    assert [(row["path"], row["title"], row["skipped"]) for row in rows] == [
        ("/m/0.flac", 'a "b", c\nd', "0"),
        ("/m/1.flac", 'a "b", c\nd', "1"),
    ]


# The outcome


def test_chance_agrees_with_drawing_every_possible_hand() -> None:
    hands = list(combinations([True] * 4 + [False] * 5, 3))
    for right in range(5):
        assert chance_of(right, 3, 4, 9) == pytest.approx(np.mean([sum(hand) >= right for hand in hands]))


def test_the_table_has_what_the_command_prints_on_a_terminal() -> None:
    songs = [Song(1, "", "A", "", "plain", "Folk", length=61)]
    pick = Pick(1, 50.0, 0, [("B", "song 1")], 0.7)
    assert listing([pick], songs) == [Row("A", "plain", 0, 50.0, 'sounds like "song 1" by B', 61)]


def test_what_is_recommended_is_counted_by_what_the_listener_loves() -> None:
    songs = library_of(6, groups=3, artists=3)
    text = groups(picks_of([songs[i] for i in (0, 3, 1)]), songs, history_of(songs))
    assert text == "By genre: 2 of genre 0 (loved) and 1 of genre 1."


def test_the_introduction_counts_artists_never_played() -> None:
    songs = library_of(18, groups=3, artists=9)
    text = introduction(songs, history_of(songs[:7]))
    assert "Imported 18 tracks. 1 month of listening, by somebody who loves genre 0: 7 tracks in 7 listens" in text
    assert text.endswith("11 tracks were never played, among them all of 2 artists.")


def test_the_summary_counts_only_never_played_picks() -> None:
    songs = library_of(18, groups=3, artists=9)
    # 12 never played, 4 of them loved: 6, 9, 12, 15.
    text = summary(picks_of([songs[i] for i in (0, 6, 9, 15, 7)]), songs, history_of(songs[:6]))
    assert text.startswith("Of 4 recommended tracks that were never played, 3 are of a genre the listener loves.")
    assert "4 drawn at random from the 12 never played would have 1.3, and do as well or better 7 times" in text


def test_the_summary_says_when_there_is_nothing_to_compare() -> None:
    played = library_of(9, 3, 3)
    assert "nothing to compare" in summary(picks_of(played[:3], plays=1), played, history_of(played))


def scored(scores: list[float | None], loved: list[bool], artist: str = "") -> list[Song]:
    return [
        Song(i, "", artist, "", "", "genre 0" if loves else "genre 1", score=score)
        for i, (score, loves) in enumerate(zip(scores, loved, strict=True))
    ]


def test_pairs_in_the_right_order_are_counted_and_ties_are_half_of_one() -> None:
    history = history_of([])
    assert share_in_order(scored([9, 5, 5, 1], [True, True, False, False]), history) == pytest.approx(3.5 / 4)
    assert share_in_order(scored([9, 5, 1], [True, False, True]), history) == 0.5
    assert share_in_order(scored([9, None], [True, False]), history) is None


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([9, 8, 2, 1], "in 100% of all pairs among 4 (chance 50%), and in 100% among the 4 by artists never played"),
        ([9, 1, 5, 5], "% is no better than chance."),
        ([1, 2, 8, 9], "% is no better than chance."),
    ],
)
def test_a_ranking_that_is_no_better_than_chance_says_so(scores: list[float | None], words: str) -> None:
    assert words in ranking(scored(scores, [True, True, False, False], "somebody"), history_of([]))


def test_one_pair_in_the_wrong_order_is_never_rounded_away() -> None:
    songs = scored([50.5, *range(60, 80), *range(51)], [True] * 21 + [False] * 51)
    songs = [*songs, Song(99, "", "", "", "", "genre 1", score=51.0)]
    assert "in 99% of all pairs" in ranking(songs, history_of([]))


def test_artists_that_were_played_are_not_counted_as_new_ones() -> None:
    songs = scored([9, 8, 2, 1, 7], [True, True, False, False, True], "somebody")
    assert "artists" not in ranking(songs, history_of(songs[4:]))


def test_without_scores_nothing_is_said_of_a_ranking() -> None:
    assert ranking(scored([None, None], [True, False]), history_of([])) == ""


# The whole


def test_a_folder_is_demonstrated_and_left_as_it_was_and_the_library_kept(
    music: Path, plugin: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in music.iterdir()}
    kept = tmp_path / "new" / "kept"
    main(["demo", str(music), "--keep", str(kept)], standalone_mode=False)
    shown = capfd.readouterr().out
    prose = " ".join(shown.split())
    assert "Imported 12 tracks" in shown and "matched everything" in shown
    assert "analysed everything, analysed everything" in shown
    assert max(len(line) for line in shown.splitlines() if str(tmp_path) not in line) <= 100
    picks = [line for line in shown.splitlines() if "Song, " in line and line.lstrip()[0].isdigit()]
    assert [int(line.split()[0]) for line in picks] == list(range(1, 11))
    fresh = [line for line in picks if "  new  " in line]
    assert f"{len(fresh)} tracks were never played" in prose and 0 < len(fresh) < 10
    assert picks[: len(fresh)] == fresh
    assert 'sounds like "T" by A' in shown and "(loved)" in prose
    assert f"10 tracks, {len(fresh)} of them new, 1 min" in shown
    assert f"Of {len(fresh)} recommended tracks that were never played" in prose
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in music.iterdir()} == before

    assert f"BEETSDIR={kept}" in shown
    listed = subprocess.run(
        [sys.executable, "-P", "-m", "beets", "ls", "play_count::[1-9]"],
        env={**os.environ, "BEETSDIR": str(kept)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(listed.stdout.splitlines()) == 12 - len(fresh)


def test_tags_paths_and_lengths_survive_the_way_through_beets(music: Path, plugin: None, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    library = DemoLibrary(tmp_path / "kept", music)
    library.add_music()
    songs = library.songs()
    assert all(song.score is None for song in songs)
    assert {(s.title, s.artist, s.album, s.genre) for s in songs} == {
        (f"Song, {n}; $x\t%if{{", f"Artist {n} 音", "Various", GENRES[n % 3]) for n in range(12)
    }
    assert {s.path for s in songs} == {str(path) for path in music.iterdir()}
    library.beet("cfembed")
    assert [song.score for song in library.songs()] == pytest.approx([100 / n for n in range(1, 13)])


def test_a_track_without_tags_goes_by_the_name_of_its_file(plugin: None, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    soundfile.write(tmp_path / "music" / "take $7; final.wav", np.zeros(RATE), RATE)
    library = DemoLibrary(tmp_path, tmp_path / "music")
    library.add_music()
    (song,) = library.songs()
    assert (song.title, song.artist, song.album, song.genre) == ("take $7; final", "", "", "")
    assert song.length == pytest.approx(1, abs=0.5)
    assert listing(picks_of([song]), [song])[0].title == "take $7; final"


def test_a_command_that_fails_ends_the_demo_with_one_line_and_leaves_nothing_behind(
    plugin: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    result = CliRunner().invoke(main, ["demo", str(make_music(tmp_path / "no weights", n=8))])
    assert result.exit_code == 1
    assert result.stderr == "Error: beet cfembed failed (exit status 1): see above\n"
    assert "the weights cannot be had" in capfd.readouterr().err
    assert list(temporary.iterdir()) == []


def test_a_command_that_fails_unseen_ends_with_its_last_line(plugin: None, tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    library = DemoLibrary(tmp_path / "library", tmp_path / "no recommendation")
    with pytest.raises(CfAudioError) as caught:
        library.recommend(3)
    assert str(caught.value) == "beet cfrecommend failed (exit status 1): error: nothing to recommend"


def test_a_folder_without_music_and_one_that_is_missing_are_different_errors(plugin: None, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.txt").write_text("no music")
    for folder, error in (("notes", "no audio that beets can read"), ("nowhere", "there is no such folder")):
        result = CliRunner().invoke(main, ["demo", str(tmp_path / folder)])
        assert (result.exit_code, result.stderr) == (1, f"Error: {tmp_path / folder}: {error}\n")


def test_keep_refuses_a_folder_that_holds_something(music: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["demo", str(music), "--keep", str(music)])
    assert result.exit_code == 1 and "is not empty" in result.stderr
    assert not (music / "config.yaml").exists()


def test_an_answer_that_is_not_the_promised_json_is_an_error(
    music: Path, plugin: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept").mkdir()
    library = DemoLibrary(tmp_path / "kept", music)
    for printed in ("no JSON", json.dumps([{"id": 1}]), json.dumps(7)):
        monkeypatch.setattr(library, "beet", lambda *arguments, printed=printed: printed)
        with pytest.raises(CfAudioError, match="something unexpected"):
            library.recommend(3)


def test_version_and_help_answer_without_loading_what_the_demo_needs() -> None:
    script = (
        "import sys; from cfaudio_core.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: assert not {'numpy', 'scipy', 'beets', 'torch'} & set(sys.modules)"
    )
    for option, text in (("--version", __version__), ("-h", "demo"), ("--help", "demo")):
        finished = subprocess.run([sys.executable, "-c", script, option], capture_output=True, text=True, check=True)
        assert text in finished.stdout
