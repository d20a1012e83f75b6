"""The smallest process the supervisor can keep: answers /readyz, drains on SIGTERM, keeps a diary.

``python toy_process.py <name> <port> <diary>`` notes ``<name> started`` and ``<name> drained``.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Ready(BaseHTTPRequestHandler):
    """Answers everything with 200."""

    def do_GET(self) -> None:
        """Say yes."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the log for what the tests look for."""


def main() -> None:
    """Serve until SIGTERM; ``crash`` as name ends at once with exit status 3."""
    name, port, diary = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if name == "crash":
        print("toy: refusing to start", flush=True)
        sys.exit(3)
    server = HTTPServer(("127.0.0.1", port), Ready)
    if name == "parent":
        child = subprocess.Popen(["sleep", "1000"])
        note(diary, f"{name} child {child.pid}")
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    note(diary, f"{name} started")
    server.serve_forever()
    note(diary, f"{name} drained")


def note(diary: Path, line: str) -> None:
    """Append ``line`` in one write."""
    with diary.open("a", encoding="ascii") as out:
        out.write(line + "\n")


if __name__ == "__main__":
    main()
