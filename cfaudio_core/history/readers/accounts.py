"""Which account of a source with several is meant."""

from __future__ import annotations

from collections.abc import Collection

from cfaudio_core.history.formats.source import SourceError


def chosen_account(names: Collection[str], wanted: str | None, where: str) -> str | None:
    """Say whose history is to be read.

    Parameters
    ----------
    names : collection of str
        The accounts with any plays.
    wanted : str, optional
        The account that was asked for; its case does not matter where that leaves one.
    where : str
        The source, for messages.

    Returns
    -------
    str or None
        One of `names`; None where there are none and none was asked for.

    Raises
    ------
    SourceError
        If none was asked for and there are several, or there is none of that name.
    """
    listed = ", ".join(sorted(names)) or "none"
    if wanted is None:
        if len(names) > 1:
            raise SourceError(f"{where}: holds several accounts, say which with --user: {listed}")
        return next(iter(names), None)
    if wanted in names:
        return wanted
    similar = [name for name in names if name.casefold() == wanted.casefold()]
    if len(similar) != 1:
        raise SourceError(f"{where}: no plays of an account {wanted!r}; accounts with plays: {listed}")
    return similar[0]
