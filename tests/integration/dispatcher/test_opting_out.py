"""From the commit of an opt-out to the last submit it could not stop: real contacts, relay, dispatcher, sender and operator."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from servicekit.rpcclient import Client
from tests.integration.billing.processes import running
from tests.support.dataplane import SECRET, Dataplane
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

ACCOUNT, CHUNKS, RATE = 7, 6, 500
STEPS, NUMBERS_A_STEP = 8, 50
OTHER_ACCOUNT, FLOODED_A_CALL = 8, 5_000
PROMISED_SECONDS = 5.0


@pytest.fixture
def contacts(plane: Dataplane, fresh_database: object, tmp_path: Path) -> Iterator[Client]:
    """The services that an opt-out passes through, and a caller of contacts."""
    plane.prepare(window=100, parts_per_second=RATE)
    environment = {
        "KERYX_AMQP_URI": plane.amqp_uri,
        "KERYX_SECRET_KEY": SECRET,
        "KERYX_DATABASE_URL_DISPATCHER": plane.database_url,
        "KERYX_DATABASE_URL_CONTACTS": fresh_database("contacts"),  # type: ignore[operator]
    }
    commands = (("services.contacts.main",), ("services.dispatcher.main",), ("servicekit.relay", "contacts"))
    with running(*commands, environment=environment, folder=tmp_path):
        client = Client(plane.amqp_uri, timeout=30)
        yield client
        client.close()


def test_nothing_is_submitted_later_than_five_seconds_after_an_opt_out_was_committed(
    plane: Dataplane, contacts: Client
) -> None:
    plane.smsc.faults(preset="calm")
    plane.start_all()
    numbers = [row[0] for _ in range(CHUNKS) for row in plane.send_chunk(500).messages]
    random.Random(7).shuffle(numbers)

    committed: dict[str, float] = {}
    for step in range(STEPS):
        plane.smsc.wait(rok=200 + 250 * step, timeout=60)
        asked = numbers[step * NUMBERS_A_STEP : (step + 1) * NUMBERS_A_STEP]
        contacts.call("contacts", "suppress", ACCOUNT, asked, "", "hand")
        committed |= dict.fromkeys(asked, time.time())  # the commit was before the answer
    states = plane.wait_final(500 * CHUNKS, 60)

    submitted = {line["to"]: line["time"] for line in plane.smsc.received()}
    late = {n: submitted[n] - at for n, at in committed.items() if n in submitted and submitted[n] > at}
    assert max(late.values(), default=0.0) <= PROMISED_SECONDS, sorted(late.values())[-5:]
    assert states["blocked"] == len(committed.keys() - submitted.keys()) > NUMBERS_A_STEP
    assert states["blocked"] + states["delivered"] == 500 * CHUNKS


def test_a_flood_of_blacklistings_keeps_neither_its_own_account_nor_another_from_opting_out(
    plane: Dataplane, contacts: Client
) -> None:
    plane.smsc.faults(preset="calm")
    plane.start_all()
    numbers = {
        account: [
            row[0] for _ in range(CHUNKS // 2) for row in plane.send_chunk(500, account_id=account).messages
        ]
        for account in (ACCOUNT, OTHER_ACCOUNT)
    }
    for one in numbers.values():
        random.Random(7).shuffle(one)

    committed: dict[str, float] = {}
    with flood(plane.amqp_uri, ACCOUNT) as calls:
        for step in range(STEPS):
            plane.smsc.wait(rok=200 + 250 * step, timeout=60)
            for account, all_of_it in numbers.items():
                asked = all_of_it[step * NUMBERS_A_STEP : (step + 1) * NUMBERS_A_STEP]
                contacts.call("contacts", "suppress", account, asked, "", "hand")
                committed |= dict.fromkeys(asked, time.time())
        plane.wait_final(500 * CHUNKS, 60)
    assert len(calls) > STEPS, "there was a flood"

    submitted = {line["to"]: line["time"] for line in plane.smsc.received()}
    late = {n: submitted[n] - at for n, at in committed.items() if n in submitted and submitted[n] > at}
    assert max(late.values(), default=0.0) <= PROMISED_SECONDS, sorted(late.values())[-5:]
    for account, all_of_it in numbers.items():
        assert len(committed.keys() & set(all_of_it) - submitted.keys()) > NUMBERS_A_STEP, account


@contextmanager
def flood(amqp_uri: str, account_id: int) -> Iterator[list[int]]:
    """Somebody blacklists numbers of ``account_id`` as fast as it is answered; how many each call put on the list."""
    over, ended, calls = threading.Event(), threading.Event(), list[int]()

    def call() -> None:
        client = Client(amqp_uri, timeout=30)
        try:
            for first in itertools.count(306_940_000_000, FLOODED_A_CALL):
                if over.is_set():
                    break
                some = [str(first + n) for n in range(FLOODED_A_CALL)]
                calls.append(client.call("contacts", "suppress", account_id, some, "", "api")["suppressed"])
        finally:
            client.close()
            ended.set()

    # Its end is an event and not the thread's own: eventlet, which a client brings along, keeps a thread that used it.
    threading.Thread(target=call, daemon=True).start()
    try:
        yield calls
    finally:
        over.set()
        assert ended.wait(60)


def test_an_event_that_was_dropped_is_healed_by_the_next(plane: Dataplane, contacts: Client) -> None:
    def copy() -> set[str]:
        return {
            str(n) for (n,) in plane.sql("SELECT msisdn FROM suppressions WHERE account_id = %s", ACCOUNT)
        }

    contacts.call("contacts", "suppress", ACCOUNT, ["6900000001"], "", "hand")
    eventually(lambda: copy() == {"306900000001"}, what="the copy follows")
    # The inbox takes one event for one that was there already: as lost as if the broker had dropped it.
    plane.sql("CREATE SEQUENCE dropped")
    plane.sql(
        "CREATE FUNCTION drop_one() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF nextval(''dropped'') = 1 THEN RETURN NULL; END IF; RETURN NEW; END'"
    )
    plane.sql("CREATE TRIGGER dropping BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION drop_one()")
    contacts.call("contacts", "suppress", ACCOUNT, ["6900000002"], "", "hand")
    eventually(lambda: plane.sql("SELECT is_called FROM dropped") == [(True,)], what="the event is dropped")
    assert copy() == {"306900000001"}
    contacts.call("contacts", "suppress", ACCOUNT, ["6900000003"], "", "hand")

    eventually(lambda: copy() == {f"30690000000{n}" for n in (1, 2, 3)}, what="the gap is filled")
