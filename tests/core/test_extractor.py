"""Plans of an extraction, and the extraction itself: once, resumable, and never stopped by a bad file."""

import errno
import hashlib
import io
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from synthetic import NET, make_tracks, write_files

from cfaudio_core.audio.decoders.base import UndecodableError
from cfaudio_core.audio.descriptors import DESCRIPTORS, N_DESCRIPTORS
from cfaudio_core.audio.melspec import N_MELS
from cfaudio_core.audio.stereo import N_WIDTHS
from cfaudio_core.audio.windows import Windows
from cfaudio_core.backbones.activations import Activations
from cfaudio_core.errors import AudioError
from cfaudio_core.features import extractor, worker, worker_pool
from cfaudio_core.features.extractor import REFUSED_BY, decoder_versions, extract, plan_extraction
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import FULL_TRACK, ExtractorConfig, FeatureResult, FileJob, file_state
from cfaudio_core.features.worker import even_means, extract_file, key_samples


@pytest.fixture
def paths(tmp_path):
    return write_files(tmp_path / "music", ["a.flac", "b.flac", "c.flac"])


@pytest.fixture
def tracks(paths):
    return make_tracks(3, paths=paths, keys=["", "", ""])


def content_key(*blocks):
    return hashlib.blake2b(b"".join(map(key_samples, blocks)), digest_size=16).hexdigest()


def remember(store, path, key="", problem="", windows=10):
    features = np.ones((windows, 3), np.float16) if key else None
    descriptors = np.ones((windows, N_DESCRIPTORS), np.float16) if key else None
    store.add(NET, windows, [FeatureResult(path, file_state(path), key, features, problem, descriptors)])


def touch(path):
    os.utime(path, ns=(1, 1))


def test_a_new_library_is_all_to_be_analysed_in_order(tracks, store):
    got = plan_extraction(tracks, store, NET, 10)
    assert got.left == [FileJob(path, "") for path in tracks.paths]
    assert got.keys == ["", "", ""]
    assert got.problems == {}


def test_an_interrupted_run_resumes_with_what_it_has_not_analysed(tracks, store):
    remember(store, tracks.paths[1], "key b")
    got = plan_extraction(tracks, store, NET, 10)
    assert [file.path for file in got.left] == [tracks.paths[0], tracks.paths[2]]
    assert got.keys == ["", "key b", ""]


def test_a_file_that_moved_is_known_by_the_key_in_the_library(tracks, store, tmp_path):
    remember(store, tracks.paths[0], "key a")
    gone = replace(tracks, paths=[bytes(tmp_path / "nowhere.flac"), *tracks.paths[1:]], keys=["key a", "", ""])
    got = plan_extraction(gone, store, NET, 10)
    assert got.keys[0] == "key a"
    assert [file.path for file in got.left] == tracks.paths[1:]


def test_a_file_whose_time_or_size_changed_is_analysed_again_or_compared_to_the_key_in_the_library(tracks, store):
    for path, key in zip(tracks.paths, ("key a", "key b", "key c"), strict=True):
        remember(store, path, key)
    touch(tracks.paths[0])
    with open(tracks.paths[1], "ab") as file:  # noqa: PTH123
        file.write(b"more")
    touch(tracks.paths[2])
    got = plan_extraction(replace(tracks, keys=["", "", "key c"]), store, NET, 10)
    compared = FileJob(tracks.paths[2], "key c", net=False, descriptors=False, verify=True)
    assert got.left == [FileJob(tracks.paths[0], ""), FileJob(tracks.paths[1], ""), compared]
    assert got.keys == ["", "", "key c"]
    nothing = plan_extraction(replace(tracks, keys=["", "", "key c"]), store, NET, 10, within=np.zeros(3, bool))
    assert (nothing.left, nothing.keys) == ([], ["", "", "key c"])


def test_a_file_that_was_renamed_or_copied_with_its_time_is_not_read_again(tracks, store, tmp_path):
    remember(store, tracks.paths[0], "key a")
    moved = bytes(tmp_path / "moved.flac")
    os.rename(tracks.paths[0], moved)  # noqa: PTH104
    got = plan_extraction(replace(tracks, paths=[moved, *tracks.paths[1:]], keys=["key a", "", ""]), store, NET, 10)
    assert got.keys[0] == "key a"
    assert [file.path for file in got.left] == tracks.paths[1:]


def test_a_file_that_is_as_it_was_analysed_keeps_that_key_whatever_the_library_says(tracks, store):
    """As after a backup of the library was restored that is older than the file."""
    for path, key in zip(tracks.paths, ("key a", "key b", "key c"), strict=True):
        remember(store, path, key)
    got = plan_extraction(replace(tracks, keys=["key b", "", "key c"]), store, NET, 10)
    assert (got.left, got.keys) == ([], ["key a", "key b", "key c"])


def test_what_could_not_be_analysed_is_not_tried_again_until_it_changes(tracks, store):
    remember(store, tracks.paths[0], problem="it is silent")
    store.note(REFUSED_BY, decoder_versions())
    got = plan_extraction(tracks, store, NET, 10)
    assert got.problems == {tracks.paths[0]: "it is silent"}
    assert [file.path for file in got.left] == tracks.paths[1:]
    touch(tracks.paths[0])
    got = plan_extraction(tracks, store, NET, 10)
    assert got.problems == {}
    assert [file.path for file in got.left] == tracks.paths


def test_what_an_earlier_version_or_another_decoder_refused_is_tried_once_more(tracks, store):
    remember(store, tracks.paths[0], problem="it hung")
    store.note(REFUSED_BY, "others")
    got = plan_extraction(tracks, store, NET, 10)
    assert got.problems == {}
    assert [file.path for file in got.left] == tracks.paths


def test_force_analyses_everything_again_under_the_keys_it_has(tracks, store):
    remember(store, tracks.paths[0], "key a")
    remember(store, tracks.paths[1], "key b")
    remember(store, tracks.paths[2], problem="it is silent")
    got = plan_extraction(replace(tracks, keys=["key a", "", ""]), store, NET, 10, force=True)
    assert got.left == [
        FileJob(tracks.paths[0], "key a"),
        FileJob(tracks.paths[1], "key b"),
        FileJob(tracks.paths[2], ""),
    ]
    only = plan_extraction(tracks, store, NET, 10, within=np.array([False, True, False]), force=True)
    assert only.left == [FileJob(tracks.paths[1], "key b")]


@pytest.mark.parametrize(("net", "windows"), [("MTT_musicnn-1", 10), (NET, 20)])
def test_another_net_or_more_windows_analyse_again_and_keep_the_keys(tracks, store, net, windows):
    remember(store, tracks.paths[0], "key a")
    got = plan_extraction(replace(tracks, keys=["key a", "", ""]), store, net, windows)
    assert got.left[0] == FileJob(tracks.paths[0], "key a", descriptors=windows == 20)


def test_descriptors_alone_are_computed_of_tracks_that_an_earlier_version_has_analysed(tracks, store):
    remember(store, tracks.paths[0], "key a")
    store.add(NET, 10, [FeatureResult(tracks.paths[1], None, "key b", np.ones((10, 3), np.float16))])
    got = plan_extraction(replace(tracks, keys=["key a", "key b", ""]), store, NET, 10)
    assert got.left == [FileJob(tracks.paths[1], "key b", net=False, verify=True), FileJob(tracks.paths[2], "")]
    assert got.keys == ["key a", "key b", ""]


def test_a_track_whose_file_is_away_does_without_descriptors_until_it_is_back(tracks, store, tmp_path):
    store.add(NET, 10, [FeatureResult(b"", None, "key a", np.ones((10, 3), np.float16))])
    known = replace(tracks, keys=["key a", "", ""])
    away = replace(known, paths=[bytes(tmp_path / "away"), *tracks.paths[1:]])
    assert [file.path for file in plan_extraction(away, store, NET, 10).left] == tracks.paths[1:]
    assert [file.path for file in plan_extraction(known, store, NET, 10).left] == tracks.paths


def test_a_path_that_the_library_has_twice_is_analysed_once(tracks, store):
    twice = replace(tracks, paths=[tracks.paths[0], tracks.paths[0], tracks.paths[2]])
    assert [file.path for file in plan_extraction(twice, store, NET, 10).left] == [tracks.paths[0], tracks.paths[2]]


def test_a_file_that_is_gone_is_tried_every_time_for_it_may_be_on_a_disk_that_comes_back(tracks, store, tmp_path):
    away = replace(tracks, paths=[bytes(tmp_path / "away" / name) for name in ("a", "b", "c")])
    assert len(plan_extraction(away, store, NET, 10).left) == 3


def test_planning_opens_no_file(tracks, store, monkeypatch):
    monkeypatch.setattr(worker, "read_windows", lambda *_: pytest.fail("decoded"))
    plan_extraction(tracks, store, NET, 10)


def fake_net(patches):
    """A net whose activations are the loudness of the window."""
    loudness = patches.reshape(len(patches), -1).mean(axis=1, keepdims=True)
    return Activations(np.tile(loudness, (1, 3)), loudness, loudness)


@pytest.fixture
def fake(monkeypatch):
    """Decode a file to as many constant windows as its name has letters; a name with an x cannot be analysed."""

    def read_windows(path, n_windows):
        name = os.path.basename(path)  # noqa: PTH119
        if b"x" in name:
            raise AudioError("its name has an x")
        return Windows(np.full((n_windows, 4), len(name) / 100, np.float32), np.zeros((n_windows, 0), np.float32))

    monkeypatch.setattr(worker, "read_windows", read_windows)
    monkeypatch.setattr(worker, "log_mel", lambda windows: windows)
    monkeypatch.setattr(worker, "band_statistics", lambda patches: patches[:, :0])
    monkeypatch.setattr(worker, "describe_windows", lambda waveform, _: np.ones((len(waveform), N_DESCRIPTORS)))
    monkeypatch.setattr(worker, "_net", lambda *_: fake_net)
    monkeypatch.setattr(extractor, "prepare_extractor", lambda *_, **__: None)
    monkeypatch.setattr(
        worker_pool, "extract_in_processes", lambda files, config, _: (extract_file(file, config) for file in files)
    )


def test_what_is_analysed_is_stored_and_counted(fake, tmp_path, store):
    names = [f"{'y' * i}.wav" for i in range(1, 12)] + ["x.wav"]
    paths = write_files(tmp_path / "music", names)
    progress = []
    results = list(
        extract(
            [FileJob(p, "") for p in paths], ExtractorConfig(windows=4), store, NET, jobs=1, on_progress=progress.append
        )
    )
    assert [h.path for h in results] == paths
    assert sum(progress) == 12
    assert results[-1].problem == "its name has an x"
    assert results[-1].key == ""
    assert store.keys(NET, 4) == {h.key for h in results[:-1]}
    assert len(store.keys(NET, 4)) == 11
    store.note(REFUSED_BY, decoder_versions())
    tracks = make_tracks(12, paths=paths, keys=[""] * 12)
    assert plan_extraction(tracks, store, NET, 4).left == []
    assert plan_extraction(tracks, store, NET, 4).problems == {paths[-1]: "its name has an x"}


def test_features_and_descriptors_come_of_one_pass_and_each_is_stored_under_its_name(fake, paths, store):
    [result] = extract([FileJob(paths[0], "")], ExtractorConfig(windows=4), store, NET, jobs=1)
    assert result.features.shape == (4, 3)
    assert result.descriptors.shape == (4, N_DESCRIPTORS)
    assert store.keys(NET, 4) == store.keys(DESCRIPTORS, 4) == {result.key}


def test_descriptors_alone_leave_features_as_they_are(fake, paths, store):
    store.add(NET, 4, [FeatureResult(paths[0], file_state(paths[0]), "key a", np.full((4, 3), 7, np.float16))])
    [result] = extract([FileJob(paths[0], "key a", net=False)], ExtractorConfig(windows=4), store, NET, jobs=1)
    assert (result.key, result.features) == ("key a", None)
    assert store.keys(DESCRIPTORS, 4) == {"key a"}
    assert (dict(store.read(NET, ["key a"]))["key a"] == 7).all()


def test_a_file_that_gives_no_descriptors_is_no_problem_and_is_not_tried_again(fake, tmp_path, store):
    paths = write_files(tmp_path / "music", ["x.wav"])
    store.add(NET, 4, [FeatureResult(paths[0], file_state(paths[0]), "key x", np.ones((4, 3), np.float16))])
    tracks = make_tracks(1, paths=paths, keys=[""])
    plan = plan_extraction(tracks, store, NET, 4)
    assert plan.left == [FileJob(paths[0], "key x", net=False)]
    [result] = extract(plan.left, ExtractorConfig(windows=4), store, NET, jobs=1)
    assert result.key == "key x"
    again = plan_extraction(tracks, store, NET, 4)
    assert (again.left, again.problems, again.keys) == ([], {}, ["key x"])
    assert dict(store.read(DESCRIPTORS, ["key x"])) == {}


def test_descriptors_that_are_not_finite_cost_nothing_but_themselves(fake, paths, monkeypatch):
    monkeypatch.setattr(worker, "describe_windows", lambda waveform, _: np.full((4, N_DESCRIPTORS), np.nan))
    result = extract_file(FileJob(paths[0], ""), ExtractorConfig(windows=4))
    assert result.features.shape == (4, 3)
    assert result.descriptors.shape == (0, N_DESCRIPTORS)


def test_ctrl_c_loses_at_most_a_batch(fake, tmp_path, store, monkeypatch):
    paths = write_files(tmp_path / "music", [f"{i}.wav" for i in range(30)])
    results = extract([FileJob(p, "") for p in paths], ExtractorConfig(windows=4), store, NET, jobs=1)
    first = [next(results) for _ in range(10)]
    results.close()
    known = {state.path for state in store.files()}
    assert {h.path for h in first} <= known
    assert len(known) < 30


def test_a_file_analysed_again_keeps_its_key(fake, paths):
    assert extract_file(FileJob(paths[0], "key a"), ExtractorConfig(windows=4)).key == "key a"


@pytest.mark.parametrize("asked", [(False, False), (False, True), (True, True)])
def test_a_file_with_other_audio_than_its_key_says_is_analysed_whole_under_its_own(fake, paths, store, asked):
    other = FileJob(paths[0], "another key", *asked, verify=True)
    [result] = extract([other], ExtractorConfig(windows=4), store, NET, jobs=1)
    own = content_key(np.full((4, 4), 0.06, np.float32))
    assert (result.key, result.features.shape, result.descriptors.shape) == (own, (4, 3), (4, N_DESCRIPTORS))
    assert store.keys(NET, 4) == store.keys(DESCRIPTORS, 4) == {own}


def test_a_file_with_the_audio_that_its_key_says_is_only_noted(fake, paths, store):
    key = content_key(np.full((4, 4), 0.06, np.float32))
    retagged = FileJob(paths[0], key, net=False, descriptors=False, verify=True)
    [result] = extract([retagged], ExtractorConfig(windows=4), store, NET, jobs=1)
    assert (result.key, result.features, result.descriptors) == (key, None, None)
    assert {state: one.key for state, one in store.files().items()} == {file_state(paths[0]): key}


def test_a_file_that_a_decoder_refuses_now_is_a_problem_and_one_that_is_away_is_as_it_was(fake, tmp_path, store):
    refused, away = write_files(tmp_path / "music", ["x.wav", "xx.wav"])
    jobs = [FileJob(path, "key", net=False, descriptors=False, verify=True) for path in (refused, away)]
    os.remove(away)  # noqa: PTH107
    results = list(extract(jobs, ExtractorConfig(windows=4), store, NET, jobs=1))
    assert [(result.key, result.state) for result in results] == [("", file_state(refused)), ("key", None)]
    assert [one.problem for one in store.files().values()] == ["its name has an x"]


def test_a_new_file_gets_the_key_of_its_audio(fake, paths):
    one, other = (extract_file(FileJob(path, ""), ExtractorConfig(windows=4)) for path in paths[:2])
    assert one.key == other.key == content_key(np.full((4, 4), 0.06, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_a_problem_of_the_file(fake, paths, monkeypatch, value):
    monkeypatch.setattr(worker, "log_mel", lambda windows: np.full_like(windows, value))
    result = extract_file(FileJob(paths[0], ""), ExtractorConfig(windows=4))
    assert result.problem
    assert result.features is None


def test_features_too_large_for_16_bits_are_drawn_in(fake, paths, monkeypatch):
    monkeypatch.setattr(worker, "log_mel", lambda windows: np.full_like(windows, 1e6))
    assert (extract_file(FileJob(paths[0], ""), ExtractorConfig(windows=4)).features == 65504).all()


def failing(error, cause=None):
    def read_windows(path, n):
        raise error from cause

    return read_windows


DENIED, BROKEN = PermissionError(errno.EACCES, "Permission denied"), OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize(
    ("error", "remembered"),
    [
        (failing(UndecodableError("no sync")), True),
        (failing(AudioError("silent")), True),
        (failing(UndecodableError("a playlist"), PermissionError("http://x is not this file")), True),
        (failing(AudioError("cannot be opened"), DENIED), False),
        (failing(AudioError("cannot be opened"), BROKEN), False),
        (failing(UndecodableError("MemoryError"), MemoryError()), False),
        (failing(MemoryError()), False),
    ],
)
def test_only_what_a_decoder_refuses_is_remembered(fake, paths, monkeypatch, error, remembered):
    monkeypatch.setattr(worker, "read_windows", error)
    result = extract_file(FileJob(paths[0], ""), ExtractorConfig(windows=4))
    assert result.problem
    assert result.state == (file_state(paths[0]) if remembered else None)


@pytest.mark.parametrize("found", [0, 3], ids=["a header that cannot be read", "a bad sector in the middle"])
def test_a_disk_that_cannot_be_read_is_no_property_of_the_file(fake, paths, monkeypatch, found):
    def read_windows(path, n):
        if not found:
            raise UndecodableError("no sync")
        return Windows(np.ones((found, 4), np.float32), np.zeros((found, 0), np.float32))

    class Broken(io.BytesIO):
        def read(self, n=-1):
            raise BROKEN

    monkeypatch.setattr(worker, "read_windows", read_windows)
    monkeypatch.setattr(worker.Path, "open", lambda *_, **__: Broken())
    result = extract_file(FileJob(paths[0], ""), ExtractorConfig(windows=4))
    assert (result.state, result.key, result.problem) == (None, "", "cannot be read: Input/output error")


@pytest.mark.parametrize("year", [2300, 2400])
def test_a_file_of_any_date_is_kept_and_known_again(tracks, store, year):
    seconds = (year - 1970) * 31_556_952
    os.utime(tracks.paths[0], (seconds, seconds))
    if int(os.stat(tracks.paths[0]).st_mtime) != seconds:  # noqa: PTH116
        pytest.skip("this file system has no such dates")
    remember(store, tracks.paths[0], "key a")
    got = plan_extraction(replace(tracks, keys=["key a", "", ""]), store, NET, 10)
    assert [file.path for file in got.left] == tracks.paths[1:]
    os.utime(tracks.paths[0], (seconds + 1, seconds + 1))
    assert plan_extraction(replace(tracks, keys=["key a", "", ""]), store, NET, 10).left[0].verify


def test_a_missing_file_is_a_problem_without_a_state(tmp_path):
    result = extract_file(FileJob(bytes(tmp_path / "gone.wav"), ""), ExtractorConfig())
    assert result.state is None
    assert result.problem


def test_a_content_key_is_of_the_waveform_in_16_bits():
    waveform = np.random.default_rng(0).uniform(-1, 1, (2, 100)).astype(np.float32)
    key = content_key(waveform)
    assert len(key) == 32
    assert int(key, 16)
    assert content_key(waveform + np.float32(1e-7)) == key
    assert content_key(waveform * np.float32(0.99)) != key
    assert content_key(waveform[::-1]) != key
    assert content_key(waveform * 100) == content_key(np.clip(waveform * 100, -1, 1))
    assert content_key(waveform[:1], waveform[1:]) == key


def test_a_whole_track_is_kept_as_the_means_of_its_stretches(fake, paths, monkeypatch):
    rng = np.random.default_rng(0)
    blocks = [rng.uniform(0, 0.5, (n, 4)).astype(np.float32) for n in (20, 20, 9)]
    monkeypatch.setattr(worker, "read_whole", lambda path: (Windows(each, each[:, :0]) for each in blocks))
    result = extract_file(FileJob(paths[0], ""), ExtractorConfig(windows=FULL_TRACK))
    assert result.key == content_key(*blocks)
    assert result.features.shape == (20, 3)
    mean = np.concatenate(blocks).mean()
    np.testing.assert_allclose(result.features.mean(axis=0, dtype=float), mean, rtol=1e-3)


@given(n=st.integers(1, 400), most=st.integers(1, 50))
def test_even_means_keep_the_order_and_the_mean(n, most):
    rows = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    means = even_means(rows, most)
    assert means.shape == (min(n, most), 2)
    assert means.dtype == np.float32
    np.testing.assert_allclose(means.mean(axis=0), rows.mean(axis=0), rtol=1e-5)
    assert (np.diff(means, axis=0) > 0).all()


def test_even_means_are_of_equal_stretches():
    assert even_means(np.float32([[0], [1], [2], [3]]), 2).tolist() == [[0.5], [2.5]]
    assert even_means(np.float32([[0], [3], [6]]), 2).tolist() == [[1], [5]]  # the second row is in both by half


@pytest.mark.weights
@pytest.mark.parametrize("nets", ["'musicnn'", "('musicnn', 'musicnn_mtt')"])
def test_a_worker_loads_neither_torch_nor_the_store(nets):
    code = (
        "import sys; from cfaudio_core.backbones.registry import prepare_extractor\n"
        "from cfaudio_core.features import worker\n"
        "nets = eval(sys.argv[1]); prepare_extractor(nets) if len(sys.argv) > 2 else worker._net(nets, None);"
        "print(*{'torch', 'sqlalchemy', 'beets'} & {*sys.modules})"
    )
    subprocess.run([sys.executable, "-c", code, nets, "first"], check=True, capture_output=True)
    done = subprocess.run([sys.executable, "-c", code, nets], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


@pytest.mark.weights
def test_real_files_are_analysed_by_the_real_net_whatever_their_name_and_container(tmp_path):
    rate, t = 16000, np.arange(8 * 16000) / 16000
    low, high = (0.3 * np.sin(2 * np.pi * f * t * (1 + 0.1 * np.sin(t))) for f in (110, 1760))
    for name, waveform in {
        "low.wav": low,
        "copy.wav": low,
        "low.flac": low,
        "high.wav": high,
        "silent.wav": 0 * t,
    }.items():
        soundfile.write(tmp_path / name, np.int16(32767 * waveform), rate)
    (tmp_path / "text.wav").write_text("no audio at all")
    names = ["low.wav", "copy.wav", "low.flac", "high.wav", "silent.wav", "text.wav"]
    files = [FileJob(bytes(tmp_path / name), "") for name in names]
    with FeatureStore(tmp_path / "f.db") as store:
        results = dict(zip(names, extract(files, ExtractorConfig(windows=2), store, NET, jobs=1), strict=True))
        assert len(store.keys(NET, 2)) == 2
    assert results["low.wav"].key == results["copy.wav"].key == results["low.flac"].key != results["high.wav"].key
    assert results["silent.wav"].problem
    assert results["text.wav"].problem
    low, again, high = (results[name].features.astype(float) for name in ("low.wav", "low.flac", "high.wav"))
    assert len(low) == 2
    np.testing.assert_array_equal(low, again)
    assert np.abs(low[0] - low[1]).max() < np.abs(low - high).max()


@pytest.mark.weights
def test_a_list_of_nets_is_put_side_by_side_and_what_no_net_computes_is_added_once(tmp_path):
    tone = np.sin(2 * np.pi * 440 * np.arange(4 * 16000) / 16000)
    soundfile.write(tmp_path / "tone.wav", np.int16(9000 * tone), 16000)
    file = FileJob(bytes(tmp_path / "tone.wav"), "")
    pair = ("musicnn", "musicnn_mtt")
    one, two, both = (extract_file(file, ExtractorConfig(nets, windows=1)) for nets in (*pair, pair))
    assert one.key == two.key == both.key
    rest = 2 * N_MELS + N_WIDTHS
    expected = np.hstack([one.features[:, :-rest], two.features[:, :-rest], one.features[:, -rest:]])
    np.testing.assert_array_equal(both.features, expected)
