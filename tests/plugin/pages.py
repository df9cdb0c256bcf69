"""README and the pages in docs, for the tests that compare them with the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FILES = {
    "README": ROOT / "README.md",
    **{page.relative_to(DOCS).with_suffix("").as_posix(): page for page in sorted(DOCS.rglob("*.md"))},
}
PAGES = {name: file.read_text(encoding="utf-8") for name, file in FILES.items()}
MANUAL = [name for name in PAGES if not name.startswith("lab/")]
"""README and the pages for users; the others are the lab notebook."""

_FENCED = re.compile(r"^```[^\n]*\n.*?^```\n?", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?: {4}[^\n]*\n+)+")  # behind an empty line; else it goes on with a list


def section(page: str, heading: str) -> str:
    """What stands below a heading, down to the next of any level; a word at its start or behind a comma is enough."""
    found = re.search(
        rf"^#+ (?:[^\n]*, )?{re.escape(heading)}.*?$(.*?)(?=^#+ |\Z)", PAGES[page], re.MULTILINE | re.DOTALL
    )
    assert found, f"{page}.md has no heading {heading}"
    return found[1]


def first_cells(text: str) -> list[str]:
    """What is in the first column of the tables of a text, as code."""
    return [name for row in re.findall(r"^\| (`[^|]*?) \|", text, re.MULTILINE) for name in re.findall(r"`(.*?)`", row)]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)


def prose(page: str) -> str:
    """A page without its code blocks, comments and pictures."""
    text = _INDENTED.sub("", _FENCED.sub("", PAGES[page]))
    return re.sub(r"<!--.*?-->|!\[.*?\]\(.*?\)", "", text, flags=re.DOTALL)


def command_lines(page: str) -> Iterator[str]:
    """Lines for a shell: those of indented blocks, of crontabs and of systemd's units."""
    for block in _INDENTED.findall(_FENCED.sub("", PAGES[page])):
        yield from (line.strip() for line in block.splitlines() if line.strip())
    for block in blocks(page, "cron"):
        yield from (found[1] for line in block.splitlines() if (found := re.match(r"(?:\S+ ){5} *(.*)", line)))
    for block in blocks(page, "ini"):
        yield from re.findall(r"^ExecStart=(?:%h/.local/bin/)?(.*)", block, re.MULTILINE)


def code_in_prose(page: str) -> list[str]:
    """What stands as code within lines."""
    return re.findall(r"`([^`\n]+)`", prose(page))
