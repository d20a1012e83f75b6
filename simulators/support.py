"""What every simulator process needs: settings from the environment, one line per event, a listening port.

Standard library only, so that a simulator starts in a fraction of a second.
"""

import json
import os
import socket
import sys
import time


class CannotStart(Exception):
    """The process cannot run as configured; the message is the one sentence the user gets to read."""


def text(name: str, default: str) -> str:
    """The environment's value of `name`, or the default when it is missing or empty."""
    return os.environ.get(name) or default


def number(name: str, default: int, low: int = 0, high: int = 2**31 - 1) -> int:
    """The environment's whole number; raises CannotStart when it is not one between `low` and `high`."""
    value = text(name, str(default))
    if not (value.isascii() and value.isdigit()) or not low <= int(value) <= high:
        raise CannotStart(f"{name} must be a whole number from {low} to {high}, not {value!r}.")
    return int(value)


def port(name: str, default: int) -> int:
    """The environment's TCP port, 0 for one the system chooses."""
    return number(name, default, 0, 65535)


def listen(host: str, port_number: int, setting: str) -> socket.socket:
    """A non-blocking listening socket. `setting` is the variable to name when the port cannot be had."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port_number))
        listener.listen(512)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise CannotStart(
            f"Cannot listen on {host}:{port_number} ({reason}); free the port or set {setting} to another."
        ) from error
    listener.setblocking(False)
    return listener


def note(process: str, event: str, **facts: object) -> None:
    """One JSON line on standard output: what happened, when (UTC seconds), and its facts."""
    line = {"time": round(time.time(), 3), "process": process, "event": event, **facts}
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def refuse_to_start(process: str, error: CannotStart) -> int:
    """Say the one sentence on standard error; returns the exit status."""
    print(f"{process}: {error}", file=sys.stderr)
    return 1
