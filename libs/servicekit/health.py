"""Health of a process over HTTP: ``/healthz`` (alive), ``/readyz`` (can do its work now), ``/metrics``."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], bool]


class HealthServer:
    """Serves the three pages from a thread (a greenlet where eventlet is at work) until ``close``.

    ``checks`` are asked at each ``/readyz``; one that raises counts as failed. Port 0 serves nothing.
    """

    def __init__(self, host: str, port: int, checks: Mapping[str, Check]) -> None:
        """Listen at once. Raises OSError when the port is taken."""
        self._server: ThreadingHTTPServer | None = None
        if port:
            self._server = ThreadingHTTPServer((host, port), _handler(checks))
            self._server.daemon_threads = True
            threading.Thread(target=self._serve, args=(self._server,), name="health", daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.server_close()

    @staticmethod
    def _serve(server: ThreadingHTTPServer) -> None:
        # serve_forever polls with a selector that eventlet cannot make cooperative: in a nameko process it held
        # up everything else for half a second at a time. Accepting is a call that eventlet does replace.
        while True:
            try:
                request, address = server.get_request()
            except OSError:
                return  # closed
            server.process_request(request, address)


def readiness(checks: Mapping[str, Check]) -> tuple[bool, dict[str, bool]]:
    """Ask every check; returns (all passed, result by name)."""
    results = {name: _passes(check) for name, check in checks.items()}
    return all(results.values()), results


def _passes(check: Check) -> bool:
    try:
        return bool(check())
    except Exception:  # noqa: BLE001  a failing check is an answer, not an accident
        return False


def _handler(checks: Mapping[str, Check]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_GET(self) -> None:
            """Answer one of the three pages."""
            if self.path == "/metrics":
                self._send(200, generate_latest(), CONTENT_TYPE_LATEST)
            elif self.path == "/healthz":
                self._send(200, b'{"status":"ok"}', "application/json")
            elif self.path == "/readyz":
                ready, results = readiness(checks)
                self._send(200 if ready else 503, json.dumps(results).encode(), "application/json")
            else:
                self._send(404, b"", "text/plain")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Probes are not worth a log line."""

    return Handler
