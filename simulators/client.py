"""What the test helpers share: a simulator in its own process, and JSON over HTTP to it.

Standard library only: whoever tests with a simulator need not install anything for it.
"""

import contextlib
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
STOP_S = 10.0


class Refused(Exception):
    """The simulator answered with an error; `status` is the HTTP status, `body` what it said."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body.strip()}")
        self.status = status
        self.body = body


class Http:
    """Requests to one simulator, each on a connection of its own."""

    def __init__(self, host: str, port: int, timeout: float = 30.0) -> None:
        self.host = host
        self.port = port
        self.timeout = timeout

    def call(
        self, method: str, path: str, body: object = None, query: Mapping[str, object] | None = None,
        patience: float = 0.0,
    ) -> Any:  # fmt: skip
        """The JSON (or, when it is not JSON, the bytes) of the answer; raises Refused for a status ≥ 400.

        `patience` is how many seconds longer than usual the answer may take.
        """
        with self._opened(method, path, body, query or {}, patience) as answer:
            data = answer.read()
            if "json" in (answer.getheader("Content-Type") or ""):
                return json.loads(data)
            return data

    def lines(self, path: str, **query: object) -> Iterator[dict[str, Any]]:
        """NDJSON, line by line as it comes."""
        with self._opened("GET", path, None, query, 0.0) as answer:
            for line in answer:
                yield json.loads(line)

    @contextlib.contextmanager
    def _opened(
        self, method: str, path: str, body: object, query: Mapping[str, object], patience: float
    ) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout + patience)
        try:
            target = f"{path}?{urlencode(query)}" if query else path
            connection.request(method, target, None if body is None else json.dumps(body).encode())
            answer = connection.getresponse()
            if answer.status >= 400:
                raise Refused(answer.status, answer.read().decode("utf-8", "replace"))
            yield answer
        finally:
            connection.close()


@contextlib.contextmanager
def process(module: str, environment: Mapping[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Run `python -m module` until the block ends; yields its pid and the line with which it said it listens.

    It is ended with SIGTERM and must leave with status 0 within ten seconds, unless the block killed it.
    """
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    child = subprocess.Popen(
        [sys.executable, "-m", module],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    try:
        line = child.stdout.readline()
        if not line:
            raise RuntimeError(f"{module} did not start; it left with status {child.wait()}")
        yield child.pid, json.loads(line)
    finally:
        child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            raise
        finally:
            child.stdout.close()
