"""`cfaudio demo`: the pieces, the simulated listener, the words of the outcome, and the whole.

beets is the real one throughout; a small plugin stands in for cfaudio's, whose net and weights have tests of
their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import combinations
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
from cfaudio_core.demo.library import DemoLibrary, Song
from cfaudio_core.demo.listener import Month, simulate_month
from cfaudio_core.demo.outcome import chance_of, favourites_of, reason, summary, table
from cfaudio_core.errors import CfAudioError

# The same two commands: an embedding that tells the first letter of the genre, and a recommendation of the
# never played tracks first. They fail where the music folder's name says so.
PLUGIN = """
import base64, json, struct
from beets import config
from beets.exceptions import UserError
from beets.plugins import BeetsPlugin
from beets.ui import Subcommand

def embed(lib, opts, args):
    if "no weights" in config["directory"].get():
        raise UserError("the weights cannot be had")
    print("analysed everything")
    for item in lib.items():
        vector = [0.0] * 40
        vector[ord(str(item.genres[0])[0]) % 40] = 1.0
        item["cf_embedding"] = base64.b64encode(struct.pack("<40f", *vector)).decode()
        item.store()

def recommend(lib, opts, args):
    if "no recommendation" in config["directory"].get():
        raise UserError("nothing to recommend")
    items = sorted(lib.items(), key=lambda i: (i.get("play_count", 0) > 0, i.id))[: opts.n]
    print(json.dumps([{"id": i.id, "path": "", "artist": i.artist, "title": i.title, "album": i.album,
                       "score": 50.0, "plays": i.get("play_count", 0), "unplayed": True} for i in items]))

class CfAudioPlugin(BeetsPlugin):
    def commands(self):
        cfembed, cfrecommend = Subcommand("cfembed"), Subcommand("cfrecommend")
        cfembed.func, cfrecommend.func = embed, recommend
        cfrecommend.parser.add_option("-n", type="int")
        cfrecommend.parser.add_option("--json", action="store_true")
        return [cfembed, cfrecommend]
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
    return [Song(i, f"artist {i % artists}", f"album {i}", f"song {i}", f"genre {i % groups}") for i in range(n)]


def embedded(number: int, angle: float, plays: int = 0, artist: str = "", skips: int = 0) -> Song:
    vector = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))], np.float32)
    return Song(number, artist or f"artist {number}", "", f"song {number}", "", plays, skips, vector)


# The pieces


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.genre)
def test_the_same_seed_composes_the_same_music_and_another_seed_other_music(style: Style) -> None:
    once, again, other = (style.compose(np.random.default_rng(seed), 4.0) for seed in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.allclose(once, other, atol=0.1)


def test_pieces_are_loud_but_not_clipped_and_about_as_long_as_asked(pieces: list[Path]) -> None:
    for path in pieces:
        audio, rate = soundfile.read(path)
        assert 0.05 < np.sqrt(np.mean(audio**2)) < 0.5, path.name
        assert np.abs(audio).max() <= 0.91, path.name
        assert abs(np.mean(audio)) < 0.01, path.name
        assert 7.0 <= len(audio) / rate <= 9.0


def test_every_piece_is_tagged_with_a_title_of_its_own_and_two_share_an_artist(pieces: list[Path]) -> None:
    tags = [FLAC(path) for path in pieces]
    assert len({tag["title"][0] for tag in tags}) == N_PIECES == 24
    assert [tag["genre"][0] for tag in tags] == [style.genre for style in STYLES for _ in range(6)]
    artists = [tag["artist"][0] for tag in tags]
    assert {artists.count(artist) for artist in artists} == {2}


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
    style = np.arange(24) // 6
    assert np.mean(style[distances.argmin(axis=1)] == style) >= 22 / 24
    assert distances[np.isfinite(distances)].min() > 0.1, "two pieces are nearly the same"


# The listener


def test_a_month_is_decided_by_its_seed() -> None:
    songs = library_of(24, groups=4, artists=12)
    months = [simulate_month(songs, seed) for seed in (1, 1, 2, 3, 4)]
    assert months[0] == months[1]
    assert len({month.loved for month in months}) > 1


@pytest.mark.parametrize("seed", range(20))
def test_a_listener_plays_half_of_the_demo_and_mostly_what_is_loved(seed: int) -> None:
    songs = library_of(24, groups=4, artists=12)
    month = simulate_month(songs, seed)
    assert month.kind == "genre" and len(month.loved) == 2
    assert 10 <= len(month.plays) <= 12
    assert set(month.skips) <= {song.id for song in songs} and sum(month.skips.values()) > 0
    loved = sum(plays for song in songs if month.loves(song) and (plays := month.plays.get(song.id, 0)))
    assert 0.8 < loved / sum(month.plays.values()) < 1
    for group in range(4):
        of_group = [song for song in songs if song.genre == f"genre {group}"]
        never = {s.artist for s in of_group} - {s.artist for s in of_group if s.id in month.plays}
        assert never, "a style needs an artist whom only the audio can recommend"


def test_the_listener_goes_by_artist_where_genres_say_nothing() -> None:
    songs = [song._replace(genre="Rock" if song.id else "") for song in library_of(40, 4, artists=8)]
    month = simulate_month(songs, 1)
    assert month.kind == "artist"
    assert 40 / 3 <= sum(map(month.loves, songs)) < 40 / 3 + 5


def test_tracks_without_a_tag_are_never_the_loved_ones() -> None:
    songs = [song._replace(genre="" if song.id < 4 else song.genre) for song in library_of(60, 5, artists=9)]
    for seed in range(20):
        assert not any(simulate_month(songs, seed).loves(song) for song in songs[:4])


def test_too_few_tracks_are_refused() -> None:
    with pytest.raises(CfAudioError, match="at least 8 tracks, and here are 3"):
        simulate_month(library_of(3, 3, 3), 1)


# The outcome


def test_chance_agrees_with_drawing_every_possible_hand() -> None:
    hands = list(combinations([True] * 4 + [False] * 5, 3))
    for right in range(5):
        assert chance_of(right, 3, 4, 9) == pytest.approx(np.mean([sum(hand) >= right for hand in hands]))


def test_favourites_are_played_much_and_skipped_less() -> None:
    songs = [Song(i, "", "", "", "", plays, skips) for i, (plays, skips) in enumerate([(0, 0), (1, 0), (5, 6), (9, 1)])]
    assert [song.id for song in favourites_of(songs)] == [3]
    assert favourites_of([Song(1, "", "", "", "")]) == []


def test_a_reason_names_the_nearest_favourite_and_never_the_song_itself() -> None:
    favourites = [embedded(1, 0, plays=14), embedded(2, 40, plays=1), embedded(3, 180, plays=3)]
    assert reason(embedded(9, 10), favourites) == 'sounds like "song 1" (played 14 times)'
    assert reason(embedded(9, 30), favourites) == 'sounds like "song 2" (played once)'
    assert reason(favourites[0], favourites) == 'goes with "song 2" (played once)'
    assert reason(favourites[2], favourites) == "a favourite"
    assert reason(embedded(9, 5, artist="artist 1"), favourites) == 'same artist as "song 1" (played 14 times)'
    assert reason(embedded(9, 110), favourites) == "unlike the favourites"


def test_the_summary_counts_only_never_played_picks_and_names_artists_found_by_sound() -> None:
    songs = [song._replace(plays=5 if song.id < 6 else 0) for song in library_of(18, groups=3, artists=9)]
    month = Month("genre", ("genre 0",), {}, {})
    # 12 never played, 4 of them loved: 6, 9, 12, 15, of which 6 and 15 are by artist 6, who was never played.
    text = summary([songs[i] for i in (0, 6, 9, 15, 7)], songs, month)
    assert text.startswith("Of 4 recommended tracks that were never played, 3 are of a genre the listener loves.")
    assert "4 drawn at random from the 12 never played would have 1.3, and do as well or better 7 times" in text
    assert text.endswith("2 of the 3 are by artists never played at all.")


def test_the_summary_says_when_there_is_nothing_to_compare() -> None:
    played = [song._replace(plays=1) for song in library_of(9, 3, 3)]
    assert "nothing to compare" in summary(played[:3], played, Month("genre", ("genre 0",), {}, {}))


def test_the_table_stays_aligned_whatever_the_titles_are_written_in() -> None:
    songs = [
        Song(1, "A", "", "plain", "Folk", plays=3),
        Song(2, "音楽", "", "とても長い題名" * 9, "Folk"),
        Song(3, "e\u0301", "", "two\nlines", ""),
    ]
    printed = table([(song, 50.0) for song in songs], songs, Month("genre", ("Folk",), {}, {}))
    header, *rows = printed.split("\n")[:1] + printed.split("\n")[1::2]
    ends = [sum(0 if c == "\u0301" else 2 if c > "\u3000" else 1 for c in line) for line in (header, *rows)]
    assert len(rows) == 3 and len(set(ends)) == 1
    assert "..." in rows[1] and "two lines" in rows[2]


# The whole


def test_a_folder_is_demonstrated_and_left_as_it_was_and_the_library_kept(
    music: Path, plugin: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in music.iterdir()}
    kept = tmp_path / "new" / "kept"
    main(["demo", str(music), "--keep", str(kept)], standalone_mode=False)
    shown = capfd.readouterr().out
    prose = " ".join(shown.split())
    assert "Imported 12 tracks" in shown and "analysed everything" in shown
    picks = [line for line in shown.splitlines() if "Song, " in line and line.lstrip()[0].isdigit()]
    assert [int(line.split()[0]) for line in picks] == list(range(1, 11))
    fresh = [line for line in picks if "never played" in line]
    assert f"{len(fresh)} tracks were never played" in prose and 0 < len(fresh) < 10
    assert picks[: len(fresh)] == fresh
    assert " * " in shown and "sounds like" in shown
    assert f"Of {len(fresh)} recommended tracks that were never played" in prose
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in music.iterdir()} == before

    assert f"BEETSDIR={kept}" in shown
    listed = subprocess.run(
        [sys.executable, "-P", "-m", "beets", "ls", "play_count:1.."],
        env={**os.environ, "BEETSDIR": str(kept)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(listed.stdout.splitlines()) == 12 - len(fresh)


def test_counts_and_tags_survive_the_way_through_beets(music: Path, plugin: None, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    library = DemoLibrary(tmp_path / "kept", music)
    library.add_music()
    assert all(song.plays == song.skips == 0 and song.embedding is None for song in library.songs())
    library.set_counts({1: 3, 12: 3}, {4: 2, 5: 0})
    songs = library.songs()
    assert {s.id: (s.plays, s.skips) for s in songs if s.plays or s.skips} == {
        1: (3, 0),
        4: (0, 2),
        12: (3, 0),
    }
    assert {(s.title, s.artist, s.album, s.genre) for s in songs} == {
        (f"Song, {n}; $x\t%if{{", f"Artist {n} 音", "Various", GENRES[n % 3]) for n in range(12)
    }


def test_a_track_without_tags_goes_by_the_name_of_its_file(plugin: None, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    soundfile.write(tmp_path / "music" / "take $7; final.wav", np.zeros(RATE), RATE)
    library = DemoLibrary(tmp_path, tmp_path / "music")
    library.add_music()
    (song,) = library.songs()
    assert (song.title, song.artist, song.album, song.genre) == ("take $7; final", "", "", "")
    assert "\n1  take $7; final  ? " in table([(song, 1.0)], [song], Month("artist", (), {}, {}))
    assert "by artists" not in summary([song], [song], Month("artist", ("",), {}, {}))


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
