"""A small server for the page, so that its tracks play: for this machine alone, and with a secret address.

It listens on the loopback interface. The address holds a secret, so that no other user of the machine and no page in a
browser can guess it; the Host header must name this server (against DNS rebinding), and a request that another origin
makes is refused. Only files that were handed over are sent, by number: no path ever comes from a request.
"""

from __future__ import annotations

import hmac
import mimetypes
import os
import secrets
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cfaudio_core.errors import CfAudioError
from cfaudio_core.report.page import SERVED_NO, SERVED_YES
from cfaudio_core.report.serving.covers import read_picture
from cfaudio_core.report.serving.feedback import Feedback, add_feedback_routes
from cfaudio_core.report.serving.lists import Playlists, as_json, lists_as_json
from cfaudio_core.report.serving.map_lists import MapLists, add_map_routes

if TYPE_CHECKING:
    from flask import Flask, Response
    from werkzeug.serving import BaseWSGIServer

HOST = "127.0.0.1"

_TYPES = {".opus": "audio/ogg", ".ogg": "audio/ogg", ".flac": "audio/flac", ".m4a": "audio/mp4", ".mp3": "audio/mpeg"}


def make_app(
    page: bytes,
    files: Mapping[int, bytes],
    token: str,
    port: int,
    playlists: Playlists,
    feedback: Feedback | None = None,
    map_lists: MapLists | None = None,
) -> Flask:
    """Make the application.

    Parameters
    ----------
    page
        As `page.render` makes it.
    files
        Track number to file name: all that may be sent. `playlists` may add the tracks of its lists.
    token
        The secret part of every address.
    port
        Port of the server, which requests must name.
    playlists
        To preview and write.
    feedback
        To like, dislike and ban tracks; None: that cannot be done.
    map_lists
        To make lists from the map, and to save them; None: that cannot be done.
    """
    from flask import Flask, Response, abort, jsonify, request, send_file

    app = Flask("cfaudio", static_folder=None)
    app.url_map.strict_slashes = True
    hosts = {f"{HOST}:{port}", f"localhost:{port}"}
    served = page.replace(SERVED_NO.encode(), SERVED_YES.encode(), 1)

    @app.before_request
    def _guard() -> None:
        if request.host not in hosts:
            abort(403)
        origin = request.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in hosts}:
            abort(403)
        # A browser sends here where a request comes from: typed in, or from the page itself.
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            abort(403)
        given = (request.view_args or {}).get("token", "")
        if not hmac.compare_digest(str(given).encode("utf-8", "replace"), token.encode()):
            abort(404)

    @app.after_request
    def _headers(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    @app.errorhandler(CfAudioError)
    def _refused(error: CfAudioError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 409

    @app.get("/<token>/")
    def _page(token: str) -> Response:
        return Response(served, content_type="text/html; charset=utf-8")

    @app.get("/<token>/cfaudio.html")
    def _file(token: str) -> Response:
        attached = {"Content-Disposition": "attachment; filename=cfaudio.html"}
        return Response(page, content_type="text/html; charset=utf-8", headers=attached)

    @app.get("/<token>/audio/<int:number>")
    def _audio(token: str, number: int) -> Response:
        file = files.get(number)
        if file is None or not os.path.isfile(file):  # noqa: PTH113 (a file name is bytes here)
            abort(404)
        name = os.fsdecode(file)
        ending = os.path.splitext(name)[1].lower()  # noqa: PTH122
        kind = _TYPES.get(ending) or mimetypes.guess_type(f"x{ending}")[0] or "application/octet-stream"
        # Its own name may be no text, and is private.
        return send_file(name, mimetype=kind, conditional=True, etag=False, download_name=str(number))

    @app.get("/<token>/cover/<int:number>")
    def _cover(token: str, number: int) -> Response:
        picture = read_picture(playlists.cover(number))
        if picture is None:
            return Response(status=204)  # a browser complains of nothing then
        return Response(picture[1], content_type=picture[0])

    @app.get("/<token>/playlists")
    def _playlists(token: str) -> Response:
        return jsonify(playlists=lists_as_json(playlists))

    @app.post("/<token>/playlists/<int:number>/draw")
    def _draw(token: str, number: int) -> Response | tuple[Response, int]:
        seed = secrets.randbelow(2**31)
        shown = as_json(playlists, _named(number), lambda name: playlists.draw(name, seed))
        return jsonify({**shown, "seed": seed}), 409 if "error" in shown else 200

    @app.post("/<token>/playlists/<int:number>")
    def _write(token: str, number: int) -> Response | tuple[Response, int]:
        seed = request.args.get("seed", None, int)
        shown = as_json(playlists, _named(number), lambda name: playlists.write(name, seed))
        return jsonify(shown), 409 if "error" in shown else 200

    def _named(number: int) -> str:
        names = playlists.names()
        return names[number] if number < len(names) else abort(404)

    if feedback is not None:
        add_feedback_routes(app, feedback)
    if map_lists is not None:
        add_map_routes(app, map_lists)
    return app


def listen(port: int) -> socket.socket:
    """Take a port, 0 for any; werkzeug itself would end the process where it is taken. Raises OSError."""
    return socket.create_server((HOST, port))


def open_server(
    page: bytes,
    files: Mapping[int, bytes],
    port: int,
    playlists: Playlists,
    feedback: Feedback | None = None,
    map_lists: MapLists | None = None,
) -> tuple[BaseWSGIServer, str]:
    """Take a port, 0 for any, and make the server, whose `serve_forever` is to be called, and its secret address.

    Raises
    ------
    OSError
        If the port is taken or not for everybody.
    """
    from werkzeug.serving import WSGIRequestHandler, make_server

    class _Quiet(WSGIRequestHandler):
        """Log no request: addresses hold the secret."""

        def log(self, type: str, message: str, *args: object) -> None:
            """Nothing."""

    listener = listen(port)
    token = secrets.token_urlsafe(24)
    port = listener.getsockname()[1]
    app = make_app(page, files, token, port, playlists, feedback, map_lists)
    server = make_server(HOST, port, app, threaded=True, request_handler=_Quiet, fd=listener.fileno())
    listener.close()  # the server has its own copy
    return server, f"http://{HOST}:{port}/{token}/"
