"""Change the code in small ways, one at a time, and count the changes that the tests notice.

The changes are those of Cosmic Ray: another operator, comparison, number or constant, a loop that does not run, an
exception that is not caught. A sample of them is drawn by a seed, without those that change nothing: signatures and
documentation, and for truth values `&` as a product and `|` as a sum. Each is tried in a copy of the checkout, by the
tests that import the changed module.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from cosmic_ray.commands.init import _all_work_items
from cosmic_ray.mutating import mutate_and_test, mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_item import MutationSpec, TestOutcome

MODULES = (
    "cfaudio_core/ranking/*.py",
    "cfaudio_core/targets/*.py",
    "cfaudio_core/clients/*.py",
    "cfaudio_core/data/plays.py",
    "cfaudio_core/history/count_growth.py",
    "cfaudio_core/history/credits.py",
    "cfaudio_core/history/matching.py",
    "cfaudio_core/history/merge.py",
    "cfaudio_core/history/normalize.py",
    "cfaudio_core/pipeline/scoring.py",
    "cfaudio_core/training/drift.py",
)
"""Ranking, targets and clients, counting, matching, folding in, and what makes a new fit due."""

BY_COMMANDS = {
    "clients": ["core/formats/test_subsonic.py", "core/test_target_accounts.py", "core/test_target_subsonic.py"],
    "data": ["core/test_plays.py", "core/test_count_once.py", "core/test_history_counts.py"],
    "history": ["core/test_credits.py", "core/test_identity.py", "core/test_store.py", "plugin/test_history.py"],
    "ranking": ["plugin/test_cfrecommend.py", "plugin/test_choosing.py"],
    "pipeline": ["core/test_fold_in.py", "core/test_scoring.py"],
    "targets": ["core/test_target_accounts.py", "core/test_target_subsonic.py", "plugin/test_mpd.py"],
}
"""Tests of a folder's modules that do not import them by name."""

_SAME_FOR_TRUTH_VALUES = {"core/ReplaceBinaryOperator_BitAnd_Mul", "core/ReplaceBinaryOperator_BitOr_Add"}
_PATIENCE_S = 120  # with one test, as a change may make an endless loop
_PYTEST = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=fails-at-once"]
_PYTEST += ["-o", f"faulthandler_timeout={_PATIENCE_S}", "-o", "faulthandler_exit_on_timeout=true"]


def main() -> None:
    """Try the sample, and print the changes that no test noticed, and a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--modules", nargs="*", default=MODULES, help="patterns of paths")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _copy_checkout(Path(folder))
        os.chdir(folder)
        os.environ["PYTHONPATH"] = folder
        caught, tried = _try_all(_sample(options.modules, options.sample, options.seed))
    print(f"\n{'':24}caught   of")
    for area in [*sorted(tried), "all"]:
        both = [sum(count.values()) if area == "all" else count[area] for count in (caught, tried)]
        print(f"{area:24}{both[0]:6}{both[1]:5}")


def _copy_checkout(folder: Path) -> None:
    """Copy what git knows of, or would add: a run that is ended may leave a change behind."""
    listed = subprocess.run(
        ["git", "ls-files", "-zco", "--exclude-standard"], check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, folder / name)


def _sample(patterns: Iterable[str], size: int, seed: int) -> list[MutationSpec]:
    paths = sorted({path for pattern in patterns for path in Path().glob(pattern) if path.name != "__init__.py"})
    items = [item.mutations[0] for item in _all_work_items(paths, {})]
    random.Random(seed).shuffle(items)
    chosen: list[MutationSpec] = []
    places = set()  # a sum has a dozen changes, and a name none
    for mutation in items:
        place = mutation.module_path, mutation.start_pos
        if len(chosen) < size and place not in places and _changes_code(mutation):
            chosen.append(mutation)
            places.add(place)
    return chosen


def _changes_code(mutation: MutationSpec) -> bool:
    """Whether something runs otherwise, as annotations, documentation and products of truth values do not."""
    if mutation.operator_name in _SAME_FOR_TRUTH_VALUES:
        return False
    before = mutation.module_path.read_text()
    operator = get_operator(mutation.operator_name)(**mutation.operator_args)
    after = mutate_code(before, operator, mutation.occurrence)
    try:
        return after is not None and _without_types(before) != _without_types(after)
    except SyntaxError:
        return False


def _without_types(code: str) -> str:
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arguments):  # the "*" among them is no multiplication
            node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
            node.posonlyargs, node.kwonlyargs = [], []
    return ast.dump(tree)


def _try_all(mutations: list[MutationSpec]) -> tuple[Counter[str], Counter[str]]:
    """Try each change, and count by folder those that were caught, and all."""
    caught, tried = Counter[str](), Counter[str]()
    tests = {path: _tests_of(path) for path in {mutation.module_path for mutation in mutations}}
    took_s = {test: _seconds(test) for test in sorted(set(chain.from_iterable(tests.values())))}
    for number, mutation in enumerate(mutations, 1):
        path = mutation.module_path
        quickest_first = sorted(tests[path], key=took_s.__getitem__)
        patience_s = _PATIENCE_S + 10 * sum(map(took_s.__getitem__, quickest_first))
        result = mutate_and_test([mutation], " ".join([*_PYTEST, *quickest_first]), patience_s)
        tried[path.parent.name] += 1
        caught[path.parent.name] += result.is_killed
        name, line = mutation.operator_name.removeprefix("core/"), mutation.start_pos[0]
        last = (result.output or "").strip().rpartition("\n")[2]  # without a failure in it, time was over
        print(f"{number}: {path}:{line} {name}: {'caught' if result.is_killed else 'SURVIVED'} ({last})", flush=True)
        if result.test_outcome is TestOutcome.SURVIVED:
            print("\n".join((result.diff or "").splitlines()[3:]), flush=True)
    return caught, tried


def _seconds(test: str) -> float:
    """Time that a file of tests takes; one that fails without a change would catch them all."""
    begun = time.monotonic()
    subprocess.run([*_PYTEST, test], check=True)
    return time.monotonic() - begun


def _tests_of(path: Path) -> list[str]:
    dotted = ".".join(path.with_suffix("").parts)
    package, name = dotted.rsplit(".", 1)
    own = [f"tests/{test}" for test in BY_COMMANDS.get(path.parent.name, [])]
    for test in sorted(Path("tests").rglob("test_*.py")):
        text = test.read_text()
        if f"from {dotted} import" in text or f"import {dotted}" in text or f"from {package} import {name}" in text:
            own.append(str(test))
    return list(dict.fromkeys(own))


if __name__ == "__main__":
    main()
