"""No SQL is put together of anything but constants: what comes from outside goes in as a parameter."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted([*(ROOT / "cfaudio_core").rglob("*.py"), *(ROOT / "beetsplug").rglob("*.py")])
SQL = re.compile(
    r"\b(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|PRAGMA|ATTACH|FROM|WHERE|JOIN|UNION|VALUES|ORDER BY)\b"
)
MAKES_TEXTS = {"format", "join", "replace", "text"}

# Read by hand: names of tables and columns that the module itself knows, pieces of constant SQL, and question marks.
CONSTANTS = {
    "beetsplug/cfaudio/commands/forget.py": {"_FIELDS"},
    "beetsplug/cfaudio/library/fields.py": {
        "', '.join('?' * len(names))",
        "', '.join(joined)",
        "BETWEEN",
        "which",
    },
    "beetsplug/cfaudio/library/feedback.py": {"which"},
    "beetsplug/cfaudio/library/matches.py": {"which"},
    "beetsplug/cfaudio/library/tracks.py": {"which"},
    "beetsplug/cfaudio/library/write.py": {"BETWEEN"},
    "beetsplug/cfaudio/playlists/albums.py": {"which"},
    "beetsplug/cfaudio/report/collect.py": {"which"},
    "beetsplug/cfaudio/report/playlists.py": {"which"},
    "cfaudio_core/doctor/stores.py": {"sa.text('PRAGMA quick_check(1)')"},
    "cfaudio_core/history/merge.py": {"marks", "table.name"},
    "cfaudio_core/history/readers/sqlite.py": {"name", "of_tables"},
    "cfaudio_core/history/formats/jellyfin.py": {
        "seconds",
        "key",
        "select_list(database, 'BaseItems', _TRACK)",
        "select_list(database, 'TypedBaseItems', _TRACK)",
        "skips",
        "table",
        "selected",
    },
    "cfaudio_core/history/formats/lyrion.py": {"table", "selected"},
    "cfaudio_core/history/formats/navidrome.py": {
        "played",
        "select_list(database, 'annotation', _OPINION)",
        "select_list(database, 'media_file', _TRACK)",
    },
}


def put_together(source):
    """What is put into texts that read as SQL, by f-strings, `%`, `+`, `format`, `join` and `replace`."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        texts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        if not SQL.search(" ".join(texts)):
            continue
        added = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add)
        called = isinstance(node, ast.Call) and getattr(node.func, "attr", "") in MAKES_TEXTS
        if isinstance(node, ast.JoinedStr):
            found |= {ast.unparse(part.value) for part in node.values if isinstance(part, ast.FormattedValue)}
        elif added or called:
            found.add(ast.unparse(node))
    return found


def test_sql_is_put_together_of_constants_alone():
    found = {str(module.relative_to(ROOT)): put_together(module.read_text()) for module in MODULES}
    assert {name: pieces for name, pieces in found.items() if pieces} == CONSTANTS


@pytest.mark.parametrize(
    "line",
    [
        "run(f'SELECT id FROM items WHERE title = {title!r}')",
        "run('DELETE FROM items WHERE title = %s' % title)",
        "run('DELETE FROM items WHERE title = ' + title)",
        "run('DROP TABLE {}'.format(title))",
        "run(sa.text('SELECT ' + title))",
    ],
)
def test_the_look_finds_what_it_is_for(line):
    assert any("title" in piece for piece in put_together(line))
