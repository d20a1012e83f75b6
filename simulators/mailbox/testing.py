"""A mailbox for tests: `with running() as mailbox:` starts one on free ports and yields its remote control."""

import contextlib
from collections.abc import Iterator
from typing import Any

from simulators import client


class Mailbox:
    """The remote control of one mailbox. Methods raise simulators.client.Refused when it says no."""

    def __init__(self, host: str, port: int, http_port: int, pid: int = 0) -> None:
        self.host = host
        self.port = port
        self.url = f"http://{host}:{http_port}"
        self.pid = pid
        self._http = client.Http(host, http_port)

    def messages(self, to: str = "", subject: str = "") -> list[dict[str, Any]]:
        """Those kept for this recipient whose subject holds this text, oldest first, at most 200."""
        listing: dict[str, Any] = self._http.call("GET", "/messages", query={"to": to, "subject": subject})
        return list(listing["messages"])

    def wait(
        self, to: str = "", subject: str = "", count: int = 1, timeout: float = 20.0
    ) -> list[dict[str, Any]]:
        """The same as soon as there are `count`; raises AssertionError when time runs out."""
        query = {"to": to, "subject": subject, "count": count, "timeout": timeout}
        try:
            listing: dict[str, Any] = self._http.call("GET", "/wait", query=query, patience=timeout)
        except client.Refused as error:
            if error.status == 408:
                raise AssertionError(f"no such mail in {timeout} s; there was {error.body[:2000]}") from error
            raise
        return list(listing["messages"])

    def source(self, n: int) -> bytes:
        """A message as it came."""
        return bytes(self._http.call("GET", f"/messages/{n}.eml"))

    def clear(self) -> None:
        """Throw all messages away."""
        self._http.call("DELETE", "/messages")

    def faults(self, **changes: object) -> dict[str, Any]:
        """Merge into the faults (`refuse=2, refuse_code=550`, `drop=1`, `slow_ms=500`); returns all of them."""
        shown: dict[str, Any] = self._http.call("POST", "/faults", changes)
        return shown


@contextlib.contextmanager
def running(**settings: object) -> Iterator[Mailbox]:
    """A mailbox in its own process for the length of the block, on ports of the system's choice.

    Keywords are KERYX_MAILBOX_… settings: `keep=10`, `keep_mb=1`.
    """
    environment = {f"KERYX_MAILBOX_{name.upper()}": str(value) for name, value in settings.items()}
    ports = {"KERYX_SMTP_PORT": "0", "KERYX_MAILBOX_HTTP_PORT": "0"}
    with client.process("simulators.mailbox", {**ports, **environment}) as (pid, line):
        yield Mailbox(line["host"], line["port"], line["http_port"], pid)
