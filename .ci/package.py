"""Build the source archive and the wheel of what git knows, and hold them to it and to what a package index asks for.

package.py        with the Python of an environment that has the extra `dev`; they are in build/dist
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
DIST = ROOT / "build" / "dist"
PACKAGES = ("beetsplug", "cfaudio_core")


def tracked() -> list[str]:
    """Names of all files that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def packed(archive: Path) -> set[str]:
    """Names of the files in an archive, without what is about the package."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            names = wheel.namelist()
    else:
        with tarfile.open(archive) as source:
            names = [one.name.partition("/")[2] for one in source if one.isfile()]
    return {name for name in names if not PurePosixPath(name).parts[0].endswith((".dist-info", ".egg-info"))}


def problems(archive: Path, expected: set[str]) -> list[str]:
    """Name what an archive lacks, and what of tests or docs it has too."""
    names = packed(archive)
    found = [f"{archive.name} lacks {name}" for name in sorted(expected - names)]
    others = {name for name in names - expected if "/" in name}
    return found + [f"{archive.name} has {name}, which is no part of it" for name in sorted(others)]


def main() -> int:
    """Build, look into both, and ask twine."""
    shutil.rmtree(DIST, ignore_errors=True)
    names = tracked()
    with tempfile.TemporaryDirectory() as checkout:
        for name in names:
            copy = Path(checkout, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy)
        built = subprocess.run(
            [sys.executable, "-m", "build", "--outdir", DIST, checkout], capture_output=True, text=True, check=False
        )
    if built.returncode:
        print(built.stdout[-2000:], built.stderr[-2000:], sep="\n")
        return 1
    archives = sorted(DIST.iterdir())
    expected = {name for name in names if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    found = [problem for archive in archives for problem in problems(archive, expected)]
    print(
        "\n".join(found) or f"Built {' and '.join(archive.name for archive in archives)}, {len(expected)} files each."
    )
    asked = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *archives], check=False)
    return int(bool(found)) or asked.returncode


if __name__ == "__main__":
    sys.exit(main())
