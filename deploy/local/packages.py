"""What we need of the machine's own packages, and installing it where we may. Standard library only."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.layout import Problem, say

POLICY = Path("/usr/sbin/policy-rc.d")
# invoke-rc.d(8) asks this script before it starts a service; 101 means "not allowed".
DENY_STARTS = "#!/bin/sh\nexit 101\n"


def postgres_bin() -> Path:
    """The folder with ``initdb`` and ``pg_ctl``, installing PostgreSQL when it is missing and we may."""
    return _find_postgres() or _install_and("postgresql", _find_postgres)


def rabbitmq_bin() -> Path:
    """The folder with RabbitMQ's own scripts (not Debian's wrappers, which let only root and rabbitmq in)."""
    return _find_rabbitmq() or _install_and("rabbitmq-server", _find_rabbitmq)


def install(*packages: str) -> None:
    """Install Debian packages without starting any service they bring. Problem when we may not."""
    names = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Problem(
            f"missing on this machine: {names}. Install it (sudo apt-get install {names}) and run this again."
        )
    say(f"installing from the system's packages: {names} …")
    with _no_service_starts():
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", *packages)


def _install_and(package: str, find: Callable[[], Path | None]) -> Path:
    install(package)
    found = find()
    if found is None:
        raise Problem(f"{package} was installed, but its programs are not where they are expected.")
    return found


def _find_postgres() -> Path | None:
    versions = Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")
    newest = max(versions, key=lambda path: float(path.parts[-3]), default=None)
    found = newest or (Path(which).resolve() if (which := shutil.which("pg_ctl")) else None)
    return found.parent if found and (found.parent / "initdb").exists() else None


def _find_rabbitmq() -> Path | None:
    for folder in (Path("/usr/lib/rabbitmq/bin"), Path("/opt/homebrew/sbin"), Path("/usr/local/sbin")):
        if (folder / "rabbitmq-server").exists() and shutil.which("erl"):
            return folder
    return None


def _apt(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l"}
    done = subprocess.run(
        ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Problem(f"apt-get {' '.join(arguments)} failed; it said:\n{done.stdout.strip()[-2000:]}")


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Deny starts while packages are installed; a policy that the machine already has stays its own."""
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text(DENY_STARTS, encoding="ascii")
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            POLICY.unlink(missing_ok=True)
