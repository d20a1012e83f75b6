"""The long work of contacts, done by ``services.contacts.worker`` on native psycopg2 connections.

Every step commits its effect together with the cursor that says so: killed anywhere, the next worker goes on there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from servicekit import jobs

from .. import queries


class LostJob(Exception):
    """Somebody else has the job now, or it was cancelled; what was not committed is dropped."""


class Stopping(Exception):
    """The process is asked to stop; the job is let go of and taken up by the next worker."""


@dataclass(frozen=True)
class Claim:
    """An import that this worker holds by lease, and what it works with."""

    connection: Any
    beside: Any
    """A second connection, for the next page of what is being stored."""
    import_id: int
    owner: str
    is_stopping: Callable[[], bool]

    def go_on(self) -> None:
        """Raise Stopping when the process is asked to stop."""
        if self.is_stopping():
            raise Stopping

    def begin(self, cursor: Any, state: str) -> dict[str, Any]:
        """Begin a step: the import's row, locked, its lease renewed. Raises Stopping, and LostJob unless in ``state``."""
        self.go_on()
        return self.step(cursor, state)

    def step(self, cursor: Any, state: str) -> dict[str, Any]:
        """The import's row, locked until the end of the step, its lease renewed. Raises LostJob unless in ``state``."""
        if not jobs.renew(cursor, "imports", self.import_id, self.owner):
            raise LostJob(f"import {self.import_id}: the lease is another's")
        found = queries.row(
            cursor, "SELECT * FROM imports WHERE id = %(id)s FOR UPDATE", {"id": self.import_id}
        )
        if found is None or found["state"] != state:
            raise LostJob(f"import {self.import_id} is not {state} any more")
        return found
