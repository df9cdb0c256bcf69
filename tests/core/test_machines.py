"""Hearing on several machines: every file once, by whichever worker is there, and the same as here."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import soundfile
from dask_cluster import dask_cluster
from threadpoolctl import threadpool_limits

from cfaudio_core.errors import CfAudioError, SettingError
from cfaudio_core.features.dask_cluster import PATHS, extract_on_cluster, path_mapping, seen_there
from cfaudio_core.features.results import file_state
from cfaudio_core.features.worker import ExtractorConfig, FileJob, extract_file

pytest.importorskip("distributed")
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
    """24 files that differ in sound, and one that is none."""
    music = tmp_path / "music"
    music.mkdir()
    random = np.random.default_rng(0)
    for i in range(24):
        soundfile.write(music / f"{i:02d}.flac", 0.1 * random.standard_normal(16000 * 20), 16000)
    (music / "none.flac").write_bytes(b"nothing that sounds")
    return [FileJob(os.fsencode(file), "") for file in sorted(music.iterdir())]


def paths(outcomes):
    return sorted(heard.path for heard in outcomes)


@pytest.mark.weights
def test_what_a_killed_worker_was_at_is_heard_by_another_and_nothing_twice(cluster, files):
    with threadpool_limits(1):  # another number of threads adds up in another order
        here = {file.path: extract_file(file, ExtractorConfig()) for file in files}
    first = cluster.add_worker()
    cluster.add_worker()
    outcomes = []
    for heard in extract_on_cluster(files, ExtractorConfig(), cluster.address, batch=2):
        outcomes.append(heard)
        if len(outcomes) == 5:
            first.kill()
    assert paths(outcomes) == sorted(here)
    for heard in outcomes:
        ours = here[heard.path]
        assert (heard.key, heard.state, heard.problem) == (ours.key, ours.state, ours.problem)
        assert np.allclose(heard.features, ours.features, atol=1e-5) if heard.key else heard.features is None


@pytest.mark.weights
def test_a_worker_sees_the_music_where_its_environment_says(cluster, files, tmp_path):
    shutil.copytree(tmp_path / "music", tmp_path / "mounted" / "there")
    mapping = f"{tmp_path / 'music'}={tmp_path / 'mounted' / 'there'}"
    cluster.add_worker(**{PATHS: mapping})
    (tmp_path / "mounted" / "there" / "01.flac").unlink()
    (tmp_path / "mounted" / "there" / "02.flac").write_bytes(b"another file")
    outcomes = {
        heard.path.rpartition(b"/")[2]: heard
        for heard in extract_on_cluster(files[:4], ExtractorConfig(), cluster.address)
    }
    assert outcomes[b"00.flac"].state == file_state(files[0].path)
    assert outcomes[b"03.flac"].features.shape[0] > 0
    # Neither is the file's fault, so neither is remembered.
    assert (outcomes[b"01.flac"].state, outcomes[b"01.flac"].problem) == (None, "a worker does not see it")
    assert (outcomes[b"02.flac"].state, outcomes[b"02.flac"].problem) == (None, "a worker sees another file there")


@pytest.mark.weights
def test_workers_that_do_not_have_the_music_are_named_before_anything_is_heard(cluster, files, tmp_path):
    cluster.add_worker(**{PATHS: f"{tmp_path / 'music'}=/nowhere"})
    with pytest.raises(CfAudioError, match=r"worker tcp://.*: has no /nowhere/00.flac \(does it mount the music\?"):
        next(extract_on_cluster(files, ExtractorConfig(), cluster.address))


def test_a_scheduler_without_workers_or_none_at_all_is_one_line(cluster, files, monkeypatch):
    with pytest.raises(CfAudioError, match="has no workers"):
        next(extract_on_cluster(files, ExtractorConfig(), cluster.address))
    monkeypatch.setattr("cfaudio_core.features.dask_cluster._FOR_AN_ANSWER", 1)
    with pytest.raises(CfAudioError, match=r"tcp://127\.0\.0\.1:9 cannot be reached"):
        next(extract_on_cluster(files, ExtractorConfig(), "tcp://127.0.0.1:9"))


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
        "from cfaudio_core.features import worker_pool as crew, worker\n"
        f"hangs = pathlib.Path({str(tmp_path / 'hangs')!r})\n"
        "hear = worker.extract_file\n"
        "def deadly(file, *how):\n"
        "    if b'01.flac' in file.path: hangs.touch(); time.sleep(1000)\n"
        "    hangs.unlink(missing_ok=True)\n"
        "    if b'03.flac' in file.path: os._exit(11)\n"
        "    return hear(file, *how)\n"
        "worker.extract_file = deadly\n"
        "class Clock:  # its time passes while a decoder hangs, not while the machine is busy\n"
        "    now = 0.0\n"
        "    def monotonic(self): return self.now\n"
        "    def wait(self, pipes, seconds):\n"
        "        found = connection.wait(pipes, seconds)\n"
        "        self.now += seconds * (not found and hangs.exists())\n"
        "        return found\n"
        "crew.connection = crew.time = Clock()\n"
        "crew.extract_in_processes.__kwdefaults__['patience'] = 3\n"
    )
    path = f"{deadly}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    process = cluster.add_worker(nanny=nanny, PYTHONPATH=path)
    outcomes = {heard.path: heard for heard in extract_on_cluster(files[:6], ExtractorConfig(), cluster.address)}
    assert len(outcomes) == 6
    assert outcomes.pop(files[1].path).problem == "its decoder hung (nothing came of it for 3 s)"
    assert outcomes.pop(files[3].path).problem == "its decoder crashed (exit status 11)"
    assert all(heard.key and heard.state == file_state(path) for path, heard in outcomes.items())
    assert process.poll() is None


@pytest.mark.weights
def test_files_whose_task_costs_several_workers_are_named_and_not_remembered(cluster, files, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "from cfaudio_core.features import dask_cluster as machines\n"
        "machines.extract_remotely.__code__ = (lambda files, ear: os._exit(11)).__code__\n"
    )
    cluster.add_worker(nanny=True, PYTHONPATH=f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    outcomes = list(extract_on_cluster(files[:3], ExtractorConfig(), cluster.address))
    assert paths(outcomes) == paths(files[:3])
    assert {(h.state, h.problem) for h in outcomes} == {(None, "several workers were lost when they were to hear it")}


def test_of_several_mapped_folders_the_innermost_counts_and_names_need_not_be_text():
    mapping = path_mapping("/music=/mnt/music/:/music/new=/srv/new")
    assert seen_there(b"/music/a\xff.mp3", mapping) == b"/mnt/music/a\xff.mp3"
    assert seen_there(b"/music/new/a.mp3", mapping) == b"/srv/new/a.mp3"
    assert seen_there(b"/musical/a.mp3", mapping) == b"/musical/a.mp3"
    assert path_mapping("") == {}
    with pytest.raises(SettingError, match="CFAUDIO_PATHS: must be pairs"):
        path_mapping("/music")
