"""Puts lists into the configured targets."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from logging import Logger

from beets.exceptions import UserError
from beets.library import Library

from beetsplug.cfaudio.config.playlists import Playlist
from beetsplug.cfaudio.config.servers import LOGINS
from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.playlists.players import account_target, left_out, mpd_client
from beetsplug.cfaudio.playlists.state import PlaylistState
from cfaudio_core.data.listeners import find_name, fold_name
from cfaudio_core.errors import CfAudioError, StoreError
from cfaudio_core.targets.base import Entry, Target, Written
from cfaudio_core.targets.m3u import M3uFolder
from cfaudio_core.targets.mpd import MpdServer

Made = dict[str, list[str]]
"""Target to what exists there of each list."""


class Targets:
    """The targets of a run.

    One that fails is named in one line and not tried again, and the others are written.

    Attributes
    ----------
    failed
        Whether anything could not be written.
    """

    def __init__(
        self,
        lib: Library,
        settings: Settings,
        main: str,
        state: Mapping[str, PlaylistState],
        others: Collection[str],
        log: Logger,
    ) -> None:
        self.failed = False
        self._servers = settings.servers
        self._folder = settings.playlist_dir
        self._path_style = settings.path_style
        self._main = main
        self._music = settings.music_folder(lib.directory)
        self._mpd = MpdServer(mpd_client(settings, lib.directory))
        self._log = log
        self._known: dict[tuple[str, str], Target] = {}
        self._down: set[str] = set()
        self._ours: dict[str, set[str]] = {}
        for one in state.values():
            for name, marks in one.made.items():
                self._ours.setdefault(name, set()).update(filter(None, marks))
        self._titles = {
            (name, mark): title.name
            for one in state.values()
            for name, marks in one.made.items()
            for mark, title in zip(marks, one.lists, strict=False)
        }
        # The list that has each name there: of this run, and of the entries that it leaves as they are.
        self._names: dict[tuple[str, str], str] = {}
        self._others = [state[key] for key in others if key in state]
        self._written: set[tuple[str, str]] = set()
        self._in_both = False
        self._one_folder: bool | None = None

    def check(self, playlist: Playlist) -> None:
        """Raise a UserError where a setting is missing that a target of an entry needs."""
        if "m3u" in playlist.targets and self._folder is None:
            raise UserError("cfaudio.playlist_dir: is missing; it names the folder to write playlists to")
        for kind in LOGINS.keys() & set(playlist.targets):
            if kind not in self._servers.web:
                raise UserError(f"cfaudio.{kind}.url: is missing; it names the server to put playlists on")
            if self._account(kind, playlist.user) not in self._servers.web[kind].accounts:
                raise UserError(f"cfaudio.{kind}: has no account for {playlist.user or self._main}")
        if {"m3u", "mpd"} <= set(playlist.targets):
            self._in_both = True

    def write(self, playlist: Playlist, lists: Sequence[tuple[str, str, list[Entry]]], old: Made) -> Made:
        """Put the lists of an entry into its targets, and remove what earlier runs made and this one did not.

        `lists` are names, titles and tracks, `old` is what earlier runs made; returns what exists then.
        """
        made: Made = {}
        kinds = playlist.targets
        if {"m3u", "mpd"} <= set(kinds) and self._is_one_folder():
            kinds = tuple(kind for kind in kinds if kind != "mpd")
            for mark in old.get(self._mpd.name, []):  # before a file of that name is put there
                if mark:
                    self._remove(self._mpd.name, mark)
            old = {name: marks for name, marks in old.items() if name != self._mpd.name}
        for kind in kinds:
            target = self._target(kind, playlist.user)
            marks = old.get(target.name, [])
            made[target.name] = [
                self._put(target, name, title, entries, marks[at] if at < len(marks) else "")
                for at, (name, title, entries) in enumerate(lists)
            ]
        return self.remove_old(old, made)

    def written_of(self, made: Made) -> Made:
        """Select what this run has written: a failed target's lists are as they were."""
        return {name: [mark if (name, mark) in self._written else "" for mark in marks] for name, marks in made.items()}

    def remove_old(self, old: Made, made: Made) -> Made:
        """Remove lists that are in `old` and not in `made`; returns `made` and those that could not be removed."""
        left = {name: list(marks) for name, marks in made.items()}
        for name, marks in old.items():
            for mark in filter(None, marks):
                if not self._is_written(name, mark) and mark not in made.get(name, []) and not self._remove(name, mark):
                    left.setdefault(name, []).append(mark)
        return left

    def _is_written(self, name: str, mark: str) -> bool:
        """Whether this run has written what another run made, if need be by another name of the same file."""
        return any(
            target == name and (new == mark or (name == "m3u" and _is_same_file(new, mark)))
            for target, new in self._written
        )

    def _is_one_folder(self) -> bool:
        """Say whether `playlist_dir` is where MPD keeps its own lists: a list that goes to both is one file then."""
        if self._one_folder is None and self._mpd.name not in self._down:
            self._one_folder = False
            with self._errors(self._mpd):
                self._one_folder = self._folder is not None and self._mpd.keeps_lists_in(self._folder)
        return bool(self._one_folder)

    def _put(self, target: Target, name: str, title: str, entries: list[Entry], mark: str) -> str:
        """Write one list, unless its target has failed; returns what exists of it then."""
        written: Written | None = None
        if target.name not in self._down:
            with self._errors(target):
                self._check_name(target, name)
                written = target.write(name, entries, mark, self._ours.get(target.name, set()), title)
        if written is None:
            return mark
        self._names[target.name, fold_name(target.name_of(name))] = name
        self._written.add((target.name, written.made))
        self._ours.setdefault(target.name, set()).add(written.made)
        if written.left_out:
            self._log.warning("{}: {}", target.name, left_out(name, written.left_out))
        return written.made

    def _check_name(self, target: Target, name: str) -> None:
        """Raise a StoreError where the name that a list gets there is another list's, or differs by its case alone."""
        as_written = target.name_of(name)
        other = self._names.get((target.name, fold_name(as_written)))
        if other is not None and fold_name(other) == fold_name(name):
            raise StoreError(f"{target.name}: two playlists are called {name}, and only the first one is there")
        for one in self._others:
            for kept, mark in zip(one.lists, one.made.get(target.name, []), strict=False):
                if mark and fold_name(target.name_of(kept.name)) == fold_name(as_written):
                    other = kept.name
        if other is not None:
            raise StoreError(f"{target.name}: {other} and {name} would both be {as_written}: rename one of them")

    def _remove(self, name: str, mark: str) -> bool:
        """Remove a list; returns whether nothing is left to do about it."""
        target = next((one for one in self._all() if one.name == name), None)
        if target is None:
            title = self._titles.get((name, mark), mark)
            self._log.warning(
                'The playlist "{}" stays in {}: that place is no longer in the configuration.', title, name
            )
            return True
        removed = False
        if name not in self._down:
            with self._errors(target):
                target.remove(mark)
                removed = True
        return removed

    @contextmanager
    def _errors(self, target: Target) -> Iterator[None]:
        """Log an error; unless it concerns one list alone, the target has failed."""
        try:
            yield
        except CfAudioError as error:
            self.failed = True
            if not isinstance(error, StoreError):
                self._down.add(target.name)
            self._log.error("{}", error)

    def _all(self) -> Iterable[Target]:
        """Yield every configured target."""
        if self._folder is not None:
            yield self._target("m3u", None)
        for kind, server in self._servers.web.items():
            for user in server.accounts:
                yield self._target(kind, user)
        yield self._target("mpd", None)

    def _target(self, kind: str, user: str | None) -> Target:
        key = kind, self._account(kind, user) if kind in LOGINS else ""
        if key not in self._known:
            self._known[key] = self._made_target(*key)
        return self._known[key]

    def _made_target(self, kind: str, account: str) -> Target:
        if kind == "mpd":
            return self._mpd
        if kind == "m3u":
            assert self._folder is not None
            as_mpd_reads_it = self._in_both and self._path_style == "auto" and self._is_one_folder()
            return M3uFolder(self._folder, "absolute" if as_mpd_reads_it else self._path_style, self._music)
        return account_target(kind, self._servers.web[kind], account, self._main, self._music)

    def _account(self, kind: str, user: str | None) -> str:
        """Find the key of a listener's account: the name, or "" for the main one's."""
        name = user or self._main
        name = find_name(name, [self._main]) or name
        accounts = {fold_name(account): account for account in self._servers.web[kind].accounts if account}
        return accounts.get(fold_name(name), "" if name == self._main else name)


def _is_same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)  # noqa: PTH121
    except OSError:
        return False
