"""Feedback that is given on the page."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from beets.exceptions import UserError

from beetsplug.cfaudio.library.feedback import clear_feedback, state_feedback
from cfaudio_core.data.feedback import BAN, DISLIKE, LIKE
from cfaudio_core.errors import CfAudioError

if TYPE_CHECKING:
    from beets.library import Library

    from beetsplug.cfaudio.config.settings import Settings
    from cfaudio_core.report.serve import StateFeedback

_VALUES = {"like": LIKE, "dislike": DISLIKE, "ban": BAN}


def feedback_by(lib: Library, settings: Settings, listener: str) -> StateFeedback:
    """Make the function by which the page states what a listener thinks of a track, one request at a time."""
    lock = Lock()

    def state(number: int, kind: str) -> str:
        with lock, lib.music_dir_context():
            if lib.get_item(number) is None:
                raise CfAudioError("the library has no such track any more")
            try:
                if kind == "clear":
                    clear_feedback(lib, settings, listener, [number], None)
                else:
                    state_feedback(lib, settings, listener, [number], _VALUES[kind])
            except UserError as error:
                raise CfAudioError(str(error)) from error
        return "" if kind == "clear" else kind

    return state
