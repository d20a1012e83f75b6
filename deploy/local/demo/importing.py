"""Step 3: the shop's customers out of their Excel file."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from .api import Api
from .screen import Bar
from .waiting import Deadline

GROUP = "Πελάτες"


@dataclass(frozen=True)
class Imported:
    """The import as it ended, its group as it is now, and the reason of every rejected row."""

    job: dict[str, Any]
    group: dict[str, Any]
    reasons: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """rows, accepted, updated, duplicates, rejected."""
        counts: dict[str, int] = self.job["counts"]
        return counts


def upload(client: Api, file: Path, deadline: Deadline) -> dict[str, Any]:
    """Send the file; the import once it has been looked at."""
    job = client.post("/imports", files={"file": (file.name, file.read_bytes())})
    return deadline.wait(lambda: _in(client, job["id"], "analysed"), "the file looked at")


def take_over(client: Api, job: dict[str, Any], rejects: Path, bar: Bar, deadline: Deadline) -> Imported:
    """Take the rows over into a new group and save the workbook of what was rejected."""
    group = client.post("/groups", {"name": GROUP, "description": "Από το αρχείο Excel"})
    client.post(f"/imports/{job['id']}/commit", {"policy": "fill", "group_ids": [group["id"]]})
    done = deadline.wait(lambda: _finished(client, job["id"], bar), "the import")
    workbook = client.download(f"/imports/{job['id']}/rejects.xlsx")
    rejects.write_bytes(workbook)
    return Imported(done, client.get(f"/groups/{group['id']}"), reasons_in(workbook))


def _finished(client: Api, job_id: str, bar: Bar) -> dict[str, Any] | None:
    job = _in(client, job_id, "done", "running", "analysed")
    if job is None:
        return None
    bar.show(job["progress"]["done"], job["progress"]["total"], "customers")
    return job if job["state"] == "done" else None


def _in(client: Api, job_id: str, *states: str) -> dict[str, Any] | None:
    """The import when it is in one of ``states``, None while it is on its way there. Raises ValueError when it failed."""
    job: dict[str, Any] = client.get(f"/imports/{job_id}")
    if job["state"] in ("failed", "cancelled"):
        raise ValueError(f"the import {job['state']}: {(job.get('error') or {}).get('en')}")
    return job if job["state"] in states else None


def reasons_in(workbook: bytes) -> tuple[str, ...]:
    """The reason (last column) of every row of a workbook of rejects, without the value in brackets."""
    sheet = load_workbook(BytesIO(workbook), read_only=True).active
    assert sheet is not None
    rows = sheet.iter_rows(min_row=2, values_only=True)
    return tuple(str(row[-1] or "").partition(" (")[0] for row in rows)
