"""``make setup``: the virtual environment, made from the hash-pinned lock. Standard library only.

Does nothing when the environment was already made from the very same lock by the same Python.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.local.layout import ROOT, VENV, VENV_PYTHON, Problem, complain, say
from deploy.local.packages import install

LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".made-from"
MINIMUM = (3, 11)
PATHS = "../../../..\n../../../../libs\n"
"""Where our code lies, seen from site-packages: the clone may be moved, and clones may share an environment."""


def fingerprint() -> str:
    """Changes when the lock or the Python does."""
    parts = [LOCK.read_text(encoding="utf-8"), sys.version, PATHS]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def is_current() -> bool:
    """Whether the environment is there and was made from today's lock."""
    return VENV_PYTHON.exists() and STAMP.exists() and STAMP.read_text(encoding="ascii") == fingerprint()


def make() -> None:
    """Make the environment or bring it up to the lock. Raises Problem with what is missing on the machine."""
    if is_current():
        say("virtual environment: up to date")
        return
    if sys.version_info < MINIMUM:
        raise Problem(
            f"Keryx needs Python 3.11 or later, this is {sys.version.split()[0]}; set PYTHON=… to another."
        )
    _create()
    say("virtual environment: installing from requirements.lock (a minute or two) …")
    _pip("install", "--no-deps", "--require-hashes", "-r", str(LOCK))
    _pip("check")
    _site_packages().joinpath("keryx.pth").write_text(PATHS, encoding="utf-8")
    STAMP.write_text(fingerprint(), encoding="ascii")
    say("virtual environment: ready in .venv")


def _create() -> None:
    STAMP.unlink(missing_ok=True)
    if importlib.util.find_spec("ensurepip") is None:  # Debian splits it off
        install("python3-venv")
    usable = VENV_PYTHON.exists() and _version(VENV_PYTHON) == sys.version
    if not usable:
        say(f"virtual environment: creating .venv with Python {sys.version.split()[0]}")
        shutil.rmtree(VENV, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)


def _version(python: Path) -> str:
    """The full version of ``python``; empty when it does not run (its base was removed)."""
    try:
        asked = [str(python), "-c", "import sys; print(sys.version)"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def _pip(*arguments: str) -> None:
    command = [str(VENV_PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(
        [*command, "--quiet"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode:
        raise Problem(f"pip {arguments[0]} failed; it said:\n{done.stdout.strip()[-3000:]}")


def _site_packages() -> Path:
    return VENV / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def main() -> int:
    """Exit status 0 when the environment is ready."""
    try:
        make()
    except Problem as problem:
        return complain(problem)
    return 0


if __name__ == "__main__":
    sys.exit(main())
