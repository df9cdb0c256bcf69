"""A real Dask cluster on loopback: a scheduler, and workers in processes of their own with one thread each."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from waiting import LONG_SECONDS, wait_until


class Cluster:
    """Processes of a scheduler and its workers, killed when it is left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "DASK_DISTRIBUTED__DASHBOARD__LINK": "",
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": f"{LONG_SECONDS}s",
            "PYTHONWARNINGS": "ignore",
        }
        self.workers: list[subprocess.Popen[bytes]] = []
        self._log = folder / "scheduler.txt"
        self._scheduler = self._start(self._log, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.address = self._wait_for(self._log, r"Scheduler at:\s+(tcp://\S+)")

    def add_worker(self, nanny: bool = False, **environment: str) -> subprocess.Popen[bytes]:
        """One worker more, when it has registered."""
        log = self._folder / f"worker{len(self.workers)}.txt"
        options = ["--nthreads", "1", "--no-dashboard", "--nanny" if nanny else "--no-nanny"]
        options += ["--local-directory", str(self._folder)]
        self.workers.append(self._start(log, "worker", self.address, *options, **environment))
        self._wait_for(log, r"Registered to:\s+(tcp://\S+)")
        return self.workers[-1]

    def close(self) -> None:
        for process in (*self.workers, self._scheduler):
            process.send_signal(signal.SIGKILL)
            process.wait()

    def _start(self, log: Path, *args: str, **environment: str) -> subprocess.Popen[bytes]:
        with log.open("wb") as out:
            command = [sys.executable, "-m", "distributed.cli.dask_" + args[0], *args[1:]]
            return subprocess.Popen(command, env={**self._environment, **environment}, stdout=out, stderr=out)

    @staticmethod
    def _wait_for(log: Path, pattern: str) -> str:
        def text() -> str:
            return log.read_text(errors="replace")

        return wait_until(lambda: re.findall(pattern, text()), text)[0]


@contextmanager
def dask_cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster without workers."""
    cluster = Cluster(folder)
    try:
        yield cluster
    finally:
        cluster.close()
