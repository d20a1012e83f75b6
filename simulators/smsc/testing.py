"""An SMSC for tests: `with running() as smsc:` starts one on free ports and yields its remote control."""

import contextlib
from collections.abc import Iterator
from typing import Any

from simulators import client
from simulators.smsc import decode


class Smsc:
    """The remote control of one simulator. Methods raise simulators.client.Refused when it says no."""

    def __init__(self, host: str, port: int, http_port: int, pid: int = 0) -> None:
        self.host = host
        self.port = port
        self.url = f"http://{host}:{http_port}"
        self.pid = pid
        self.system_id = "keryx"
        self.password = "secret"
        self._http = client.Http(host, http_port)

    @property
    def address(self) -> tuple[str, int]:
        """Where it speaks SMPP."""
        return self.host, self.port

    def stats(self) -> dict[str, Any]:
        """GET /stats."""
        return self._json("GET", "/stats")

    def faults(self, **changes: object) -> dict[str, Any]:
        """Merge into the faults (`preset="operator"`, `drop={"next": 3}`, …); returns the whole tree."""
        return self._json("POST", "/faults", changes)

    def reset(self) -> None:
        """Forget everything received and counted; binds and faults stay."""
        self._json("POST", "/reset", {})

    def inbound(self, sender: str, recipient: str, text: str, **more: str) -> int:
        """A handset writes to us; returns the parts it made."""
        body = {"from": sender, "to": recipient, "text": text, **more}
        return int(self._json("POST", "/mo", body)["parts"])

    def wait(self, timeout: float = 20.0, **counts: int) -> dict[str, Any]:
        """Return as soon as every counter has reached its number; raises AssertionError when time runs out.

        Counters: submits, accepted, rok, refused, throttled, lost, dropped, receipts_made, receipts_sent,
        receipts_answered, receipts_pending (sinks to it), mo_answered, binds, connections. 0 waits for 0.
        """
        try:
            return self._json("GET", "/wait", query={**counts, "timeout": timeout}, patience=timeout)
        except client.Refused as error:
            if error.status == 408:
                raise AssertionError(f"waited {timeout} s for {counts}, found {error.body}") from error
            raise

    def received(self, since: int = 0, decoded: bool = True) -> Iterator[dict[str, Any]]:
        """Lines of /received.ndjson with n > since."""
        return self._http.lines("/received.ndjson", since=since, decoded=int(decoded))

    def receipts(self, since: int = 0) -> Iterator[dict[str, Any]]:
        """Lines of /receipts.ndjson with n > since."""
        return self._http.lines("/receipts.ndjson", since=since)

    def messages(self) -> list[decode.Message]:
        """Every message answered ESME_ROK, put together from its parts."""
        return list(decode.messages(self.received()))

    def _json(
        self, method: str, path: str, body: object = None, query: dict[str, object] | None = None,
        patience: float = 0.0,
    ) -> dict[str, Any]:  # fmt: skip
        answer: dict[str, Any] = self._http.call(method, path, body, query, patience)
        return answer


@contextlib.contextmanager
def running(**settings: object) -> Iterator[Smsc]:
    """A simulator in its own process for the length of the block, on ports of the system's choice.

    Keywords are its settings: `preset="operator"`, `seed=7`, `port=2775`, `more_logins="b:pw"` and so on.
    """
    chosen = {"port": 0, "http_port": 0, **settings}
    environment = {f"KERYX_SMSC_{name.upper()}": str(value) for name, value in chosen.items()}
    with client.process("simulators.smsc", environment) as (pid, line):
        yield Smsc(line["host"], line["port"], line["http_port"], pid)
