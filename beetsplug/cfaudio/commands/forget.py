"""`beet cfembed --forget`: take away all that cfaudio has put into a library and beside it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from beets.ui import input_yn, print_

from beetsplug.cfaudio.library.history import has_history, open_history
from beetsplug.cfaudio.library.write import change
from beetsplug.cfaudio.pipeline import user_errors
from beetsplug.cfaudio.text import counted
from cfaudio_core.errors import StoreError
from cfaudio_core.util.locking import hold_lock

if TYPE_CHECKING:
    from pathlib import Path

    from beets.library import Library

    from beetsplug.cfaudio.config.settings import Settings

_FIELDS = (
    "key IN ('cf_embedding', 'cf_key', 'cf_model', 'cf_score', 'cf_tags') OR key LIKE 'cf\\_score\\_%' ESCAPE '\\'"
)

# What lies in the folder, and what it is called to its owner. Anything else there is not cfaudio's.
_PARTS = {
    "imported listens and plays": ("history.db*",),
    "what was heard of the music": ("features.db*",),
    "models": ("models",),
    "what was read of the library": ("snapshot.safetensors", "catalogue"),  # the latter is of 0.1.0
    "evaluations": ("evaluations",),
    "the page of cfreport": ("report",),
    "what cfplaylists knows of its lists": ("playlists.json", "cfplaylists.lock"),
    "what killed commands have left": (".cfaudio-*",),
}


def forget(lib: Library, settings: Settings, *, pretend: bool, yes: bool) -> None:
    """Say what is there, ask, and take it away."""
    with lib.transaction() as tx:
        found = tx.query(f"SELECT count(*), count(DISTINCT entity_id) FROM item_attributes WHERE {_FIELDS}")
    fields, items = found[0]
    elsewhere = settings.history is not None
    parts = {what: there for what, names in _PARTS.items() if (there := _there(settings.folder, names))}
    said = [f"{counted(fields, 'field')} of {counted(items, 'track')} in beets' library"] if fields else []
    said += [f"{what}: {', '.join(str(file) for file in there)}" for what, there in parts.items()]
    if elsewhere:
        said.append("imported listens and plays in the database that cfaudio.history names")
    if not said:
        print_("There is nothing to forget.")
        return
    print_("Would forget:" if pretend else "To be forgotten:")
    for line in said:
        print_(f"    {line}")
    if pretend or not (yes or input_yn("Forget all of it (Y/N)?", require=True)):
        return
    with user_errors(), hold_lock(settings.folder, "cfembed"):
        change(lib, {f"DELETE FROM item_attributes WHERE {_FIELDS}": [()]})
        if elsewhere and has_history(settings):
            with open_history(settings) as store:
                store.destroy()
        for there in parts.values():
            for file in there:
                _remove(file)
    _remove_folder(settings.folder)
    print_("Forgotten. Playlists that were written stay where they are, and so do the net's weights.")


def _there(folder: Path, names: tuple[str, ...]) -> list[Path]:
    return [file for name in names for file in sorted(folder.glob(name))]


def _remove(file: Path) -> None:
    try:
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{error.filename or file}: {error.strerror}") from error


def _remove_folder(folder: Path) -> None:
    """The folder itself, if nobody else has put anything into it."""
    (folder / "cfembed.lock").unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        left = sorted(file.name for file in folder.glob("*"))
        if left:
            print_(f"{folder} is left, as there is something else in it: {', '.join(left)}")
