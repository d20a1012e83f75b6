"""Every other process killed at each of its points."""

from __future__ import annotations

from uuid import uuid4

from bench.harness import people

from ..case import Case
from ..rig import wait
from .fault import Fault, kill

IMPORTED = 300
SLOW = 14.0


def _direct(case: Case) -> None:
    """Sent until it is accepted: the answer to the first try may never come."""
    case.send_directly(5)


def _small_campaign(case: Case) -> None:
    case.send_small_campaign()


def _settings(case: Case) -> None:
    case.other().api.patch("/settings", {"default_sender": f"K{case.number}"})


def _blacklist(case: Case) -> None:
    case.other().api.post("/blacklist", {"numbers": [str(people.number(case.n))], "reason": "chaos"})


def _other_account(case: Case) -> None:
    case.other()


def _nearly_low(case: Case) -> None:
    """One message from now the third account's balance is low, and its owner is told."""
    address = case.memory["address"] = f"low-{uuid4().hex[:8]}@example.gr"
    level = f"{(case.available() - 10_000) / 1_000_000:.6f}"
    wanted = {"level": level, "emails": [address]}
    case.other().api.patch("/settings", {"low_balance": wanted})
    armed = "SELECT armed FROM balances WHERE account_id = %s"
    wait(lambda: case.stack.sql("billing", armed, case.other().id)[0][0], 30, "the notice armed")


def _told_once(case: Case) -> None:
    mails = case.rig.mailbox.wait(to=case.memory["address"], timeout=60)
    if len(mails) != 1:
        case.complaints.append(f"{len(mails)} e-mails for one low balance")


def _staged(case: Case) -> None:
    """An import that has been looked at and waits to be taken over."""
    text = "\n".join(str(people.number(case.n + i)) for i in range(IMPORTED))
    api = case.other().api
    job = api.post("/imports", {"text": text})
    case.memory["group"] = api.post("/groups", {"name": f"Chaos {case.number}"})["id"]
    case.memory["import"] = job["id"]
    wait(lambda: api.get(f"/imports/{job['id']}")["state"] == "analysed", 60, "the import looked at", 0.2)


def _commit_import(case: Case) -> None:
    body = {"policy": "fill", "group_ids": [case.memory["group"]]}
    case.other().api.post(f"/imports/{case.memory['import']}/commit", body)


def _imported_once(case: Case) -> None:
    api, job = case.other().api, case.memory["import"]
    done = wait(lambda: _done(api.get(f"/imports/{job}")), 90, "the import done", 0.2)
    members = api.get(f"/groups/{case.memory['group']}")["members"]
    if done["counts"]["accepted"] != IMPORTED or members != IMPORTED:
        case.complaints.append(f"{IMPORTED} rows imported: {done['counts']}, {members} in the group")


def _done(job: dict[str, object]) -> dict[str, dict[str, int]] | None:
    return job if job["state"] == "done" else None  # type: ignore[return-value]


FAULTS: tuple[Fault, ...] = (
    kill("acceptor", "acceptor.stored", "a chunk's rows are written, not committed", times=2, upstream=True),
    kill("acceptor", "acceptor.committed", "a chunk is committed, not acknowledged", times=2, upstream=True),
    kill("expander", "expander.prepared", "chunks are prepared, their price not held", upstream=True),
    kill("expander", "expander.held", "the price is held, the chunks not queued", upstream=True),
    kill("campaigns", "campaigns.messages_progressed.effect", "counted, not committed", times=3),
    kill("campaigns", "campaigns.messages_progressed.committed", "counted, not acknowledged", times=3),
    kill("billing", "billing.messages_progressed.effect", "settled, not committed", times=3),
    kill("billing", "billing.messages_progressed.committed", "settled, not acknowledged", times=3),
    kill("billing", "billing.hold.done", "held, the expander not answered", upstream=True),
    kill(
        "dispatcher",
        "dispatcher.held",
        "a direct send's price is held, nothing accepted; the client repeats it",
        prepare=_other_account,
        trigger=_direct,
        seconds=SLOW,
    ),
    kill(
        "dispatcher",
        "dispatcher.accept_all.done",
        "a direct send is accepted, not answered; the client repeats it",
        prepare=_other_account,
        trigger=_direct,
        seconds=SLOW,
    ),
    kill(
        "gateway",
        "gateway.dispatcher.accept_all",
        "a direct send is accepted, the client's connection breaks; he repeats it",
        prepare=_other_account,
        trigger=_direct,
        seconds=SLOW,
    ),
    kill(
        "contacts",
        "contacts.audience_page.done",
        "a page of the audience is read, not answered",
        upstream=True,
    ),
    kill(
        "contacts-worker",
        "contacts-worker.frozen",
        "an audience is frozen, not committed",
        prepare=_other_account,
        trigger=_small_campaign,
        seconds=SLOW,
    ),
    kill(
        "contacts-worker",
        "contacts-worker.applied",
        "a page of an import is applied, not committed",
        prepare=_staged,
        trigger=_commit_import,
        after=_imported_once,
        seconds=SLOW,
    ),
    kill(
        "notifier",
        "notifier.handed",
        "an e-mail is handed over, not booked",
        prepare=_nearly_low,
        trigger=_direct,
        after=_told_once,
        seconds=SLOW,
    ),
    kill(
        "relay-campaigns",
        "relay-campaigns.published",
        "chunks are published, not marked as sent",
        upstream=True,
    ),
    kill("relay-dispatcher", "relay-dispatcher.published", "orders are published, not marked", times=3),
    kill(
        "relay-accounts",
        "relay-accounts.published",
        "a change of settings is published, not marked",
        prepare=_other_account,
        trigger=_settings,
    ),
    kill(
        "relay-contacts",
        "relay-contacts.published",
        "an opt-out is published, not marked",
        prepare=_other_account,
        trigger=_blacklist,
    ),
    kill(
        "relay-billing",
        "relay-billing.published",
        "a low balance is published, not marked",
        prepare=_nearly_low,
        trigger=_direct,
        after=_told_once,
        seconds=SLOW,
    ),
)
