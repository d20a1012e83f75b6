"""A full disk under an export and under an import file. Campaigns go on; the job is done once there is room again."""

from __future__ import annotations

import csv
import io
import time

from bench.harness import people

from ..case import Case
from ..points import Fired, NotFired
from ..rig import TooLate, wait
from .fault import Fault, Skipped

NO_SPACE = "No space left on device"
ROWS = 3_000
SEEN_SECONDS = 30.0
DONE_SECONDS = 150.0
SENDING_SECONDS = 14.0


def _small_disk_in_use(case: Case) -> None:
    """Python chooses its temporary folder by writing there once: with a full disk it would choose another one."""
    if case.rig.disk.why_not:
        raise Skipped(case.rig.disk.why_not)
    api = case.other().api
    export = api.post("/exports", {"what": "messages", "format": "csv", "filter": {}})
    job = api.post("/imports", {"text": str(people.number(0))})
    wait(lambda: api.get(f"/exports/{export['id']}")["state"] == "done", 60, "an export", 0.2)
    wait(lambda: api.get(f"/imports/{job['id']}")["state"] == "analysed", 60, "an import looked at", 0.2)


def _export(case: Case) -> Fired:
    log = case.rig.log_size("exporter")
    with case.rig.disk.full():
        campaign = str(case.sending("A").campaign_id)
        body = {"what": "messages", "format": "csv", "filter": {"campaign_id": campaign}}
        case.memory["export"] = case.api("A").post("/exports", body)["id"]
        return _seen(case, "exporter", log)


def _import(case: Case) -> Fired:
    log = case.rig.log_size("contacts-worker")
    with case.rig.disk.full():
        api = case.other().api
        job = api.post("/imports", files={"file": ("chaos.csv", case.memory["file"])})
        case.memory["import"] = job["id"]
        return _seen(case, "contacts-worker", log)


def _seen(case: Case, process: str, log: int) -> Fired:
    try:
        met = f"{process} met the full disk"
        return Fired(wait(lambda: case.rig.logged(process, NO_SPACE, log), SEEN_SECONDS, met))
    except TooLate as late:
        raise NotFired(str(late)) from None


def _file(case: Case) -> None:
    _small_disk_in_use(case)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(people.HEADERS)
    writer.writerows(people.people(ROWS))
    case.memory["file"] = text.getvalue().encode("utf-8-sig")
    case.memory["group"] = case.other().api.post("/groups", {"name": f"Chaos {case.number}"})["id"]


def _exported(case: Case) -> None:
    api, path = case.api("A"), f"/exports/{case.memory['export']}"
    wait(lambda: api.get(path)["state"] == "done", DONE_SECONDS, "the export done", 0.3)
    rows = api.download(f"{path}/file").decode("utf-8-sig").splitlines()
    if len(rows) < 2:
        case.complaints.append("the export is empty")


def _imported(case: Case) -> None:
    api, path = case.other().api, f"/imports/{case.memory['import']}"
    deadline = time.monotonic() + DONE_SECONDS
    while (job := api.get(path))["state"] != "analysed":
        if job["state"] == "failed" or time.monotonic() > deadline:
            case.complaints.append(f"the import is {job['state']} after the full disk: {job.get('error')}")
            return
        time.sleep(0.3)
    api.post(f"{path}/commit", {"policy": "fill", "group_ids": [case.memory["group"]]})
    wait(lambda: api.get(path)["state"] == "done", DONE_SECONDS, "the import done", 0.3)
    members = api.get(f"/groups/{case.memory['group']}")["members"]
    if members != ROWS:
        case.complaints.append(f"{members} of {ROWS} rows imported")


FAULTS = (
    Fault(
        "disk.export",
        "the disk is full while an export is written",
        _export,
        prepare=_small_disk_in_use,
        after=_exported,
        seconds=SENDING_SECONDS,
    ),
    Fault(
        "disk.import",
        "the disk is full while an import's file is looked at",
        _import,
        prepare=_file,
        after=_imported,
        seconds=SENDING_SECONDS,
    ),
)
