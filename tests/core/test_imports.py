"""Who may import whom: no beets in the core, no torch where it is not needed, and stages in one direction."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cfaudio_core

ROOT = Path(cfaudio_core.__file__).parent
BASE = {"tracks", "errors", "files", "garbage", "progress", "services", "shelf", "threads", "turns", "values"}
STAGES = ["listening", "factors", "audio", "nets", "learning", "embedding", "recommending", "judging", "report"]
EXEMPT = {"demo", "cli"}

FILES = sorted(ROOT.rglob("*.py"))
MODULES = [
    ".".join(["cfaudio_core", *file.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")
    for file in FILES
]
LIGHT = [m for m in MODULES if m.split(".")[1:2] in (["recommending"], ["judging"], ["report"])] + [
    "cfaudio_core.pipeline.run",
    "cfaudio_core.pipeline.scoring",
    "cfaudio_core.features.extractor",
    "cfaudio_core.training.fit",
]


def loaded_after_importing(modules):
    """The top-level packages that a fresh interpreter has after importing some modules."""
    script = "\n".join(
        [f"import {m}" for m in modules] + ["import sys", "print(*{m.split('.')[0] for m in sys.modules})"]
    )
    return set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )


def imported(tree):
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module
            yield node.module
            if node.module == "cfaudio_core":
                yield from (f"cfaudio_core.{alias.name}" for alias in node.names if alias.name != "__version__")


def test_no_module_of_the_core_loads_beets():
    loaded = loaded_after_importing(MODULES)
    assert {"cfaudio_core", "torch"} <= loaded
    assert not loaded & {"beets", "beetsplug"}


def test_choosing_and_planning_load_neither_torch_nor_librosa():
    loaded = loaded_after_importing(LIGHT)
    assert {"cfaudio_core", "numpy"} <= loaded
    assert not loaded & {"torch", "librosa", "numba"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_stage_imports_only_itself_the_stages_before_it_and_the_base(file):
    own = file.relative_to(ROOT).with_suffix("").parts[0]
    if own in EXEMPT:
        return
    if own in STAGES:
        allowed = {*STAGES[: STAGES.index(own) + 1], *BASE}
    else:
        assert own in BASE | {"__init__"}, f"{own} is neither a stage nor a base module"
        allowed = BASE if own in BASE else set()
    found = set()
    for module in imported(ast.parse(file.read_text(encoding="utf-8"))):
        top, _, rest = module.partition(".")
        assert top not in {"beets", "beetsplug"}
        if top == "cfaudio_core" and rest:
            found.add(rest.split(".")[0])
    assert found <= allowed
