"""Viva for tests: `with running() as viva:` starts one on a free port and yields its remote control."""

import contextlib
from collections.abc import Iterator

from simulators import payer
from simulators.payer import Till


@contextlib.contextmanager
def running(**settings: object) -> Iterator[Till]:
    """A simulator in its own process for the length of the block.

    Keywords are KERYX_VIVA_… settings: `sim_webhook_url="http://…"`, `sim_success_url=…`, `client_secret=…`.
    """
    with payer.running("simulators.viva", "VIVA", settings) as (url, pid):
        yield Till(url, pid)
