"""What the server does for likes, dislikes and bans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from flask import Flask, Response

_KINDS = frozenset(("like", "dislike", "ban", "clear"))


class Feedback(Protocol):
    """Feedback of a listener, "like", "dislike" or "ban"; errors are `CfAudioError`."""

    def read(self) -> Mapping[int, str]:
        """Read what stands now, by number of the track."""
        ...

    def state(self, number: int, kind: str) -> str:
        """State feedback on a track, or "clear" it; returns what stands then, "" for nothing."""
        ...


def add_feedback_routes(app: Flask, feedback: Feedback) -> None:
    """Let an application, which guards its requests and answers errors itself, show and take feedback."""
    from flask import abort, jsonify

    @app.get("/<token>/feedback")
    def _feedback(token: str) -> Response:
        return jsonify({str(number): kind for number, kind in feedback.read().items()})

    @app.post("/<token>/feedback/<int:number>/<kind>")
    def _state(token: str, number: int, kind: str) -> Response:
        if kind not in _KINDS:
            abort(404)
        return jsonify(feedback=feedback.state(number, kind))
