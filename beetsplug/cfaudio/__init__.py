"""beets-cfaudio: recommends tracks from one's own library, by plays and audio."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import beets
from beets.dbcore import types
from beets.exceptions import UserError
from beets.plugins import BeetsPlugin
from confuse import ConfigError

from beetsplug.cfaudio.commands import (
    cfdoctor,
    cfembed,
    cfevaluate,
    cfimport,
    cfplaylists,
    cfplays,
    cfrecommend,
    cfreport,
    cfstatus,
    feedback,
)
from beetsplug.cfaudio.config.listeners import feedback_field, noted_listeners, score_field
from beetsplug.cfaudio.config.servers import LOGINS, SECRETS
from beetsplug.cfaudio.config.settings import DEFAULTS
from beetsplug.cfaudio.errors import any_text, guarded, print_safely
from beetsplug.cfaudio.library.similar_query import SimilarQuery, cf_match, library_opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beets.importer import ImportSession, ImportTask
    from beets.ui import Subcommand


COMMANDS = (cfembed, cfrecommend, cfplaylists, cfimport, cfplays, cfstatus, cfevaluate, cfreport, cfdoctor)


class CfAudioPlugin(BeetsPlugin):
    """The plugin: defaults, field types, commands and the import stage."""

    def __init__(self) -> None:
        super().__init__("cfaudio")
        self.config.add(DEFAULTS)
        self._log.addFilter(print_safely)
        # An address with a password in it is not for `beet config` to show.
        if any(mark in str(self._setting("history")) for mark in ("@", "password")):
            self.config["history"].redact = True
        self._keep_secrets()
        self.item_queries = {"similar": SimilarQuery}
        self.template_fields["cf_match"] = cf_match
        self.register_listener("library_opened", library_opened)
        if self._setting("auto") is True:
            self.import_stages = [self.imported]
            self.register_listener("import_task_files", self.moved)
            self._analysed: dict[int, str] = {}  # id to content key, of tracks whose files beets is about to move

    @property
    def item_types(self) -> dict[str, types.Type]:
        """Types of the fields that cfaudio writes, for ranges, sorting and `beet modify`."""
        users = self._setting("users")
        names = list(users) if isinstance(users, dict) else []
        # The first one's scores are `cf_score`; listeners of an imported history need not be in the configuration.
        others = [*names[1:], *noted_listeners(Path(beets.config.config_dir()) / "cfaudio")]
        return {
            "cf_embedding": types.STRING,
            "cf_energy": types.FLOAT,
            "cf_feedback": types.STRING,
            "cf_key": types.STRING,
            "cf_key_name": types.STRING,
            "cf_match": types.FLOAT,
            "cf_model": types.STRING,
            "cf_score": types.FLOAT,
            "cf_tags": types.STRING,
            "cf_tempo": types.FLOAT,
            **{score_field(name, main=False): types.FLOAT for name in others},
            **{feedback_field(name, main=False): types.STRING for name in others},
        }

    def _keep_secrets(self) -> None:
        """Hide passwords in `beet config`."""
        sections = [self.config[kind] for kind in (*LOGINS, "mpd")]
        for kind in LOGINS:
            server = self._setting(kind)
            users = server.get("users") if isinstance(server, dict) else None
            sections += [self.config[kind]["users"][name] for name in users] if isinstance(users, dict) else []
        for section in sections:
            for secret in SECRETS:
                section[secret].redact = True

    def _setting(self, key: str) -> object:
        """Read a setting unchecked; None if it makes no sense, which the commands will report."""
        try:
            return self.config[key].get()
        except ConfigError:
            return None

    def commands(self) -> list[Subcommand]:
        """Make the commands of `beet`."""
        commands = [*(module.command(self) for module in COMMANDS), *feedback.commands(self)]
        for command in commands:
            command.func = guarded(command.func)
        return commands

    def imported(self, session: ImportSession, task: ImportTask) -> None:
        """Analyse and embed the tracks of an import task, by the model in force."""
        with self._harmless(), any_text(session.lib):
            from beetsplug.cfaudio.pipeline import embed_imported

            ids = [item.id for item in task.imported_items() if item.id is not None]
            self._analysed |= embed_imported(self, session.lib, ids)

    def moved(self, session: ImportSession, task: ImportTask) -> None:
        """Note the files of an import task as beets has put and tagged them, so that they are not compared again."""
        with self._harmless():
            from beetsplug.cfaudio.pipeline import note_files

            keys = {item.path: self._analysed.pop(item.id or 0, "") for item in task.imported_items()}
            if analysed := {path: key for path, key in keys.items() if key}:
                note_files(self, analysed)

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        """Make a warning of whatever goes wrong: it may not cost the user an import, and `cfembed` does it later."""
        try:
            yield
        except Exception as error:
            expected = isinstance(error, UserError | ConfigError)
            problem = f"{error}" if expected else f"{type(error).__name__}: {error}"
            self._log.warning("new tracks are left to the next `beet cfembed`: {}", " ".join(problem.split()))
            self._log.debug("where that went wrong:", exc_info=not expected)
