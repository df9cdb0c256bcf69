"""Extraction on a cluster: every file once, by whichever worker is there, and the same as here."""

from __future__ import annotations

import os
import shutil
import signal

import numpy as np
import pytest
import soundfile
from dask_cluster import dask_cluster
from threadpoolctl import threadpool_limits

from cfaudio_core.errors import CfAudioError, SettingError
from cfaudio_core.features.dask_cluster import PATHS, extract_on_cluster, mapped_path, path_mapping
from cfaudio_core.features.jobs import ExtractorConfig, FileJob, file_state
from cfaudio_core.features.worker import extract_file

pytest.importorskip("distributed")

CONFIG = ExtractorConfig(windows=2)
# Dask's own client leaves what Python warns of, when a scheduler or worker is killed under it.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def cluster(tmp_path):
    folder = tmp_path / "dask"
    folder.mkdir()
    with dask_cluster(folder) as cluster:
        yield cluster


@pytest.fixture
def files(tmp_path):
    """24 files that differ, and one that is no audio."""
    music = tmp_path / "music"
    music.mkdir()
    random = np.random.default_rng(0)
    for i in range(24):
        soundfile.write(music / f"{i:02d}.flac", 0.1 * random.standard_normal(16000 * 20), 16000)
    (music / "none.flac").write_bytes(b"no audio")
    return [FileJob(os.fsencode(file), "") for file in sorted(music.iterdir())]


def paths(results):
    return sorted(result.path for result in results)


@pytest.mark.weights
def test_what_a_killed_worker_was_at_is_analysed_by_another_and_nothing_twice(cluster, files):
    with threadpool_limits(1):  # another number of threads adds up in another order
        here = {file.path: extract_file(file, CONFIG) for file in files}
    first = cluster.add_worker()
    cluster.add_worker()
    results = []
    for result in extract_on_cluster(files, CONFIG, cluster.address, batch=4):
        results.append(result)
        if len(results) == 5:
            first.kill()
    assert paths(results) == sorted(here)
    for result in results:
        ours = here[result.path]
        assert (result.key, result.state, result.problem) == (ours.key, ours.state, ours.problem)
        assert np.allclose(result.features, ours.features, atol=1e-5) if result.key else result.features is None


@pytest.mark.weights
def test_a_worker_sees_the_music_where_its_environment_says(cluster, files, tmp_path):
    shutil.copytree(tmp_path / "music", tmp_path / "mounted" / "there")
    mapping = f"{tmp_path / 'music'}={tmp_path / 'mounted' / 'there'}"
    cluster.add_worker(**{PATHS: mapping})
    (tmp_path / "mounted" / "there" / "01.flac").unlink()
    (tmp_path / "mounted" / "there" / "02.flac").write_bytes(b"another file")
    results = {
        result.path.rpartition(b"/")[2]: result for result in extract_on_cluster(files[:4], CONFIG, cluster.address)
    }
    assert results[b"00.flac"].state == file_state(files[0].path)
    assert results[b"03.flac"].features.shape[0] > 0
    # Neither is the file's fault, so neither is remembered.
    assert (results[b"01.flac"].state, results[b"01.flac"].problem) == (None, "a worker does not see it")
    assert (results[b"02.flac"].state, results[b"02.flac"].problem) == (None, "a worker sees another file there")


@pytest.mark.weights
def test_workers_that_do_not_have_the_music_are_named_before_anything_is_analysed(cluster, files, tmp_path):
    cluster.add_worker(**{PATHS: f"{tmp_path / 'music'}=/nowhere"})
    with pytest.raises(CfAudioError, match=r"worker tcp://.*: has no /nowhere/00.flac \(does it mount the music\?"):
        next(extract_on_cluster(files, CONFIG, cluster.address))


def test_a_scheduler_without_workers_or_none_at_all_is_one_line(cluster, files, monkeypatch):
    with pytest.raises(CfAudioError, match="has no workers"):
        next(extract_on_cluster(files, CONFIG, cluster.address))
    monkeypatch.setattr("cfaudio_core.features.dask_cluster._CONNECT_S", 1)
    with pytest.raises(CfAudioError, match=r"tcp://127\.0\.0\.1:9 cannot be reached"):
        next(extract_on_cluster(files, CONFIG, "tcp://127.0.0.1:9"))


@pytest.mark.weights
@pytest.mark.parametrize("nanny", [True, False])
def test_a_crash_and_a_hang_of_a_decoder_cost_their_file_and_neither_the_worker_nor_other_files(
    cluster, files, tmp_path, nanny
):
    deadly = tmp_path / "deadly"
    deadly.mkdir()
    (deadly / "sitecustomize.py").write_text(
        "import os, pathlib, time\n"
        "from multiprocessing import connection\n"
        "from cfaudio_core.features import worker_pool as pool, worker\n"
        f"hangs = pathlib.Path({str(tmp_path / 'hangs')!r})\n"
        "extract = worker.extract_file\n"
        "def deadly(file, *how):\n"
        "    if b'01.flac' in file.path: hangs.touch(); time.sleep(1000)\n"
        "    hangs.unlink(missing_ok=True)\n"
        "    if b'03.flac' in file.path: os._exit(11)\n"
        "    return extract(file, *how)\n"
        "worker.extract_file = deadly\n"
        "class Clock:  # its time passes while a decoder hangs, not while the machine is busy\n"
        "    now = 0.0\n"
        "    def monotonic(self): return self.now\n"
        "    def wait(self, pipes, seconds):\n"
        "        found = connection.wait(pipes, seconds)\n"
        "        self.now += seconds * (not found and hangs.exists())\n"
        "        return found\n"
        "pool.connection = pool.time = Clock()\n"
        "pool.extract_in_processes.__kwdefaults__['patience'] = 3\n"
    )
    path = f"{deadly}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    process = cluster.add_worker(nanny=nanny, PYTHONPATH=path)
    results = {result.path: result for result in extract_on_cluster(files[:6], CONFIG, cluster.address)}
    assert len(results) == 6
    assert results.pop(files[1].path).problem == "its decoder hung (nothing came of it for 3 s)"
    assert results.pop(files[3].path).problem == "its decoder crashed (exit status 11)"
    assert all(result.key and result.state == file_state(path) for path, result in results.items())
    assert process.poll() is None


@pytest.mark.weights
def test_files_whose_task_costs_several_workers_are_named_and_not_remembered(cluster, files, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "from cfaudio_core.features import dask_cluster as cluster\n"
        "cluster.extract_remotely.__code__ = (lambda files, config: os._exit(11)).__code__\n"
    )
    cluster.add_worker(nanny=True, PYTHONPATH=f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    results = list(extract_on_cluster(files[:3], CONFIG, cluster.address))
    assert paths(results) == paths(files[:3])
    assert {(h.state, h.problem) for h in results} == {(None, "several workers were lost when they were to analyse it")}


def test_of_several_mapped_folders_the_innermost_counts_and_names_need_not_be_text():
    mapping = path_mapping("/music=/mnt/music/:/music/new=/srv/new")
    assert mapped_path(b"/music/a\xff.mp3", mapping) == b"/mnt/music/a\xff.mp3"
    assert mapped_path(b"/music/new/a.mp3", mapping) == b"/srv/new/a.mp3"
    assert mapped_path(b"/musical/a.mp3", mapping) == b"/musical/a.mp3"
    assert path_mapping("") == {}
    with pytest.raises(SettingError, match="CFAUDIO_PATHS: must be pairs"):
        path_mapping("/music")


def test_a_worker_that_hangs_is_named_and_not_waited_for_for_ever(cluster, files, monkeypatch):
    worker = cluster.add_worker()
    monkeypatch.setattr("cfaudio_core.features.dask_cluster._check", lambda *_: None)
    worker.send_signal(signal.SIGSTOP)
    with pytest.raises(CfAudioError, match=r"Dask workers hang \(nothing came of them for 2 s\): tcp://127\.0\.0\.1:"):
        list(extract_on_cluster(files[:2], CONFIG, cluster.address, batch=1, patience=2.0))


def test_workers_that_do_not_answer_are_not_waited_for_for_ever(cluster, files, monkeypatch):
    worker = cluster.add_worker()
    monkeypatch.setattr("cfaudio_core.features.dask_cluster._MAX_CHECK_S", 1.0)
    worker.send_signal(signal.SIGSTOP)
    with pytest.raises(CfAudioError, match="do not answer"):
        list(extract_on_cluster(files[:2], CONFIG, cluster.address))
