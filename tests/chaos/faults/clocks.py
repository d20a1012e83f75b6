"""One process's clock jumps an hour forward, then two back: libfaketime under that process, never the machine's clock."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from deploy.local import packages
from deploy.local.layout import Problem

from ..case import Case
from ..points import Fired, NotFired
from .fault import Fault, Skipped

PACKAGE = "libfaketime"
LIBRARY = "libfaketimeMT.so.1"
FORWARD, BACK, RIGHT = "+3600s", "-3600s", "+0s"
BETWEEN_SECONDS = 3.0
CLOCKWORK = Path(__file__).resolve().parents[1] / "clockwork"


def _library() -> Path:
    """Installed when it is missing and we may. Raises Skipped."""
    found = _find()
    if found is None:
        try:
            packages.install(PACKAGE)
        except Problem as problem:
            raise Skipped(str(problem).splitlines()[0]) from None
        found = _find()
    if found is None:
        raise Skipped(f"{PACKAGE} brought no {LIBRARY}")
    return found


def _find() -> Path | None:
    return next(Path("/usr/lib").glob(f"*/faketime/{LIBRARY}"), None)


def _own_clock(process: str, case: Case) -> None:
    """Start the process with a clock of its own, which is right for now."""
    library = _library()
    file = _clock(process, case)
    file.write_text(RIGHT, encoding="ascii")
    case.restart_with(
        process,
        LD_PRELOAD=str(library),
        FAKETIME_TIMESTAMP_FILE=str(file),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
        PYTHONPATH=str(CLOCKWORK),
    )


def _jump(process: str, case: Case) -> Fired:
    file = _clock(process, case)
    if LIBRARY not in Path(f"/proc/{case.rig.pid(process)}/maps").read_text(encoding="utf-8"):
        raise NotFired(f"{process} runs without {LIBRARY}")
    at = case.now()
    for where in (FORWARD, BACK):
        file.write_text(where, encoding="ascii")
        time.sleep(BETWEEN_SECONDS)
    file.write_text(RIGHT, encoding="ascii")
    return Fired(at)


def _machine_clock(process: str, case: Case) -> None:
    case.restart_with(process)


def _clock(process: str, case: Case) -> Path:
    return case.rig.layout.run / f"clock-{process}"


FAULTS = tuple(
    Fault(
        f"clock.{process}",
        f"the clock of the {process} jumps an hour forward, then two hours back",
        partial(_jump, process),
        prepare=partial(_own_clock, process),
        restore=partial(_machine_clock, process),
        seconds=14.0,
    )
    for process in ("sender", "expander", "campaigns", "dispatcher")
)
