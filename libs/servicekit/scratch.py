"""A folder of a process's own for what it puts aside: gone when the process ends, and when it was killed, with the next sweep.

What strangers upload passes through such files; nobody may find it there later.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
import threading
from pathlib import Path

_PREFIX = "keryx-scratch-"
_UNLOCKED = ".keryx-new-"  # not looked at by others before it is locked


_settling = threading.Lock()
_settled: list[Path] = []


def settle(parent: str) -> Path:
    """The folder, which ``tempfile`` uses from now on; made under ``parent`` by the first call. Raises OSError."""
    with _settling:
        if not _settled:
            made = Path(tempfile.mkdtemp(prefix=_UNLOCKED, dir=parent))
            _lock(made)  # as long as this process lives
            folder = made.rename(made.with_name(_PREFIX + made.name.removeprefix(_UNLOCKED)))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            tempfile.tempdir = str(folder)
            _settled.append(folder)
        return _settled[0]


def sweep(parent: str) -> None:
    """Remove what processes that are no more left under ``parent``, which any number of processes may share."""
    for folder in Path(parent).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # in use, or somebody else's
            handle = _lock(folder)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(handle)


def _lock(folder: Path) -> int:
    """A descriptor that no child inherits. Raises OSError when another process has the folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle
