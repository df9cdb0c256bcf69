"""A web service on loopback that answers as a test says."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Request(NamedTuple):
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    method: str = "GET"
    pairs: list[tuple[str, str]] = []  # noqa: RUF012
    """All parameters: one may be there several times."""
    body: bytes = b""


class Answer(NamedTuple):
    content: Any
    """Bytes as they are, anything else as JSON."""
    status: int = 200
    headers: Mapping[str, str] = {}


class Double(NamedTuple):
    address: str
    requests: list[Request]


@contextmanager
def serving(
    answer: Callable[[Request], Answer],
    certificate: Path | None = None,
    drip_s: float = 0.0,
    until: Event | None = None,
) -> Iterator[Double]:
    """Serve, over TLS where there is a certificate (with its key in the same file).

    With `drip_s`, each byte of an answer comes so many seconds after the one before, until `until` is set.
    """
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_form = "form" in self.headers.get("Content-Type", "")
            pairs = parse_qsl(parts.query or (body.decode() if is_form else ""), keep_blank_values=True)
            request = Request(parts.path, dict(pairs), self.headers, self.command, pairs, body)
            requests.append(request)
            content, status, headers = answer(request)
            sent = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(sent))} | dict(headers)).items():
                self.send_header(name, value)
            self.end_headers()
            if drip_s and until:
                for byte in sent:
                    self.wfile.write(bytes([byte]))
                    if until.wait(drip_s):
                        return
            self.wfile.write(sent)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 (as the server calls it)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # the test sees what the client makes of it

    with Server(("127.0.0.1", 0), Handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Double(f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}", requests)
        finally:
            server.shutdown()
            thread.join()
