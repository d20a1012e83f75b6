"""A disk that can be full: a small tmpfs, on which the processes that write a client's files have their temporary folder."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

SIZE = "24m"


class Disk:
    """Mounted at ``folder`` when we may; otherwise a plain folder that is never full, and ``why_not`` says why."""

    def __init__(self, folder: Path) -> None:
        """Nothing is mounted yet."""
        self.folder = folder
        self.why_not = ""

    def mount(self) -> None:
        """Have it there, empty."""
        self.unmount()
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o777)
        if os.geteuid() != 0:
            self.why_not = "mounting a small disk needs root"
            return
        options = ["-t", "tmpfs", "-o", f"size={SIZE},mode=1777", "keryx-chaos", str(self.folder)]
        done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
        self.why_not = done.stderr.strip() if done.returncode else ""

    def unmount(self) -> None:
        """Have it gone, also when an earlier run left it."""
        if self.folder.is_mount():
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Not one octet more fits inside the block."""
        filler = self.folder / "filler"
        try:
            with filler.open("wb", buffering=0) as file:
                _fill(file.fileno())
            yield
        finally:
            filler.unlink(missing_ok=True)


def _fill(file: int) -> None:
    for octets in (1 << 20, 4096, 1):
        block = bytes(octets)
        try:
            while True:
                os.write(file, block)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
