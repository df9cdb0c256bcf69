"""The audit of the dependencies: a hole in a direct one fails, and a database that does not answer never does."""

import importlib.util
import json
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def audit(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("audit", Path(__file__).parents[2] / ".ci" / "audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "HOME", tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip-audit").touch()
    return module


def answer(monkeypatch, audit, **said):
    """Have pip-audit say so of each database; what is not JSON is an error of its."""

    def run(command, **how):
        return subprocess.CompletedProcess(command, 1, said[command[command.index("--vulnerability-service") + 1]], "")

    monkeypatch.setattr(audit.subprocess, "run", run)


def packages(**holes):
    return json.dumps(
        {"dependencies": [{"name": name, "version": "1.0", "vulns": found} for name, found in holes.items()]}
    )


HOLE = {"id": "CVE-1", "fix_versions": ["1.1"]}
UNKNOWN = json.dumps({"dependencies": [{"name": "requests", "skip_reason": "Dependency not found on PyPI"}]})


def test_a_hole_in_a_direct_dependency_fails(audit, monkeypatch, capsys):
    answer(monkeypatch, audit, pypi=packages(requests=[HOLE], numpy=[]))
    assert audit.main() == 1
    said = capsys.readouterr().out
    assert "Audited 2 of 2 packages, 2 of them direct" in said
    assert "requests 1.0 (direct dependency): CVE-1, mended in 1.1" in said


def test_a_hole_in_another_package_is_told_alone(audit, monkeypatch, capsys):
    answer(monkeypatch, audit, pypi=packages(requests=[], urllib3=[HOLE]))
    assert audit.main() == 0
    assert "urllib3 1.0 (not ours to choose): CVE-1" in capsys.readouterr().out


def test_where_one_database_knows_nothing_the_other_is_asked(audit, monkeypatch):
    answer(monkeypatch, audit, pypi=UNKNOWN, osv=packages(requests=[HOLE]))
    assert audit.main() == 1


@pytest.mark.parametrize("said", ["Traceback: no route to host", "", UNKNOWN, "[]", "{}"])
def test_where_no_database_answers_that_is_said_and_nothing_fails(audit, monkeypatch, capsys, said):
    answer(monkeypatch, audit, pypi=said, osv=said)
    assert audit.main() == 0
    assert "Not audited" in capsys.readouterr().out


def test_names_are_compared_as_indexes_do(audit):
    direct = audit.direct_dependencies()
    assert {"torch", "python-mpd2", "psycopg", "opentsne"} <= direct
    assert audit.plain("Python_MPD2") == "python-mpd2"
