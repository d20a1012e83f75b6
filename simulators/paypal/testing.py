"""PayPal for tests: `with running() as paypal:` starts one on a free port and yields its remote control."""

import contextlib
from collections.abc import Iterator

from simulators import payer
from simulators.payer import Till


class PayPal(Till):
    """A payment simulator whose captures may take their time."""

    def next_capture(self, status: str) -> None:
        """COMPLETED, PENDING or DECLINED: what becomes of the next capture."""
        self._http.call("POST", "/sim/captures", {"next": status})

    def decide(self, capture: str, status: str) -> None:
        """What becomes of a pending capture; its webhook follows."""
        self._http.call("POST", "/sim/captures", {"id": capture, "status": status})


@contextlib.contextmanager
def running(**settings: object) -> Iterator[PayPal]:
    """A simulator in its own process for the length of the block.

    Keywords are KERYX_PAYPAL_… settings: `sim_webhook_url="http://…"`, `client_secret=…`, `webhook_id=…`.
    """
    with payer.running("simulators.paypal", "PAYPAL", settings) as (url, pid):
        yield PayPal(url, pid)
