"""Hearing on several machines: every file once, by whichever worker is there, and the same as here."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import soundfile
from dask_cluster import dask_cluster
from threadpoolctl import threadpool_limits

from cfaudio_core.embedding.heard import file_state
from cfaudio_core.embedding.machines import PATHS, hear_on_machines, path_mapping, seen_there
from cfaudio_core.embedding.worker import Ear, ToHear, hear_file
from cfaudio_core.errors import CfAudioError, SettingError

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
    return [ToHear(os.fsencode(file), "") for file in sorted(music.iterdir())]


def paths(outcomes):
    return sorted(heard.path for heard in outcomes)


@pytest.mark.weights
def test_what_a_killed_worker_was_at_is_heard_by_another_and_nothing_twice(cluster, files):
    with threadpool_limits(1):  # another number of threads adds up in another order
        here = {file.path: hear_file(file, Ear()) for file in files}
    first = cluster.add_worker()
    cluster.add_worker()
    outcomes = []
    for heard in hear_on_machines(files, Ear(), cluster.address, batch=2):
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
    outcomes = {heard.path.rpartition(b"/")[2]: heard for heard in hear_on_machines(files[:4], Ear(), cluster.address)}
    assert outcomes[b"00.flac"].state == file_state(files[0].path)
    assert outcomes[b"03.flac"].features.shape[0] > 0
    # Neither is the file's fault, so neither is remembered.
    assert (outcomes[b"01.flac"].state, outcomes[b"01.flac"].problem) == (None, "a worker does not see it")
    assert (outcomes[b"02.flac"].state, outcomes[b"02.flac"].problem) == (None, "a worker sees another file there")


@pytest.mark.weights
def test_workers_that_do_not_have_the_music_are_named_before_anything_is_heard(cluster, files, tmp_path):
    cluster.add_worker(**{PATHS: f"{tmp_path / 'music'}=/nowhere"})
    with pytest.raises(CfAudioError, match=r"worker tcp://.*: has no /nowhere/00.flac \(does it mount the music\?"):
        next(hear_on_machines(files, Ear(), cluster.address))


def test_a_scheduler_without_workers_or_none_at_all_is_one_line(cluster, files, monkeypatch):
    with pytest.raises(CfAudioError, match="has no workers"):
        next(hear_on_machines(files, Ear(), cluster.address))
    monkeypatch.setattr("cfaudio_core.embedding.machines._PATIENCE", 1)
    with pytest.raises(CfAudioError, match=r"tcp://127\.0\.0\.1:9 cannot be reached"):
        next(hear_on_machines(files, Ear(), "tcp://127.0.0.1:9"))


def test_a_file_that_costs_workers_their_lives_is_named_and_the_others_of_its_task_are_heard(cluster, files, tmp_path):
    killer = tmp_path / "killer"
    killer.mkdir()
    (killer / "sitecustomize.py").write_text(
        "import os\n"
        "from cfaudio_core.embedding import machines\n"
        "hear = machines.hear_file\n"
        "def deadly(file, ear):\n"
        "    if b'03' in file.path: os._exit(11)\n"
        "    return hear(file, ear)\n"
        "machines.hear_file = deadly\n"
    )
    cluster.add_worker(nanny=True, PYTHONPATH=f"{killer}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    outcomes = {heard.path: heard for heard in hear_on_machines(files[:5], Ear(), cluster.address)}
    assert len(outcomes) == 5
    assert outcomes.pop(files[3].path).problem == "several workers were lost when they heard it"
    assert all(heard.key for heard in outcomes.values())


def test_of_several_mapped_folders_the_innermost_counts_and_names_need_not_be_text():
    mapping = path_mapping("/music=/mnt/music/:/music/new=/srv/new")
    assert seen_there(b"/music/a\xff.mp3", mapping) == b"/mnt/music/a\xff.mp3"
    assert seen_there(b"/music/new/a.mp3", mapping) == b"/srv/new/a.mp3"
    assert seen_there(b"/musical/a.mp3", mapping) == b"/musical/a.mp3"
    assert path_mapping("") == {}
    with pytest.raises(SettingError, match="CFAUDIO_PATHS: must be pairs"):
        path_mapping("/music")
