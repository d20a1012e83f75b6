"""A child process for what a stranger wrote: bounded memory and processor time, no secrets in its environment, no files.

What passes every check and still explodes ends the child alone. What the child says is no more to be trusted than its input.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple


class Child(NamedTuple):
    """What a child says, and how to wait for its end."""

    said: IO[bytes]
    process: subprocess.Popen[bytes]


@contextmanager
def child(module: str, given: bytes) -> Iterator[Child]:
    """``python -m module`` with ``given`` on its standard input; it is gone when the block ends.

    The child reads all of its input, calls ``confine`` and answers on its standard output. A pipe holds it back while the
    parent is slow to read. Its exit status is below 0 when it died of its limits.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=1 << 20,
        env=environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with process.stdin as pipe:
            pipe.write(given)
        yield Child(process.stdout, process)
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def environment() -> dict[str, str]:
    """What Python needs to find the same modules, and nothing else of ours."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": path, "LANG": "C.UTF-8"}


def confine(address_space: int, cpu_seconds: int) -> None:
    """From here on this process has so many bytes and seconds, writes no file and leaves no core."""
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
