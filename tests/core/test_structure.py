"""The bounds of the code's size and joints, and the rules by which they are measured."""

from __future__ import annotations

from pathlib import Path

import pytest
import structure
from structure import Figure, Module

MAX_SHOWN = 40  # lines of a message


@pytest.mark.parametrize("figure", structure.figures(), ids=lambda figure: figure.name)
def test_a_figure_keeps_its_bound(figure: Figure) -> None:
    assert figure.value <= figure.bound, "\n".join([f"{figure.name}: {figure.value}", *figure.found[:MAX_SHOWN]])


def test_only_lesson_and_heard_may_be_quoted() -> None:
    for line in structure.QUOTED:
        assert {word.lower() for word in structure.FORBIDDEN.findall(line)} <= {"lesson", "heard"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A package with imports of every kind."""
    files = {
        "one/__init__.py": '"""A docstring."""\n',
        "one/top.py": "import numpy\nfrom one import low\nfrom one.deep import leaf\nfrom one.low import name, Other\n",
        "one/low.py": (
            "def lazy():\n    if name:\n        from one.far import f\n\nclass _Private:\n    class Public: ...\n"
        ),
        "one/far.py": (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from one.typed import T\n"
            "else:\n    import one.untyped\n"
        ),
        "one/typed.py": "import one.far\n",
        "one/untyped.py": "",
        "one/deep/__init__.py": '"""A docstring."""\n\nfrom one.beside import there\n',
        "one/deep/leaf.py": "",
        "one/beside.py": "import one.deep as d\n",
        "one/notes.txt": "Heard it\nheard_windows\n",
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


@pytest.fixture
def modules(tree: Path) -> dict[str, Module]:
    return structure.read_modules(tree, ["one"])


def test_imports_inside_functions_count_and_those_for_types_do_not(modules: dict[str, Module]) -> None:
    assert structure.imports(modules["one.top"], modules) == {"numpy", "one.low", "one.deep.leaf"}
    assert structure.imports(modules["one.low"], modules) == {"one.far"}
    assert structure.imports(modules["one.far"], modules) == {"typing", "one.untyped"}
    assert structure.imports(modules["one.far"], modules, typing=True) == {"typing", "one.untyped", "one.typed"}


def test_relative_imports_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from . import b\n")
    with pytest.raises(ValueError, match=r"a\.py:1: a relative import"):
        structure.imports(Module("a", tmp_path / "a.py"), {})


def test_cycles_are_found_however_they_are_closed(modules: dict[str, Module]) -> None:
    assert structure.import_cycles(structure.import_graph(modules)) == [["one.beside", "one.deep"]]
    assert structure.import_cycles(structure.import_graph(modules, typing=True)) == [
        ["one.beside", "one.deep"],
        ["one.far", "one.typed"],
    ]
    assert structure.import_cycles({"itself": {"itself"}, "other": {"itself"}}) == [["itself"]]


def test_a_closure_counts_packages_with_code_and_doors_without_following_them(modules: dict[str, Module]) -> None:
    found = {"one.top", "one.low", "one.far", "one.untyped", "one.deep.leaf", "one.deep"}
    assert structure.import_closure("one.top", modules) == found
    assert structure.import_closure("one.top", modules, doors=["one.beside", "one"]) == {*found, "one.beside"}
    assert structure.import_closure("one.untyped", modules) == {"one.untyped"}


def test_classes_count_at_any_depth_and_lines_with_the_empty_ones(modules: dict[str, Module]) -> None:
    assert modules["one.low"].public_classes == ["Public"]
    assert modules["one.low"].lines == 6


def test_words_count_whole_in_files_of_any_kind(tree: Path) -> None:
    assert structure.forbidden_words(tree, ["one"]) == ["one/notes.txt:1: Heard it"]


def test_a_command_that_is_nowhere_is_an_error() -> None:
    with pytest.raises(LookupError, match=r"cfimport is none of beetsplug\.cfaudio\.commands\.import_"):
        structure.command_module("cfimport", {})
