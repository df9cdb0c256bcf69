"""The archives of a release hold all that git knows of the packages, and no tests."""

import io
import runpy
import tarfile
import zipfile
from pathlib import Path

import pytest

PACKAGE = runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "package.py"))
EXPECTED = {"cfaudio_core/__init__.py", "cfaudio_core/report/assets/page.js"}
ABOUT = {".whl": "x-1.dist-info/METADATA", ".gz": "x.egg-info/PKG-INFO"}


def archive(folder: Path, suffix: str, names: set[str]) -> Path:
    names = {*names, ABOUT[suffix]}
    if suffix == ".whl":
        path = folder / "x-1-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for name in names:
                wheel.writestr(name, "")
        return path
    path = folder / "x-1.tar.gz"
    with tarfile.open(path, "w:gz") as source:
        for name in {*names, "README.md"}:
            source.addfile(tarfile.TarInfo(f"x-1/{name}"), io.BytesIO())
    return path


@pytest.mark.parametrize("suffix", [".whl", ".gz"])
def test_what_is_missing_and_what_is_too_much_is_named(tmp_path: Path, suffix: str) -> None:
    def found(names: set[str]) -> list[str]:
        return [line.partition(" ")[2] for line in PACKAGE["problems"](archive(tmp_path, suffix, names), EXPECTED)]

    assert found(EXPECTED) == []
    assert found({"cfaudio_core/__init__.py"}) == ["lacks cfaudio_core/report/assets/page.js"]
    assert found({*EXPECTED, "tests/core/test_x.py"}) == ["has tests/core/test_x.py, which is no part of it"]
