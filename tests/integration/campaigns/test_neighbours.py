"""Campaigns among the real billing, contacts and dispatcher: what one asks is what the other answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from servicekit import topology
from servicekit.rpcclient import Client
from tests.integration.billing.processes import running
from tests.integration.campaigns.support import ACCOUNT, DATA
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

SERVICES = ("billing", "contacts", "dispatcher", "campaigns")
COMMANDS = (
    *((f"services.{name}.main",) for name in SERVICES),
    ("services.contacts.worker",),
    ("servicekit.relay", "contacts"),
    ("services.campaigns.expander",),
)
PRICE = 40_000
Call = Callable[..., Any]


@pytest.fixture(scope="module")
def call(
    module_database: Callable[[str], str], module_broker: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Call]:
    """``call("billing", "balance", 7)`` on services that all run; the account has money and a price for Greece."""
    topology.declare(module_broker)
    environment = {
        "KERYX_AMQP_URI": module_broker,
        "KERYX_PUBLIC_HOST": "sms.example.gr",
        "KERYX_SECRET_KEY": "0" * 64,
        **{f"KERYX_DATABASE_URL_{name.upper()}": module_database(name) for name in SERVICES},
    }
    folder: Path = tmp_path_factory.mktemp("neighbours")
    client = Client(module_broker, timeout=20)
    with running(*COMMANDS, environment=environment, folder=folder):
        client.call("billing", "set_prices", "normal", [["30", PRICE]])
        client.call("billing", "topup", ACCOUNT, 10_000_000, "test", "topup")
        yield client.call
    client.close()


def campaign_for(call: Call, *numbers: str, **changes: Any) -> int:
    data = {**DATA, "audience": {"numbers": list(numbers)}, "unsubscribe": True, **changes}
    return int(call("campaigns", "create", ACCOUNT, data)["id"])


def test_what_the_preflight_says_is_what_is_held_when_it_starts(call: Call) -> None:
    call("contacts", "suppress", ACCOUNT, ["6912345670"], "asked", "api")
    campaign_id = campaign_for(
        call, "6912345678", "6912345679", "+30 6912345678", "6912345670", text="Γεια {%firstname|σου} " * 6
    )
    estimate = call("campaigns", "preflight", ACCOUNT, campaign_id)
    assert (estimate["recipients"], estimate["suppressed"], estimate["estimated"]) == (2, 1, False)
    assert estimate["parts"] == 4
    assert estimate["price"]["normal"] == 4 * PRICE
    assert {sample["to"] for sample in estimate["samples"]} == {"306912345678", "306912345679"}

    call("campaigns", "start", ACCOUNT, campaign_id)
    reference = f"campaign:{campaign_id}"
    held = eventually(lambda: call("billing", "money_of", [reference])[reference]["held"], timeout=30)
    assert held == estimate["price"]["normal"]
    shown = eventually(
        lambda: (one := call("campaigns", "get", ACCOUNT, campaign_id))["phase"] == "sending" and one
    )
    assert (shown["recipients"], shown["suppressed"]) == (2, 1)
    assert shown["progress"]["expanded"] == 2


def test_a_pause_is_known_to_the_dispatcher_when_the_call_returns(
    call: Call, module_database: Callable[[str], str]
) -> None:
    campaign_id = campaign_for(call, "6912345678")
    call("campaigns", "start", ACCOUNT, campaign_id)
    paused = call("campaigns", "pause", ACCOUNT, campaign_id)
    with psycopg2.connect(module_database("dispatcher")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT version, state FROM stops WHERE campaign_id = %s", (campaign_id,))
        assert cursor.fetchone() == (paused["version"], "paused")
    connection.close()


def test_a_group_that_is_not_there_pauses_the_campaign_with_the_reason(call: Call) -> None:
    campaign_id = campaign_for(call, "6912345678", audience={"group_ids": [999_999]})
    shown = call("campaigns", "start", ACCOUNT, campaign_id)
    assert (shown["state"], shown["pause_reason"]) == ("paused", "unknown_group")


def test_without_money_the_campaign_pauses_before_it_sends(call: Call) -> None:
    campaign_id = int(call("campaigns", "create", 8, {**DATA, "audience": {"numbers": ["6912345678"]}})["id"])
    call("campaigns", "start", 8, campaign_id)
    shown = eventually(
        lambda: (one := call("campaigns", "get", 8, campaign_id))["state"] == "paused" and one, timeout=30
    )
    assert shown["pause_reason"] == "insufficient_funds"
    assert shown["counts"]["accepted"] == 0
