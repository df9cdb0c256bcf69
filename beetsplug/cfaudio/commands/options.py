"""Options of commands that optparse does not have."""

from __future__ import annotations

from optparse import Option, OptionParser


class _OptionalValue(Option):
    def takes_value(self) -> bool:
        """Have `--option=VALUE` accepted too."""
        return True


def optional_value(name: str, metavar: str, text: str) -> Option:
    """Make an option whose value may be left out, and is "" then; it is no word that begins with a dash."""

    def take(option: Option, _name: str, _value: object, parser: OptionParser) -> None:
        rest = parser.rargs or []
        value = rest.pop(0) if rest and not rest[0].startswith("-") else ""
        setattr(parser.values, str(option.dest), value)

    option = _OptionalValue(
        name, action="callback", callback=take, dest=name.lstrip("-"), metavar=f"[{metavar}]", help=text
    )
    option.nargs = 0
    return option
