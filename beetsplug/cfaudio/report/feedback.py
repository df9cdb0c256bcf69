"""Feedback that is shown and given on the page."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from beets.exceptions import UserError

from beetsplug.cfaudio.errors import request_errors
from beetsplug.cfaudio.library.feedback import clear_feedback, read_feedback, state_feedback
from cfaudio_core.data.feedback import BAN, DISLIKE, LIKE, describe

if TYPE_CHECKING:
    from beets.library import Library

    from beetsplug.cfaudio.config.settings import Settings

_VALUES = {"like": LIKE, "dislike": DISLIKE, "ban": BAN}


class PageFeedback:
    """Feedback of a listener, one request at a time."""

    def __init__(self, lib: Library, settings: Settings, listener: str) -> None:
        self._lib, self._settings, self._listener = lib, settings, listener
        self._lock = Lock()

    def read(self) -> dict[int, str]:
        """Read what stands now, stated here or elsewhere, by id of the item."""
        with self._lock, request_errors(self._lib):
            ids, feedback = read_feedback(self._lib, self._settings)
        given = feedback.get(self._listener)
        if given is None:
            return {}
        at = given.nonzero()[0]
        return {
            item: kind
            for item, value in zip(ids[at].tolist(), given[at].tolist(), strict=True)
            if (kind := describe(value))
        }

    def state(self, number: int, kind: str) -> str:
        """State feedback on an item, or "clear" it; returns what stands then, which may come from elsewhere."""
        lib, settings, listener = self._lib, self._settings, self._listener
        with self._lock, request_errors(lib):
            if lib.get_item(number) is None:
                raise UserError("the library has no such track any more")
            if kind != "clear":
                state_feedback(lib, settings, listener, [number], _VALUES[kind])
                return kind
            remaining = clear_feedback(lib, settings, listener, [number], None).remaining
        return self.read().get(number, "") if remaining else ""
