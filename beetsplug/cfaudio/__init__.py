"""beets-cfaudio: recommends from one's own library, by what is played and how it sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beets.dbcore import types
from beets.plugins import BeetsPlugin

from beetsplug.cfaudio.settings import DEFAULTS

if TYPE_CHECKING:
    from beets.importer import ImportSession, ImportTask
    from beets.ui import Subcommand


class CfAudioPlugin(BeetsPlugin):
    """The plugin as beets sees it: defaults, field types, commands and the import stage."""

    def __init__(self) -> None:
        super().__init__("cfaudio")
        self.config.add(DEFAULTS)
        if self.config["auto"].get(bool):
            self.import_stages = [self.imported]

    @property
    def item_types(self) -> dict[str, types.Type]:
        """The fields that cfaudio writes, so that ranges, sorting and `beet modify` know their types."""
        users = self.config["users"].get()
        names = list(users) if isinstance(users, dict) else []
        return {
            "cf_embedding": types.STRING,
            "cf_key": types.STRING,
            "cf_model": types.STRING,
            "cf_score": types.FLOAT,
            **{f"cf_score_{name}": types.FLOAT for name in names[1:]},
        }

    def commands(self) -> list[Subcommand]:
        """`beet cfembed` and `beet cfrecommend`."""
        from beetsplug.cfaudio.commands import embed_command, recommend_command

        return [embed_command(self), recommend_command(self)]

    def imported(self, session: ImportSession, task: ImportTask) -> None:
        """Hear and place the tracks of an import task, by the model there is."""
        from beetsplug.cfaudio.embedding import embed_imported

        embed_imported(self, session.lib, [item.id for item in task.imported_items() if item.id is not None])
