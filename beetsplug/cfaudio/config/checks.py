"""Checks of configured values: each returns the value with its type, or raises a UserError that names the key.

Every `beet` command loads this module, so it imports nothing that takes time.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from beets.exceptions import UserError

_QUOTED = re.compile(r"""([^\s"']*[:=~])?(?:"([^"]*)"|'([^']*)')(?=\s|$)""")
_WORD = re.compile(r"(?:\\.|\S)+")
# A field with a value or a sort order, ^word, a regular expression, a path, and the comma between alternatives.
_TERM = re.compile(r"[-^]?[a-z_]\w*:\S|[a-z_]\w*[-+]$|\^\S|:\S|[/~]\S|,$")


def split_query(text: str) -> tuple[str, ...]:
    """Split a query that is one text into the terms that the same words are in `beet ls QUERY`.

    A term reaches to the next one: `artist:Artist 1 year:2000..` has two. Quotes around a value or a word end it.

    Raises
    ------
    ValueError
        If a word begins with a quote that is never closed.
    """
    terms: list[str] = []
    at, end, goes_on = 0, 0, False
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        if quoted := _QUOTED.match(text, at):
            terms.append((quoted[1] or "") + (quoted[2] or "") + (quoted[3] or ""))
            at, goes_on = quoted.end(), False
            continue
        found = _WORD.match(text, at)
        assert found
        word = found[0]
        if word[0] in "\"'" and word.count(word[0]) == 1:
            raise ValueError("No closing quotation")
        plain = re.sub(r"\\(?=[\s\"'])", "", word)
        if goes_on and not _TERM.match(word):
            terms[-1] += text[end:at] + plain
        else:
            terms.append(plain)
        at = end = found.end()
        goes_on = word != ","
    return tuple(terms)


def shown(value: object) -> str:
    """Format a wrong value, without the names of YAML's types."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_plain(name)}: {shown(inner)}" for name, inner in value.items()) + "}"
    return f"[{', '.join(map(shown, value))}]" if isinstance(value, list) else repr(value)


def _plain(name: object) -> str:
    """Format the name of a setting, which in YAML may be anything."""
    return name if isinstance(name, str) and name.isprintable() else repr(name)


class Section:
    """The settings below a key, checked one by one.

    Parameters
    ----------
    values
        As configured.
    key
        Where they stand, such as `cfaudio.mpd`.
    known
        The names there are.

    Raises
    ------
    UserError
        If there are no settings below the key, or one of an unknown name; no value is repeated, it may be a secret.
    """

    def __init__(self, values: object, key: str, known: Collection[str]) -> None:
        if not isinstance(values, dict):
            raise UserError(f"{key}: must have settings below it")
        self.values, self.key = values, key
        for name in values:
            if name not in known:
                raise self.error(name, f"there is no such setting (there are {', '.join(known)})")

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __getitem__(self, name: str) -> object:
        return self.values.get(name)

    def error(self, name: str, problem: str) -> UserError:
        """Make an error about a setting."""
        return UserError(f"{self.key}.{_plain(name)}: {problem}")

    def switch(self, name: str) -> bool:
        """Check yes or no."""
        value = self[name]
        if not isinstance(value, bool):
            raise self.error(name, f"must be yes or no, not {shown(value)}")
        return value

    def whole(self, name: str, low: int, high: int) -> int:
        """Check a whole number between two bounds, both allowed."""
        value = self[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(name, f"must be a whole number from {low} to {high}, not {shown(value)}")
        return value

    def share(self, name: str) -> float:
        """Check a number from 0 to 1."""
        value = self[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self.error(name, f"must be a number from 0 to 1, not {shown(value)}")
        return float(value)

    def choice(self, name: str, choices: Collection[str]) -> str:
        """Check one of some words."""
        value = self[name]
        if not isinstance(value, str) or value not in choices:
            raise self.error(name, f"must be one of {', '.join(choices)}, not {shown(value)}")
        return value

    def texts(self, name: str, wanted: str) -> list[str]:
        """Check a list of texts; one text may stand without a list."""
        value = self[name]
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed):
            raise self.error(name, f"must be a list of {wanted}, not {shown(value)}")
        return listed

    def text(self, name: str) -> str:
        """Check a text, "" where it is missing; a number is one too, as a password of digits needs no quotes."""
        value = self[name]
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self.error(name, "must be a text")  # and is not repeated: it may be a secret
        # YAML's escapes can spell a letter beyond 16 bits as two halves.
        return str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()

    def query(self, name: str) -> tuple[str, ...]:
        """Check a beets query and split it into its parts; none where it is missing."""
        value = self[name]
        if value is None:
            return ()
        if not isinstance(value, str):
            raise self.error(name, f"must be a beets query, not {shown(value)}")
        try:
            return split_query(value)
        except ValueError as error:
            raise self.error(name, f"{value}: {error}") from error
