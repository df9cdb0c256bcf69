"""The scripts of the page that need no browser, by Node's own test runner."""

import shutil
import subprocess
from pathlib import Path

import pytest

NODE = shutil.which("node")
TESTS = sorted((Path(__file__).parent / "scripts").glob("*.test.js"))


@pytest.mark.skipif(NODE is None, reason="there is no Node")
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_a_script_does_what_its_tests_say(file):
    ran = subprocess.run([NODE, "--test", file], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
