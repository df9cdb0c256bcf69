"""Checks of configured values: each returns the value with its type, or raises a UserError that names the key.

Every `beet` command loads this module, so it imports nothing that takes time.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection

from beets.exceptions import UserError


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
        return UserError(f"{self.key}.{name}: {problem}")

    def switch(self, name: str) -> bool:
        """Check yes or no."""
        value = self[name]
        if not isinstance(value, bool):
            raise self.error(name, f"must be yes or no, not {value!r}")
        return value

    def whole(self, name: str, low: int, high: int) -> int:
        """Check a whole number between two bounds, both allowed."""
        value = self[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(name, f"must be a whole number from {low} to {high}, not {value!r}")
        return value

    def share(self, name: str) -> float:
        """Check a number from 0 to 1."""
        value = self[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self.error(name, f"must be a number from 0 to 1, not {value!r}")
        return float(value)

    def choice(self, name: str, choices: Collection[str]) -> str:
        """Check one of some words."""
        value = self[name]
        if not isinstance(value, str) or value not in choices:
            raise self.error(name, f"must be one of {', '.join(choices)}, not {value!r}")
        return value

    def texts(self, name: str, wanted: str) -> list[str]:
        """Check a list of texts; one text may stand without a list."""
        value = self[name]
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed):
            raise self.error(name, f"must be a list of {wanted}, not {value!r}")
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
            raise self.error(name, f"must be a beets query, not {value!r}")
        try:
            return tuple(shlex.split(value))
        except ValueError as error:
            raise self.error(name, f"{value}: {error}") from error
