"""Ask pip-audit for known holes of what is installed: one in a direct dependency fails, the rest is told.

    audit.py        with the Python of the environment that is to be audited

pip-audit lives in an environment of its own, `.audit`. Where it cannot be had, or neither of the databases that it
knows answers, that is said, and nothing fails: then the lower bounds of setup.cfg have to do, which leave out releases
with a hole that was known when they were set.
"""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".audit"
PATIENCE = 300  # seconds
DATABASES = ("pypi", "osv")


def direct_dependencies(setup: Path = ROOT / "setup.cfg") -> set[str]:
    """Names of all that setup.cfg asks for, extras too."""
    parser = configparser.ConfigParser()
    parser.read(setup)
    lines = parser["options"]["install_requires"].splitlines()
    lines += [line for extra in parser["options.extras_require"].values() for line in extra.splitlines()]
    return {plain(found[0]) for line in lines if (found := re.match(r"[\w.-]+", line.strip()))}


def plain(name: str) -> str:
    """A name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def judge(dependencies: list[dict[str, Any]], direct: set[str]) -> tuple[int, list[str]]:
    """What to say of pip-audit's answer, and the exit status."""
    audited = [one for one in dependencies if "vulns" in one]
    known = {plain(one["name"]) for one in audited}
    said = [
        f"Audited {len(audited)} of {len(dependencies)} packages, {len(direct & known)} of them direct dependencies."
    ]
    status = 0
    for one in audited:
        for hole in one["vulns"]:
            ours = plain(one["name"]) in direct
            status |= ours
            fixed = ", ".join(hole.get("fix_versions", [])) or "no version"
            kind = "direct dependency" if ours else "not ours to choose"
            said.append(f"{one['name']} {one['version']} ({kind}): {hole['id']}, mended in {fixed}")
    return status, said


def ask(database: str) -> list[dict[str, Any]]:
    """pip-audit's answer for this environment; empty where there is none."""
    command = [HOME / "bin" / "python", "-m", "pip_audit", "--path", sysconfig.get_path("purelib")]
    command += ["--vulnerability-service", database, "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        dependencies = json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, ValueError, LookupError, TypeError):
        return []
    return dependencies if any("vulns" in one for one in dependencies) else []


def main() -> int:
    """Install pip-audit where needed, ask it, and say what it knows."""
    try:
        if not (HOME / "bin" / "pip-audit").exists():
            venv.create(HOME, clear=True, with_pip=True)
            install = [HOME / "bin" / "python", "-m", "pip", "install", "--quiet", "pip-audit>=2.7"]
            subprocess.run(install, capture_output=True, timeout=PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"Not audited: pip-audit cannot be installed ({type(error).__name__}).")
        return 0
    answer = next(filter(None, map(ask, DATABASES)), None)
    if answer is None:
        print(f"Not audited: neither of the databases {' and '.join(DATABASES)} could be asked.")
        return 0
    status, said = judge(answer, direct_dependencies())
    print("\n".join(said))
    return status


if __name__ == "__main__":
    sys.exit(main())
