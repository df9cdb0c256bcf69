"""`beet cfembed --forget`: delete all that cfaudio has put into a library and beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

from beets.library import Library
from beets.ui import input_yn

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.library.history import has_history, open_history
from beetsplug.cfaudio.library.write import change
from beetsplug.cfaudio.text import counted, say
from cfaudio_core.errors import StoreError
from cfaudio_core.util.files import hold_lock

_FIELDS = (
    "key IN ('cf_embedding', 'cf_energy', 'cf_feedback', 'cf_key', 'cf_key_name', 'cf_model', 'cf_score', 'cf_tags', "
    "'cf_tempo') "
    "OR key LIKE 'cf\\_score\\_%' ESCAPE '\\' OR key LIKE 'cf\\_feedback\\_%' ESCAPE '\\'"
)

# Contents of the folder, by their names in messages. Anything else there is not cfaudio's.
_PARTS = {
    "imported listens and plays, likes and bans": ("history.db*",),
    "features of the music": ("features.db*",),
    "models": ("models",),
    "names of listeners": ("listeners.json",),
    "the snapshot of the library": ("snapshot.safetensors", "catalogue"),  # the latter by 0.1.0
    "evaluations": ("evaluations",),
    "the page of cfreport": ("report",),
    "the state of cfplaylists": ("playlists.json", "cfplaylists.lock"),
    "leftovers of killed commands": (".cfaudio-*",),
}


def forget(lib: Library, settings: Settings, *, pretend: bool, yes: bool) -> None:
    """List what exists, ask, and delete it."""
    with lib.transaction() as tx:
        rows = tx.query(f"SELECT count(*), count(DISTINCT entity_id) FROM item_attributes WHERE {_FIELDS}")
    fields, items = rows[0]
    elsewhere = settings.history is not None
    parts = {
        what: found
        for what, names in _PARTS.items()
        if (found := [file for name in names for file in sorted(settings.folder.glob(name))])
    }
    listed = [f"{counted(fields, 'field')} of {counted(items, 'track')} in beets' library"] if fields else []
    listed += [f"{what}: {', '.join(str(file) for file in files)}" for what, files in parts.items()]
    if elsewhere:
        listed.append("imported listens and plays, likes and bans in the database that cfaudio.history names")
    if stated := _count_stated(settings):
        listed.append(f"{stated}, which nothing but you can give again (`beet cfplays --json` prints them)")
    if not listed:
        say("There is nothing to forget.")
        return
    say("Would forget:" if pretend else "To be forgotten:")
    for line in listed:
        say(f"    {line}")
    if pretend or not (yes or input_yn("Forget all of it (Y/N)?", require=True)):
        return
    with user_errors(), hold_lock(settings.folder, "cfembed"):
        change(lib, {f"DELETE FROM item_attributes WHERE {_FIELDS}": [()]})
        if elsewhere and has_history(settings):
            with open_history(settings) as store:
                store.destroy()
        for files in parts.values():
            for file in files:
                _remove(file)
    _remove_folder(settings.folder)
    say("Forgotten. Playlists that were written stay where they are, and so do the net's weights.")


def _count_stated(settings: Settings) -> str:
    """Count what was stated by the commands and on the page; "" for nothing, or where the history cannot be read."""
    from cfaudio_core.history.feedback import HERE

    if not has_history(settings):
        return ""
    try:
        with open_history(settings) as store:
            number = sum(one.source == HERE for one in store.feedback())
    except StoreError:
        return ""
    return f"among these {counted(number, 'like, dislike or ban', 'likes, dislikes and bans')}" if number else ""


def _remove(file: Path) -> None:
    try:
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{error.filename or file}: {error.strerror}") from error


def _remove_folder(folder: Path) -> None:
    """Remove the folder itself, unless it holds files of others."""
    (folder / "cfembed.lock").unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        left = sorted(file.name for file in folder.glob("*"))
        if left:
            say(f"{folder} is left, as there is something else in it: {', '.join(left)}")
