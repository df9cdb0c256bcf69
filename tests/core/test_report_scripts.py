"""The scripts of the page that need no browser, by Node's own test runner."""

import subprocess
from pathlib import Path

import pytest
from needs import find, needs

TESTS = sorted((Path(__file__).parent / "scripts").glob("*.test.js"))


@needs("node")
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_a_script_does_what_its_tests_say(file):
    ran = subprocess.run([find("node"), "--test", file], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
