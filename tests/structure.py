"""Size and joints of the code: lines, classes, folders, import cycles and closures, against their bounds.

`python tests/structure.py` prints the figures; `core/test_structure.py` holds them. Everything is read from the syntax
tree, so that an import inside a function counts like one at the top of its module. How imports are counted:

- An import under `if TYPE_CHECKING:` is none, unless it is asked for.
- `import a.b.c` reaches the module a.b.c; `from a.b import c` reaches a.b.c where that is a module, and a.b otherwise.
  The packages that contain a module are not reached by reaching it: the plugin's own package imports every command.
- A closure counts the modules reached, the first one among them, then the packages that contain them, as far as these
  hold more than a docstring, and the modules that beets loads before any command (`DOORS`). The packages and the doors
  are counted, not followed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("beetsplug", "cfaudio_core")

MAX_LINES = 34_400
MAX_CLASSES = 208
MAX_MODULE_LINES = 250
MAX_FOLDER_MODULES = 16
MAX_CLOSURE = {"cfplaylists": 80, "cfimport": 69}

# Where the module of a command may lie, seen from the plugin's package.
COMMANDS = {
    "cfplaylists": ("commands.playlists", "commands.cfplaylists", "cfplaylists"),
    "cfimport": ("commands.import_", "commands.imports", "commands.import_history", "commands.cfimport", "cfimport"),
}
PLUGIN = "beetsplug.cfaudio"
DOORS = (PLUGIN, f"{PLUGIN}.commands", f"{PLUGIN}.commands.parsers")

FORBIDDEN = re.compile(r"\b(?:foretell|foretold|landscape|impressions?|taught|crew|heard|lesson)\b", re.IGNORECASE)
QUOTED = frozenset({'"heard": analysed,'})
"""The lines, stripped, in which `lesson` or `heard` stands inside a quotation."""


@dataclass(frozen=True)
class Module:
    """A Python file.

    Attributes
    ----------
    name
        Dotted name; a package's is that of its folder.
    path
        The file.
    """

    name: str
    path: Path

    @cached_property
    def text(self) -> str:
        """The source."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text, self.path)

    @property
    def lines(self) -> int:
        """Number of lines, comments and empty ones among them."""
        return self.text.count("\n")

    @property
    def is_package(self) -> bool:
        """Whether this is the `__init__` of a folder."""
        return self.path.name == "__init__.py"

    @property
    def has_code(self) -> bool:
        """Whether there is more than a docstring."""
        return len(self.tree.body) > (ast.get_docstring(self.tree) is not None)

    @property
    def public_classes(self) -> list[str]:
        """Names of all classes, at whatever depth, that do not start with an underscore."""
        names = [node.name for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef)]
        return [name for name in names if not name.startswith("_")]


@dataclass(frozen=True)
class Figure:
    """A measured figure with its bound.

    Attributes
    ----------
    name
        The thing counted.
    value, bound
        The figure, and the most it may be.
    found
        The places to look at when it is more.
    """

    name: str
    value: int
    bound: int
    found: tuple[str, ...] = ()


def read_modules(root: Path = ROOT, packages: Iterable[str] = PACKAGES) -> dict[str, Module]:
    """Find the modules of some top-level folders, by dotted name."""
    modules = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
            modules[name] = Module(name, path)
    return modules


def import_nodes(tree: ast.AST, typing: bool = False) -> Iterator[ast.Import | ast.ImportFrom]:
    """Walk over the import statements of a module; with `typing` over those under `if TYPE_CHECKING:` too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and not typing and _is_type_checking(node.test):
            for other in node.orelse:
                yield from import_nodes(ast.Module([other], []))
        else:
            yield from import_nodes(node, typing)


def imports(module: Module, modules: Mapping[str, Module], typing: bool = False) -> set[str]:
    """Names of what a module imports: those of `modules` as the counting rule has it, others as they are written.

    Raises
    ------
    ValueError
        An import is relative.
    """
    names: set[str] = set()
    for node in import_nodes(module.tree, typing):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
            continue
        if node.level or node.module is None:
            raise ValueError(f"{module.path}:{node.lineno}: a relative import")
        for alias in node.names:
            inner = f"{node.module}.{alias.name}"
            names.add(inner if inner in modules else node.module)
    return names


def import_graph(modules: Mapping[str, Module], typing: bool = False) -> dict[str, set[str]]:
    """Map each module to those of `modules` that it imports."""
    return {name: imports(module, modules, typing) & modules.keys() for name, module in modules.items()}


def reached(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    """Names of the modules that lie on a path of imports from `start`; it is one of them only on a cycle."""
    found: set[str] = set()
    todo = list(graph[start])
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(graph[name])
    return found


def import_cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others, sorted."""
    paths = {name: reached(name, graph) for name in graph}
    cycles = {tuple(sorted(m for m in paths[name] if name in paths[m])) for name in graph if name in paths[name]}
    return [list(cycle) for cycle in sorted(cycles)]


def import_closure(start: str, modules: Mapping[str, Module], doors: Iterable[str] = DOORS) -> set[str]:
    """Names of the modules that the closure of a module's imports counts."""
    found = {start} | reached(start, import_graph(modules))
    around = {".".join(name.split(".")[:depth]) for name in found for depth in range(1, name.count(".") + 1)}
    return found | {name for name in around.union(doors) & modules.keys() if modules[name].has_code}


def command_module(command: str, modules: Mapping[str, Module]) -> str:
    """Name of the module of a command.

    Raises
    ------
    LookupError
        It lies at none of the places in `COMMANDS`.
    """
    places = [f"{PLUGIN}.{place}" for place in COMMANDS[command]]
    for place in places:
        if place in modules:
            return place
    raise LookupError(f"{command} is none of {', '.join(places)}")


def forbidden_words(root: Path = ROOT, packages: Iterable[str] = PACKAGES) -> list[str]:
    """Lines with a word of the old vocabulary, as FILE:NUMBER: LINE, in files of any kind."""
    found = []
    for path in sorted(path for package in packages for path in (root / package).rglob("*")):
        if not path.is_file() or path.suffix == ".pyc":
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").split("\n"), start=1):
            if FORBIDDEN.search(line) and line.strip() not in QUOTED:
                found.append(f"{path.relative_to(root)}:{number}: {line.strip()}")
    return found


def crowded_folders(modules: Mapping[str, Module]) -> list[str]:
    """Folders that directly hold too many modules, `__init__` not counted, each with their number."""
    count: dict[Path, int] = {}
    for module in modules.values():
        count[module.path.parent] = count.get(module.path.parent, 0) + (not module.is_package)
    return [f"{folder.relative_to(ROOT)}: {n}" for folder, n in count.items() if n > MAX_FOLDER_MODULES]


def figures() -> list[Figure]:
    """Measure the code of this repository."""
    modules = read_modules()
    classes = [f"{name}.{one}" for name, module in modules.items() for one in module.public_classes]
    long = [f"{m.path.relative_to(ROOT)}: {m.lines}" for m in modules.values() if m.lines > MAX_MODULE_LINES]
    crowded = crowded_folders(modules)
    cycles = [", ".join(cycle) for cycle in import_cycles(import_graph(modules))]
    words = forbidden_words()
    measured = [
        Figure("lines of Python", sum(module.lines for module in modules.values()), MAX_LINES),
        Figure("public classes", len(classes), MAX_CLASSES),
        Figure(f"modules over {MAX_MODULE_LINES} lines", len(long), 0, tuple(long)),
        Figure(f"folders with over {MAX_FOLDER_MODULES} modules", len(crowded), 0, tuple(crowded)),
        Figure("import cycles", len(cycles), 0, tuple(cycles)),
        Figure("lines with a forbidden word", len(words), 0, tuple(words)),
    ]
    for command, bound in MAX_CLOSURE.items():
        closure = sorted(import_closure(command_module(command, modules), modules))
        measured.append(Figure(f"modules that {command} reaches", len(closure), bound, tuple(closure)))
    return measured


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def main() -> None:
    """Print the figures, and the places to look at under those that are over their bound."""
    measured = figures()
    width = max(len(figure.name) for figure in measured)
    print(f"{'':{width}}  {'figure':>7}  {'bound':>7}")
    for figure in measured:
        mark = "  over" if figure.value > figure.bound else ""
        print(f"{figure.name:{width}}  {figure.value:>7,}  {figure.bound:>7,}{mark}")
    for figure in measured:
        if figure.value > figure.bound and figure.found:
            print(f"\n{figure.name}:", *figure.found, sep="\n  ")
    modules = read_modules()
    typed = [", ".join(cycle) for cycle in import_cycles(import_graph(modules, typing=True))]
    print("\nimport cycles, imports for types counted too (no bound):", *(typed or ["none"]), sep="\n  ")


if __name__ == "__main__":
    main()
