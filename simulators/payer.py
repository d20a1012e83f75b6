"""What the test helpers of the payment simulators share: a payer with a browser, and the hand on the webhooks."""

import http.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

from simulators import client


class Till:
    """The remote control of a payment simulator. Methods raise simulators.client.Refused when it says no."""

    def __init__(self, url: str, pid: int = 0) -> None:
        parts = urlsplit(url)
        self.url = url
        self.pid = pid
        self._http = client.Http(str(parts.hostname), parts.port or 80)

    def webhooks(self, **settings: object) -> list[dict[str, Any]]:
        """Those that there are; `url`, `hold`, `copies`, `delay_ms`, `retry_ms`, `attempts` change how they go."""
        shown = self._http.call("POST", "/sim/webhooks", settings)
        return list(shown["webhooks"])

    def release(self, order: str = "oldest", seed: int = 0) -> None:
        """Send what is held, one after the other: oldest, newest or shuffled; back when each was answered."""
        self._http.call("POST", "/sim/webhooks/release", {"order": order, "seed": seed}, patience=60)

    def again(self, n: int | None = None) -> None:
        """Send one webhook, or all, once more; back when each was answered."""
        self._http.call("POST", "/sim/webhooks/again", {} if n is None else {"n": n}, patience=60)

    def wait(self, taken: int = 1, timeout: float = 20.0) -> list[dict[str, Any]]:
        """The webhooks as soon as so many were taken; raises AssertionError when time runs out."""
        try:
            query = {"taken": taken, "timeout": timeout}
            shown = self._http.call("GET", "/sim/webhooks/wait", query=query, patience=timeout)
        except client.Refused as error:
            raise AssertionError(f"webhooks were not taken: {error.body[:2000]}") from error
        return list(shown["webhooks"])

    def reset(self) -> None:
        """No faults, no webhooks of the past, none held, one copy each."""
        self.faults(refuse=0, refuse_code=503, drop=0, drop_keeps=False, slow_ms=0, only="")
        self._http.call("DELETE", "/sim/webhooks")
        self.webhooks(hold=False, copies=1, delay_ms=0)

    def faults(self, **changes: object) -> dict[str, Any]:
        """Merge into the faults (`refuse=2`, `drop=1, drop_keeps=True`, `slow_ms=500, only="/connect"`)."""
        shown: dict[str, Any] = self._http.call("POST", "/sim/faults", changes)
        return shown

    def expire_tokens(self) -> None:
        """Forget every access token given out."""
        self._http.call("POST", "/sim/expire-tokens")

    def click(self, pay_url: str, action: str) -> str:
        """Open a hosted page as a browser does and press a button; where the browser is sent then."""
        page = browse("GET", pay_url)
        if page.status != 200:
            raise client.Refused(page.status, page.body.decode("utf-8", "replace"))
        ref = page.body.partition(b'name="ref" value="')[2].partition(b'"')[0].decode()
        answer = browse("POST", pay_url.partition("?")[0], {"ref": ref, "action": action})
        if answer.status != 303:
            raise client.Refused(answer.status, answer.body.decode("utf-8", "replace"))
        return answer.location

    def pay_as_told(self, order: str, **how: object) -> str:
        """A payment of another `amount` (cents) or `currency` than asked; where the browser is sent then."""
        return str(self._http.call("POST", "/sim/pay", {"order": order, **how})["location"])


class Page:
    """What a browser got."""

    def __init__(self, status: int, location: str, body: bytes) -> None:
        self.status, self.location, self.body = status, location, body


def browse(method: str, url: str, form: Mapping[str, str] | None = None) -> Page:
    """One request of a browser that follows no redirect."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, target, None if form is None else urlencode(form), headers)
        answer = connection.getresponse()
        return Page(answer.status, answer.getheader("Location") or "", answer.read())
    finally:
        connection.close()


@contextmanager
def running(module: str, prefix: str, settings: Mapping[str, object]) -> Iterator[tuple[str, int]]:
    """The simulator `module` in its own process on a port of the system's choice; its address and pid.

    Settings are the rest of KERYX_<prefix>_… names.
    """
    environment = {f"KERYX_{prefix}_{name.upper()}": str(value) for name, value in settings.items()}
    with client.process(module, {f"KERYX_{prefix}_SIM_PORT": "0", **environment}) as (pid, line):
        yield f"http://{line['host']}:{line['port']}", pid
