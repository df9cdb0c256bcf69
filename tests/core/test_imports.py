"""Who may import whom: no beets in the core, no torch where it is not needed, and stages in one direction."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

import pytest
import structure
from structure import Module

CORE = "cfaudio_core"
STAGES = (
    "util",
    "clients",
    "data",
    "history",
    "audio",
    "backbones",
    "features",
    "factorization",
    "finetuning",
    "models",
    "training",
    "pipeline",
    "ranking",
    "targets",
    "evaluation",
    "report",
    "demo",
    "doctor",
)
EVERYBODYS = "errors"  # may be imported by every stage, and imports none
DOOR = "cli"  # may import every stage, and is imported by none
NETS = ("backbones", "finetuning")  # where modules may import torch at their top

MODULES = structure.read_modules()
IN_CORE = [name for name in MODULES if name.split(".")[0] == CORE]
IN_PLUGIN = [name for name in MODULES if name.split(".")[0] != CORE]


def stage(name: str) -> str:
    """The first part of a module's name below the core's; "" for the core's package itself."""
    return f"{name}.".split(".")[1]


def allowed(name: str) -> set[str]:
    """The stages that a module of the core may import."""
    own = stage(name)
    if own in ("", EVERYBODYS):
        return {""}
    if own == DOOR:
        return {"", EVERYBODYS, DOOR, *STAGES}
    assert own in STAGES, f"{name} is in none of the stages"
    return {"", EVERYBODYS, *STAGES[: STAGES.index(own) + 1]}


def loaded_after_importing(names: Iterable[str]) -> set[str]:
    """The top-level packages that a fresh interpreter has after importing some modules."""
    script = "\n".join(
        [*(f"import {name}" for name in names), "import sys", "print(*{m.split('.')[0] for m in sys.modules})"]
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def compiles(module: Module) -> bool:
    """Whether a module imports numba: it is loaded where its loops run, and nowhere else."""
    return "numba" in structure.imports(module, MODULES)


@pytest.mark.parametrize("name", IN_CORE)
def test_a_stage_imports_only_itself_and_the_stages_before_it(name: str) -> None:
    imported = structure.imports(MODULES[name], MODULES, typing=True)
    assert not {other for other in imported if other.split(".")[0] in ("beets", "beetsplug")}
    assert {stage(other) for other in imported if other.split(".")[0] == CORE} <= allowed(name)


def test_every_stage_is_there() -> None:
    assert {stage(name) for name in IN_CORE} == {"", EVERYBODYS, DOOR, *STAGES}


@pytest.mark.parametrize("name", IN_PLUGIN)
def test_the_plugin_does_not_import_the_core_s_command(name: str) -> None:
    assert f"{CORE}.{DOOR}" not in structure.imports(MODULES[name], MODULES, typing=True)


@pytest.mark.slow
def test_no_module_of_the_core_loads_beets() -> None:
    loaded = loaded_after_importing(IN_CORE)
    assert {CORE, "torch"} <= loaded
    assert not loaded & {"beets", "beetsplug"}


@pytest.mark.slow
@pytest.mark.parametrize("names", [IN_CORE, IN_PLUGIN], ids=["core", "plugin"])
def test_choosing_and_planning_load_neither_torch_nor_librosa(names: list[str]) -> None:
    light = [name for name in names if stage(name) not in NETS and not compiles(MODULES[name])]
    loaded = loaded_after_importing(light)
    assert {CORE, "numpy"} <= loaded
    assert not loaded & {"torch", "librosa", "numba"}
