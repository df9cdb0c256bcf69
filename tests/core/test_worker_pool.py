"""A crash or a hang of a decoder costs the file that it was at, named, and no other."""

import multiprocessing
import os
import signal
import subprocess
import sys
from itertools import islice
from multiprocessing import connection

import interrupted_worker
import numpy as np
import pytest
import soundfile
import stand_in_workers
from synthetic import write_files
from waiting import LONG_SECONDS

from cfaudio_core.errors import CfAudioError
from cfaudio_core.features import worker_pool
from cfaudio_core.features.extractor import extract
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import FULL_TRACK, ExtractorConfig, FileJob
from cfaudio_core.features.worker_pool import extract_in_processes

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")


class Waiting:
    """Stands for the clock and the waiting of a pool: seconds pass where a test has them pass, and nowhere else.

    After so many answers, or signs of life, nobody is waited for: every look finds nothing, and takes its second.
    """

    def __init__(self, answers=float("inf")):
        self.answers = answers
        self.now = 0.0

    def monotonic(self):
        return self.now

    def wait(self, pipes, seconds):
        if self.answers > 0:
            self.answers -= 1
            return connection.wait(pipes, LONG_SECONDS)
        self.now += seconds
        return []


@pytest.fixture
def waiting(monkeypatch):
    stand_in = Waiting()
    monkeypatch.setattr(worker_pool, "connection", stand_in)
    monkeypatch.setattr(worker_pool, "time", stand_in)
    return stand_in


@pytest.fixture
def extraction(tmp_path, waiting):
    """Analyse files of given names, one after the other."""

    def run(names, jobs=2, ready=stand_in_workers.make_ready):
        files = [FileJob(path, "") for path in write_files(tmp_path, names)]
        return extract_in_processes(files, ExtractorConfig(), jobs, ready=ready, patience=3)

    return run


@pytest.fixture
def problems_of(extraction):
    """The same; name to problem, "" for what was analysed."""

    def run(names, *args, **how):
        return by_name(extraction(names, *args, **how), names)

    return run


def by_name(results, names):
    results = list(results)
    assert len(results) == len({h.path for h in results}) == len(names), "each once"
    assert all(bool(h.key) != bool(h.problem) for h in results)
    return {os.path.basename(h.path).decode(): h.problem for h in results}  # noqa: PTH119


GOOD = [f"{i}.ogg" for i in range(7)]


@pytest.mark.parametrize("jobs", [1, 2, 3])
@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("SIGSEGV.ogg", "its decoder crashed (SIGSEGV)"),
        ("SIGKILL.ogg", "its decoder crashed (SIGKILL)"),
        ("exit.ogg", "its decoder crashed (exit status 3)"),
    ],
)
def test_a_crash_costs_one_file_and_names_it(problems_of, jobs, bad, problem):
    assert problems_of([*GOOD[:3], bad, *GOOD[3:]], jobs) == {**dict.fromkeys(GOOD, ""), bad: problem}


@pytest.mark.parametrize(
    ("bad", "remembered"), [("SIGSEGV.ogg", True), ("exit.ogg", True), ("SIGKILL.ogg", False), ("SIGTERM.ogg", False)]
)
def test_a_crash_by_the_system_may_pass_and_is_not_remembered(extraction, bad, remembered):
    (result,) = extraction([bad])
    assert bool(result.state) == remembered


def test_files_that_all_crash_are_all_named(problems_of):
    names = [f"SIGABRT.{i}" for i in range(5)]
    assert problems_of(names) == dict.fromkeys(names, "its decoder crashed (SIGABRT)")


def test_a_process_that_was_killed_once_may_have_been_the_wrong_one(problems_of):
    assert problems_of([*GOOD, "once.ogg"])["once.ogg"] == ""


@pytest.mark.parametrize("bad", ["hang.ogg", "SIGSTOP.ogg"])
def test_a_hang_costs_one_file_and_names_it(extraction, waiting, bad):
    results = extraction([*GOOD, bad])
    found = list(islice(results, len(GOOD)))
    waiting.answers = 0
    found.append(next(results))
    assert found[-1].state is None, "a disk may be slow today"
    assert waiting.now == 4, "the first second that is too long"
    expected = {**dict.fromkeys(GOOD, ""), bad: "its decoder hung (nothing came of it for 3 s)"}
    assert by_name([*found, *results], expected) == expected


def test_a_decoder_has_two_minutes_for_a_sign_of_life_and_a_process_two_to_start(tmp_path, waiting):
    files = [FileJob(path, "") for path in write_files(tmp_path, ["hang.ogg"])]
    waiting.answers = 1  # that it has begun
    (result,) = extract_in_processes(files, ExtractorConfig(), 1, ready=stand_in_workers.make_ready)
    assert (result.problem, waiting.now) == ("its decoder hung (nothing came of it for 120 s)", 121)
    with pytest.raises(CfAudioError, match=r"hung .nothing came of it for 120 s. before it began"):
        list(extract_in_processes(files, ExtractorConfig(), 1, ready=stand_in_workers.stuck_at_the_start))
    assert waiting.now == 121 + 3 * 121, "three starts"


def test_what_waits_behind_a_hang_is_analysed_after_it(extraction, waiting):
    waiting.answers = 1  # that it has begun
    results = extraction(["hang.ogg", *GOOD], jobs=1)
    assert "hung" in next(results).problem
    waiting.answers = float("inf")
    assert by_name(results, GOOD) == dict.fromkeys(GOOD, "")


def test_a_long_track_that_gives_signs_of_life_does_not_hang(problems_of, waiting, monkeypatch):
    wait = waiting.wait

    def wait_two_seconds_more(pipes, seconds):
        waiting.now += seconds
        waiting.answers = int(waiting.now) % 3 == 0
        return wait(pipes, 0)

    monkeypatch.setattr(waiting, "wait", wait_two_seconds_more)
    assert problems_of(["long.ogg"]) == {"long.ogg": ""}
    assert waiting.now > 12


@pytest.mark.parametrize("between", [True, False], ids=["between two looks", "while it looks"])
def test_time_in_which_the_user_s_process_stood_still_is_not_held_against_a_decoder(
    extraction, waiting, monkeypatch, between
):
    results = extraction(GOOD)
    next(results)
    if between:
        waiting.now += 1000
    else:
        wait = waiting.wait

        def wait_long(pipes, seconds):
            monkeypatch.setattr(waiting, "wait", wait)
            waiting.now += 1000
            return []

        monkeypatch.setattr(waiting, "wait", wait_long)
    assert all(result.key for result in results)


def test_a_process_lives_on_from_file_to_file(tmp_path):
    files = [FileJob(path, "") for path in write_files(tmp_path, GOOD)]
    results = list(extract_in_processes(files, ExtractorConfig(), 2, ready=stand_in_workers.make_ready))
    assert len({float(h.features[0, 0]) for h in results}) <= 2


def test_what_is_no_problem_of_a_file_is_raised(problems_of):
    with pytest.raises(ZeroDivisionError, match="a bug of ours"):
        problems_of(["bug.ogg", *GOOD])


@pytest.mark.parametrize(
    ("ready", "answers", "message"),
    [
        (stand_in_workers.never_ready, float("inf"), r"crashed \(SIGKILL\) before it began"),
        (stand_in_workers.stuck_at_the_start, 0, r"hung .* before it began"),
    ],
)
def test_workers_that_cannot_begin_are_an_error_and_not_tried_for_ever(problems_of, waiting, ready, answers, message):
    waiting.answers = answers
    with pytest.raises(CfAudioError, match=message):
        problems_of(GOOD, ready=ready)


def test_no_process_is_left_behind(tmp_path):
    files = [FileJob(path, "") for path in write_files(tmp_path, ["0.ogg", "hang.ogg", "1.ogg"])]
    results = extract_in_processes(files, ExtractorConfig(), 2, ready=stand_in_workers.make_ready)
    next(results)
    results.close()
    assert multiprocessing.active_children() == []


def test_a_user_s_process_that_was_interrupted_ends_though_something_still_holds_on_to_the_extraction(tmp_path):
    code = (
        "import sys, os; from cfaudio_core.features.worker_pool import extract_in_processes;"
        "from cfaudio_core.features.jobs import ExtractorConfig, FileJob; import stand_in_workers;"
        "files = [FileJob(os.fsencode(p), '') for p in sys.argv[1:]];"
        "held = [extract_in_processes(files, ExtractorConfig(), 2, ready=stand_in_workers.make_ready)];"
        "held.append(held);"
        "sys.extraction = held; print(next(held[0]).key); raise KeyboardInterrupt"
    )
    paths = [os.fsdecode(p) for p in write_files(tmp_path, ["0.ogg", "1.ogg", "slow.ogg", "slow too.ogg"])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, *paths]
    done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=LONG_SECONDS)
    assert done.stdout.startswith(b"key ")
    assert b"KeyboardInterrupt" in done.stderr


def test_a_worker_ends_when_the_user_s_process_is_killed(tmp_path):
    code = (
        "import sys, os, signal; from cfaudio_core.features.worker_pool import extract_in_processes;"
        "from cfaudio_core.features.jobs import ExtractorConfig, FileJob; import stand_in_workers;"
        "files = [FileJob(os.fsencode(p), '') for p in sys.argv[1:]];"
        "results = extract_in_processes(files, ExtractorConfig(), 1, ready=stand_in_workers.make_ready);"
        "print(*map(int, next(results).features[0]), flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    paths = [os.fsdecode(p) for p in write_files(tmp_path, ["0.ogg", "slow.ogg"])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    # The pipe is shared with the worker: reading to its end is waiting for the worker to go.
    command = [sys.executable, "-c", code, *paths]
    done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=LONG_SECONDS)
    assert done.stdout


def test_a_worker_takes_no_more_memory_than_a_track_can_need(tmp_path):
    if not os.path.exists("/proc/self/statm"):  # noqa: PTH110
        pytest.skip("the limit is Linux's")
    code = (
        "import numpy as np; from cfaudio_core.features import worker\n"
        "worker._net = lambda *_: None\n"
        "analyse = worker.make_ready(worker.ExtractorConfig(), lambda: None)\n"
        "np.empty(1 << 30, np.uint8)\n"
        "worker._extract = lambda *_: np.empty(3 << 30, np.uint8)\n"
        "print(analyse(worker.FileJob(b'/', '')).problem)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "it takes too much memory\n"


@pytest.fixture
def bad_files(tmp_path):
    """A few good files among such as block, lie about their length or have none; name to whether it can be analysed."""
    rate = 16000
    t = np.arange(8 * rate) / rate
    music = 0.3 * np.sin(2 * np.pi * 440 * t * (1 + 0.1 * np.sin(t)))
    for name in ("good.wav", "caf\udce9.wav", "new\nline.wav", "-dash.wav"):
        with open(os.fsencode(tmp_path / name), "wb") as file:  # noqa: PTH123
            soundfile.write(file, music, rate, format="WAV")
    lying = bytearray((tmp_path / "good.wav").read_bytes())
    lying[4:8] = lying[40:44] = b"\xf0\xff\xff\xff"
    (tmp_path / "lying 4 GB.wav").write_bytes(lying)
    flac = tmp_path / "lying 18 days.flac"
    soundfile.write(flac, music, rate)
    lying = bytearray(flac.read_bytes())
    lying[21] |= 0x0F
    lying[22:26] = b"\xff" * 4
    flac.write_bytes(lying)
    soundfile.write(tmp_path / "nan.wav", np.full(rate * 4, np.nan, np.float32), rate, subtype="FLOAT")
    soundfile.write(tmp_path / "constant.wav", np.full(rate * 4, 0.8), rate)
    (tmp_path / "empty.mp3").touch()
    os.mkfifo(tmp_path / "fifo.mp3")
    (tmp_path / "endless.wav").symlink_to("/dev/zero")
    (tmp_path / "loop.ogg").symlink_to("loop.ogg")
    (tmp_path / "folder.mp3").mkdir()
    good = ["good.wav", "caf\udce9.wav", "new\nline.wav", "-dash.wav", "lying 4 GB.wav", "lying 18 days.flac"]
    names = os.listdir(os.fsencode(tmp_path))  # noqa: PTH208
    return {os.path.join(os.fsencode(tmp_path), name): os.fsdecode(name) in good for name in names}  # noqa: PTH118


@pytest.mark.weights
@pytest.mark.parametrize("windows", [3, FULL_TRACK])
def test_hostile_files_are_analysed_or_named_by_the_real_workers(bad_files, tmp_path_factory, windows):
    with FeatureStore(tmp_path_factory.mktemp("store") / "features.db") as store:
        results = list(
            extract([FileJob(path, "") for path in bad_files], ExtractorConfig(windows=windows), store, "net", jobs=2)
        )
        kept = dict(store.read("net", [h.key for h in results if h.key]))
    assert {h.path: bool(h.key) for h in results} == bad_files
    assert all(h.problem for h in results if not h.key)
    for features in kept.values():
        assert np.isfinite(features).all()
        assert np.ptp(features) > 0


def test_a_script_of_the_user_s_is_not_run_again_by_its_workers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys; from cfaudio_core.features.worker_pool import extract_in_processes\n"
        "from cfaudio_core.features.jobs import ExtractorConfig, FileJob; import stand_in_workers\n"
        "print('run'); files = [FileJob(os.fsencode(sys.argv[1]), '')]\n"
        "results = extract_in_processes(files, ExtractorConfig(), 1, ready=stand_in_workers.make_ready)\n"
        "print(*[result.key for result in results])\n"
    )
    (file,) = write_files(tmp_path, ["0.ogg"])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(script), os.fsdecode(file)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.splitlines() == ["run", "key 0.ogg"]


def test_ctrl_c_while_a_process_loads_is_for_the_user_s_process_to_answer(capfd):
    [result] = extract_in_processes([FileJob(b"a", "")], ExtractorConfig(), 1, ready=interrupted_worker.make_ready)
    assert result.key == "analysed"
    assert capfd.readouterr().err == ""
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
