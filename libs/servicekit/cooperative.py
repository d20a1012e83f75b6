"""The first import of a nameko process: makes blocking calls cooperative before anybody has taken hold of them.

What is bound before (``from time import sleep`` in kombu) stays as it is: kombu then slept for real between its attempts
to reach the broker, and with it slept every handler, timer and health page of the process.
"""

from __future__ import annotations

import selectors
import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def patch() -> None:
    """Replace what blocks, in psycopg2 too. Raises RuntimeError when it is too late for that."""
    late = {"amqp", "kombu", "nameko", "pika", "sqlalchemy"} & sys.modules.keys()
    if late:
        raise RuntimeError(f"patch before {', '.join(sorted(late))} is imported")
    import eventlet

    eventlet.monkey_patch()
    import socketserver

    # Where it is loaded already it keeps the selector it saw then, which blocks the whole process.
    socketserver._ServerSelector = selectors.SelectSelector  # type: ignore[attr-defined]
    from psycogreen.eventlet import patch_psycopg

    patch_psycopg()


def aside(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """``function(*args, **kwargs)`` in a native thread; the caller waits for it, and for nobody else does the process stop.

    For what only computes, and may do so for long: it has no connection, no log and no lock that was made after ``patch``.
    Python lets the others go on every 5 ms. Raises what it raises.
    """
    from eventlet import tpool

    done: T = tpool.execute(function, *args, **kwargs)
    return done


def breathe() -> None:
    """Let the others of a process that was patched go on, between the pieces of a long computation. Elsewhere nothing."""
    eventlet = sys.modules.get("eventlet")
    if eventlet is not None and eventlet.patcher.is_monkey_patched("thread"):
        eventlet.sleep(0)
