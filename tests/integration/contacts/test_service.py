"""Contacts over RPC, as its callers know it: both processes, a real broker, the relay."""

from __future__ import annotations

import base64
import inspect
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pika
import pytest

from contracts.errors import Conflict, Invalid, NotFound, PreconditionFailed, Unavailable
from contracts.events import AudienceFrozen, SuppressionChanged
from servicekit import topology, wire
from servicekit.rpcclient import Client
from services.contacts.service import ContactsService
from tests.integration.contacts.support import EXAMPLES, OVER, Worker
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def contacts(database_url: str, module_broker: str) -> Iterator[Client]:
    """The running service."""
    topology.declare(module_broker)
    processes = Worker(database_url, module_broker)
    started = [
        processes.start("services.contacts.main"),
        processes.start(),
        processes.start("servicekit.relay", "contacts"),
    ]
    client = Client(module_broker, timeout=5)

    def answers() -> bool:
        with suppress(Unavailable):
            return bool(client.call("contacts", "ping") == "pong")
        return False

    eventually(answers, timeout=30, what="contacts to answer")
    yield client
    client.close()
    for one in started:
        one.end()


def events(amqp_uri: str, queue: str) -> list[dict[str, Any]]:
    """What has arrived in a queue, taken out."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_uri))
    found = []
    channel = connection.channel()
    while (message := channel.basic_get(queue, auto_ack=True))[0] is not None:
        found.append(wire.decode(message[2]).data)
    connection.close()
    return found


def test_from_a_file_to_a_snapshot(contacts: Client, module_broker: str, account_id: int) -> None:
    def call(method: str, *args: Any, **kwargs: Any) -> Any:
        return contacts.call("contacts", method, account_id, *args, **kwargs)

    def over() -> Any:
        found = call("get_import", import_id)
        return found if found["state"] in OVER else None

    content = (EXAMPLES / "pelates.xlsx").read_bytes()
    group_id = call("create_group", {"name": "Πελάτες"})["id"]
    import_id = call("create_import", "pelates.xlsx", len(content), ["", "", "", ""])["id"]
    call("append_import", import_id, 0, base64.b64encode(content).decode())
    call("analyse_import", import_id)
    counts = eventually(over, timeout=60)["counts"]
    call("commit_import", import_id, policy="overwrite", group_ids=[group_id])
    assert eventually(over, timeout=60)["counts"] == counts

    listed = call("list_contacts", group_id=group_id, limit=3)["data"]
    suppressed = call("suppress", [listed[0]["numbers"][0]["number"]], "asked", "api")
    snapshot_id = call("freeze_audience", 7, {"group_ids": [group_id]})["snapshot_id"]
    eventually(lambda: call("snapshot", snapshot_id)["state"] == "ready", timeout=30)
    page = call("audience_page", snapshot_id, 0, 500)["members"]

    assert suppressed == {"suppressed": 1, "known": 0, "invalid": []}
    assert [member[0] for member in page] == list(range(1, 501))
    told = eventually(lambda: events(module_broker, "campaigns.audience_frozen"))
    recipients = counts["accepted"] - 1
    frozen = AudienceFrozen(snapshot_id, 7, account_id, recipients, duplicates=0, suppressed=1)
    assert [AudienceFrozen.from_data(event) for event in told] == [frozen]
    told = eventually(lambda: events(module_broker, "dispatcher.suppression_changed"))
    assert [SuppressionChanged.from_data(event).sequence for event in told] == [1]


def test_failures_travel_as_their_kind_with_their_code(contacts: Client, account_id: int) -> None:
    contact = contacts.call("contacts", "create_contact", account_id, {"numbers": [{"number": "6970000001"}]})

    for kind, code, method, args in (
        (NotFound, "unknown_contact", "get_contact", (contact["id"] + 1,)),
        (Conflict, "number_taken", "create_contact", ({"numbers": [{"number": "6970000001"}]},)),
        (PreconditionFailed, "version_mismatch", "update_contact", (contact["id"], {}, 9)),
        (Invalid, "invalid_fields", "create_contact", ({},)),
    ):
        with pytest.raises(kind) as refusal:
            contacts.call("contacts", method, account_id, *args)
        assert refusal.value.code == code


HARD_TO_READ = [f"+12{number:06}" for number in range(25_000)]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("suppress_text", (",".join(HARD_TO_READ),)),
        ("suppress", (HARD_TO_READ,)),
        ("audience_estimate", ({"numbers": HARD_TO_READ}, 10)),
    ],
)
def test_numbers_that_are_hard_to_read_keep_no_other_caller_waiting(
    contacts: Client, module_broker: str, account_id: int, method: str, arguments: tuple[Any, ...]
) -> None:
    began = time.monotonic()
    refused: list[float] = []

    def paste() -> None:
        client = Client(module_broker, timeout=60)
        with pytest.raises(Invalid):
            client.call("contacts", method, account_id, *arguments)
        refused.append(time.monotonic() - began)
        client.close()

    thread = threading.Thread(target=paste)
    thread.start()
    waits = []
    while thread.is_alive():
        asked = time.monotonic()
        contacts.call("contacts", "list_groups", account_id)
        waits.append(time.monotonic() - asked)
    thread.join()

    [seconds] = refused
    assert max(waits) < seconds / 3


@pytest.mark.parametrize(
    "name",
    [
        "create_contact", "get_contact", "update_contact", "delete_contact", "list_contacts", "bulk", "get_bulk",
        "list_bulk", "undo_bulk", "merge_contacts", "restore_contact", "record_consent", "list_consents", "create_filter",
        "get_filter", "list_filters", "update_filter", "delete_filter", "create_export", "get_export", "export_chunk",
        "delete_export", "list_audit", "create_group",
        "get_group", "list_groups", "update_group", "delete_group", "add_members", "remove_members", "create_import",
        "append_import", "analyse_import", "create_import_text", "get_import", "list_imports", "update_import",
        "commit_import", "cancel_import", "import_rejects", "suppress", "suppress_text", "unsuppress",
        "list_suppressed", "list_opt_outs", "approve_opt_out", "reject_opt_out", "opt_out_settings",
        "update_opt_out_settings",
        "suppressions_since", "freeze_audience", "snapshot", "audience_page", "audience_estimate",
    ],
)  # fmt: skip
def test_every_call_of_a_tenant_names_its_account_first(name: str) -> None:
    parameters = list(inspect.signature(getattr(ContactsService, name)).parameters)

    assert parameters[:2] == ["self", "account_id"]
