"""As whom, and where, the private servers run.

PostgreSQL refuses to run as root, so root hands both servers to the users that their packages made. Those may
be unable to reach the clone (say below /root); then the data goes to /var/tmp and ``.run`` points at it.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from deploy.local.layout import Layout, Problem


class RunAs(TypedDict, total=False):
    """Keyword arguments for subprocess that change the user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """The user a server runs as."""

    name: str

    @classmethod
    def of(cls, package_user: str) -> Account:
        """``package_user`` when we are root and may choose, otherwise whoever we are."""
        return cls(package_user if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name)

    def run_as(self) -> RunAs:
        """What to pass to subprocess to start a program as this user."""
        if os.geteuid() != 0:
            return {}
        entry = self._entry()
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [entry.pw_gid]}

    def own(self, path: Path) -> None:
        """Give ``path`` to this user."""
        if os.geteuid() == 0:
            entry = self._entry()
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def _entry(self) -> pwd.struct_passwd:
        try:
            return pwd.getpwnam(self.name)
        except KeyError:
            raise Problem(
                f"the system user {self.name} is missing; reinstall the package that brings it"
            ) from None


def server_folder(layout: Layout, server: str, account: Account) -> Path:
    """The folder of ``server``, owned by ``account`` and closed to others; reachable as ``.run/<server>``."""
    link = layout.run / server
    if os.geteuid() != 0 or all_may_pass(layout.run):
        folder = link
        folder.mkdir(exist_ok=True)
    else:
        folder = _make_outside(layout) / server
        folder.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(folder)
    account.own(folder)
    folder.chmod(0o700)
    return folder


def all_may_pass(folder: Path) -> bool:
    """Whether any user can reach what lies in ``folder`` (every folder above may be entered by others)."""
    return all(step.stat().st_mode & stat.S_IXOTH for step in (folder, *folder.parents))


def outside_folder(layout: Layout) -> Path:
    """Where the data of this clone goes when the servers' users cannot reach the clone itself."""
    key = hashlib.sha256(str(layout.run).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"keryx-{key}"


def _make_outside(layout: Layout) -> Path:
    """Make that folder. The place is open to all, so its owner is checked before it is trusted."""
    folder = outside_folder(layout)
    folder.mkdir(mode=0o711, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Problem(f"{folder} belongs to somebody else; remove it")
    folder.chmod(0o711)
    return folder
