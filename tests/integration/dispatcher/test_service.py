"""The service over RPC, beside real billing and contacts: direct sends, history, connectors, exports, the blacklist."""

from __future__ import annotations

import base64
import csv
import io
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from contracts.errors import (
    Conflict,
    InsufficientFunds,
    Invalid,
    NotFound,
    PreconditionFailed,
    Unavailable,
)
from servicekit import context, topology
from servicekit.database import Database, cursor_of, make_engine
from servicekit.rpcclient import Client
from services.dispatcher import direct_sends, secrets, suppressions
from services.dispatcher.direct_groups import Request
from services.dispatcher.direct_sends import Accepting
from tests.integration.billing.processes import Running, running, start
from tests.integration.dispatcher.tables import many_messages
from tests.support.dataplane import SECRET, TOLD, chunks_of
from tests.support.sql import rows_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

EURO = 1_000_000
accounts = itertools.count(5_000)


@dataclass
class Site:
    """The running services, and what the dispatcher's database says."""

    client: Client
    database_url: str
    environment: dict[str, str]
    folder: Path

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self.client.call("dispatcher", method, *args, **kwargs)

    def __getattr__(self, service: str) -> Any:
        return Asked(self.client, service)

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return rows_of(self.database_url, statement, *parameters)

    def database(self) -> Database:
        return Database(make_engine(self.database_url, "test", pool_size=2))


@dataclass
class Asked:
    """``billing.hold(holds=[…])`` as the service's own proxy has it."""

    client: Client
    service: str

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return lambda *args, **kwargs: self.client.call(self.service, method, *args, **kwargs)


@pytest.fixture(scope="module")
def site(
    module_database: Callable[[str], str], module_broker: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Dispatcher, billing, contacts and the relay of contacts."""
    topology.declare(module_broker)
    services = ("dispatcher", "billing", "contacts")
    environment = {
        "KERYX_AMQP_URI": module_broker,
        "KERYX_SECRET_KEY": SECRET,
        "KERYX_PUBLIC_HOST": "https://sms.example",
        **{f"KERYX_DATABASE_URL_{name.upper()}": module_database(name) for name in services},
    }
    folder = tmp_path_factory.mktemp("site")
    commands = [
        *((f"services.{name}.main",) for name in services),
        ("servicekit.relay", "contacts"),
    ]
    with running(*commands, environment=environment, folder=folder):
        client = Client(module_broker, timeout=10)
        it = Site(client, module_database("dispatcher"), environment, folder)
        it.call("create_connector", CONNECTOR)
        it.call("create_route", {"price_class": "normal", "prefix": "30", "connector": "sim"})
        yield it
        client.close()


@pytest.fixture
def account(site: Site) -> int:
    """An account with ten euro."""
    account_id = next(accounts)
    site.billing.topup(account_id, 10 * EURO, "deposit", f"topup-{account_id}")
    return account_id


CONNECTOR = {
    "name": "sim", "host": "127.0.0.1", "port": 2775, "system_id": "keryx", "password": "very secret",
}  # fmt: skip


def message(n: int = 0, **changes: Any) -> dict[str, Any]:
    return {"to": f"69123456{n:02d}", "text": "Καλημέρα", "sender": "KERYX", "reference": f"r{n}", **changes}


def held(site: Site, account_id: int) -> int:
    return int(site.billing.balance(account_id)["held"])


# --- direct sends


def test_what_is_accepted_has_ids_prices_and_a_hold(site: Site, account: int) -> None:
    answer = site.call("accept", account, [message(1), message(2)])["data"]
    assert [one["state"] for one in answer] == ["accepted", "accepted"]
    assert [one["reference"] for one in answer] == ["r1", "r2"]
    assert answer[0]["id"] < answer[1]["id"]
    assert held(site, account) == sum(one["price"] for one in answer) > 0
    batches = site.sql("SELECT lane, messages FROM batches WHERE account_id = %s", account)
    assert batches == [("priority", 2)]


def test_the_same_request_under_its_key_has_one_effect_and_one_answer(site: Site, account: int) -> None:
    first = site.call("accept", account, [message(1)], idempotency_key="k1")
    again = site.call("accept", account, [message(1)], idempotency_key="k1")
    assert again == first
    assert site.sql("SELECT count(*) FROM messages WHERE account_id = %s", account) == [(1,)]
    with pytest.raises(Conflict) as refusal:
        site.call("accept", account, [message(2)], idempotency_key="k1")
    assert refusal.value.code == "idempotency_key_reused"
    assert held(site, account) == first["data"][0]["price"]


def test_a_key_belongs_to_its_account(site: Site, account: int) -> None:
    other = next(accounts)
    site.billing.topup(other, EURO, "deposit", f"topup-{other}")
    mine = site.call("accept", account, [message(1)], idempotency_key="shared")
    theirs = site.call("accept", other, [message(1)], idempotency_key="shared")
    assert mine["data"][0]["id"] != theirs["data"][0]["id"]


def test_bad_numbers_have_a_code_and_leave_the_others_alone(site: Site, account: int) -> None:
    answer = site.call("accept", account, [message(to="hello"), message(1), message(to="+8613812345678")])[
        "data"
    ]
    assert [one.get("error", {}).get("code") for one in answer] == ["number_not_a_number", None, "no_price"]
    assert answer[1]["state"] == "accepted"
    assert held(site, account) == answer[1]["price"]


def test_all_or_nothing_is_nothing_when_one_is_wrong(site: Site, account: int) -> None:
    with pytest.raises(Invalid) as refusal:
        site.call("accept", account, [message(1), message(to="hello")], all_or_nothing=True)
    assert refusal.value.code == "messages_refused"
    assert [error["pointer"] for error in refusal.value.errors] == ["/messages/1"]
    assert held(site, account) == 0
    assert not site.sql("SELECT 1 FROM messages WHERE account_id = %s", account)


def test_without_money_nothing_is_accepted(site: Site) -> None:
    poor = next(accounts)
    with pytest.raises(InsufficientFunds) as refusal:
        site.call("accept", poor, [message(1)])
    assert refusal.value.code == "insufficient_funds"
    assert not site.sql("SELECT 1 FROM messages WHERE account_id = %s", poor)


@pytest.mark.parametrize("count", [0, 1_001])
def test_a_request_has_one_to_a_thousand_messages(site: Site, account: int, count: int) -> None:
    with pytest.raises(Invalid) as refusal:
        site.call("accept", account, [message(1)] * count)
    assert refusal.value.code == "too_many_messages"


class Killed(Exception):
    """The process ended here."""


def test_a_hold_whose_request_was_never_accepted_is_given_back(site: Site, account: int) -> None:
    database = site.database()
    opened = itertools.count()

    @contextmanager
    def transaction() -> Iterator[Any]:
        if next(opened) == 2:  # the answer looked up, the intent stored: now what is held would be accepted
            raise Killed
        with database.transaction() as session:
            yield session

    accepting = Accepting(transaction, cursor_of, site.billing)
    with pytest.raises(Killed):
        accepting.accept(Request(account, [message(1)], False, "killed"))
    assert held(site, account) > 0
    assert direct_sends.give_back_old(database.transaction, cursor_of, site.billing) == 0
    site.sql(
        "UPDATE direct_sends SET asked_at = asked_at - make_interval(secs => %s)", direct_sends.INTENT_SECONDS
    )
    assert direct_sends.give_back_old(database.transaction, cursor_of, site.billing) >= 1
    assert held(site, account) == 0
    with pytest.raises(Conflict) as refusal:
        site.call("accept", account, [message(1)], idempotency_key="killed")
    assert refusal.value.code == "request_too_old"
    database.engine.dispose()


def test_a_request_repeated_after_a_kill_is_accepted_once(site: Site, account: int) -> None:
    database = site.database()
    opened = itertools.count()

    @contextmanager
    def transaction() -> Iterator[Any]:
        if next(opened) == 2:
            raise Killed
        with database.transaction() as session:
            yield session

    with pytest.raises(Killed):
        Accepting(transaction, cursor_of, site.billing).accept(Request(account, [message(1)], False, "again"))
    answer = site.call("accept", account, [message(1)], idempotency_key="again")["data"][0]
    assert held(site, account) == answer["price"]
    assert not site.sql("SELECT 1 FROM direct_sends WHERE account_id = %s", account)
    database.engine.dispose()


def test_of_what_the_broker_delivers_again_only_what_has_a_key_is_accepted(site: Site, account: int) -> None:
    """Whoever had it was killed: perhaps before it was accepted, perhaps after."""
    before = site.call("accept", account, [message(1)], idempotency_key="before")
    database = site.database()
    context.enter(None, redelivered=True)
    known, open_, unkeyed = Accepting(database.transaction, cursor_of, site.billing).accept_all(
        [
            Request(account, [message(1)], key="before"),
            Request(account, [message(2)], key="open"),
            Request(account, [message(3)]),
        ]
    )
    context.enter(None)

    assert known == before
    assert isinstance(open_, dict)
    assert open_["data"][0]["state"] == "accepted"
    assert isinstance(unkeyed, Unavailable)
    assert unkeyed.code == "outcome_unknown"
    assert site.sql("SELECT count(*) FROM messages WHERE account_id = %s", account) == [(2,)]
    database.engine.dispose()


def test_a_hold_that_billing_refused_does_not_keep_the_sweep_from_others(site: Site) -> None:
    poor = next(accounts)
    with pytest.raises(InsufficientFunds):
        site.call("accept", poor, [message(1)])
    database = site.database()
    site.sql(
        "UPDATE direct_sends SET asked_at = asked_at - make_interval(secs => %s)", direct_sends.INTENT_SECONDS
    )
    assert direct_sends.give_back_old(database.transaction, cursor_of, site.billing) >= 1
    assert not site.sql("SELECT 1 FROM direct_sends")
    database.engine.dispose()


# --- requests that arrive together


def request(
    account_id: int, *messages: dict[str, Any], key: str | None = None, **more: Any
) -> dict[str, Any]:
    return {"account_id": account_id, "messages": list(messages), "key": key, **more}


def test_requests_that_arrive_together_share_a_hold_and_each_gets_its_own_answer(
    site: Site, account: int
) -> None:
    answers = site.call("accept_all", [request(account, message(n), key=f"t{n}") for n in range(5)])
    assert [one["answer"]["data"][0]["reference"] for one in answers] == [f"r{n}" for n in range(5)]
    assert site.sql("SELECT count(*), sum(messages) FROM batches WHERE account_id = %s", account) == [(1, 5)]
    assert held(site, account) == sum(one["answer"]["data"][0]["price"] for one in answers)
    again = site.call("accept", account, [message(3)], idempotency_key="t3")
    assert again == answers[3]["answer"]


def test_accounts_do_not_share_anything(site: Site, account: int) -> None:
    other = next(accounts)
    site.billing.topup(other, EURO, "deposit", f"topup-{other}")
    mine, theirs = site.call("accept_all", [request(account, message(1)), request(other, message(1))])
    assert held(site, account) == mine["answer"]["data"][0]["price"]
    assert held(site, other) == theirs["answer"]["data"][0]["price"]
    assert site.sql("SELECT count(*) FROM chunks WHERE account_id IN (%s, %s)", account, other) == [(2,)]


def test_one_bad_request_leaves_the_others_alone(site: Site, account: int) -> None:
    bad = request(account, message(1), message(to="x"), all_or_nothing=True)
    answers = site.call("accept_all", [request(account, message(1)), bad, request(account)])
    assert answers[0]["answer"]["data"][0]["state"] == "accepted"
    assert [one["error"]["code"] for one in answers[1:]] == ["messages_refused", "too_many_messages"]
    assert held(site, account) == answers[0]["answer"]["data"][0]["price"]


def test_a_key_that_comes_twice_in_a_call_is_one_request(site: Site, account: int) -> None:
    same, differs = request(account, message(1), key="twice"), request(account, message(2), key="twice")
    first, second, third = site.call("accept_all", [same, same, differs])
    assert first == second
    assert third["error"]["code"] == "idempotency_key_reused"
    assert site.sql("SELECT count(*) FROM messages WHERE account_id = %s", account) == [(1,)]


def test_a_balance_that_does_not_do_for_all_does_for_some(site: Site) -> None:
    poor = next(accounts)
    price = site.billing.quote(poor, "normal", [["306912345600", 1]])["total"]
    site.billing.topup(poor, 2 * price + 1, "deposit", f"topup-{poor}")
    answers = site.call("accept_all", [request(poor, message(n), key=f"p{n}") for n in range(4)])
    codes = [one.get("error", {}).get("code") for one in answers]
    assert sorted(codes, key=str) == [None, None, "insufficient_funds", "insufficient_funds"]
    assert held(site, poor) == 2 * price
    assert site.sql("SELECT count(*) FROM messages WHERE account_id = %s", poor) == [(2,)]


def test_a_request_that_is_refused_one_of_its_holds_gives_the_other_back_at_once(site: Site) -> None:
    poor = next(accounts)
    price = site.billing.quote(poor, "normal", [["306912345600", 1]])["total"]
    site.billing.topup(poor, price, "deposit", f"topup-{poor}")
    with pytest.raises(InsufficientFunds):
        site.call("accept", poor, [message(1), message(2, kind="marketing")])
    assert held(site, poor) == 0
    assert site.call("accept", poor, [message(1)])["data"][0]["state"] == "accepted"


def test_what_another_replica_answered_meanwhile_is_not_accepted_again(site: Site, account: int) -> None:
    """Two replicas have the same request; the second one looks its key up before the first one commits."""
    database = site.database()
    accepting = Accepting(database.transaction, cursor_of, site.billing)
    recall = accepting._recall
    answers: list[Any] = []

    def recall_and_be_overtaken(call: Any) -> None:
        recall(call)
        answers.append(site.call("accept", account, [message(1)], idempotency_key="raced"))

    accepting._recall = recall_and_be_overtaken  # type: ignore[method-assign]
    late = accepting.accept_all(
        [Request(account, [message(1)], key="raced"), Request(account, [message(2)], key="other")]
    )
    price = answers[0]["data"][0]["price"]
    assert late[0] == answers[0]
    assert site.sql("SELECT count(*) FROM messages WHERE account_id = %s", account) == [(2,)]
    told = [row for body, is_told in site.sql(TOLD) for row in chunks_of(bytes(body), is_told)]
    released = sum(row["released"] for row in told if row["account_id"] == account)
    assert held(site, account) - released == 2 * price
    database.engine.dispose()


def test_a_repetition_killed_after_the_first_was_accepted_takes_no_money_back(
    site: Site, account: int
) -> None:
    answer = site.call("accept", account, [message(1)], idempotency_key="echo")["data"][0]
    (hold_id,) = site.sql("SELECT hold_id FROM chunks WHERE account_id = %s", account)[0]
    site.sql("INSERT INTO direct_sends (hold_id, account_id, asked_at) VALUES (%s, %s, now() - interval '1 day')",
             hold_id, account)  # fmt: skip
    database = site.database()
    assert direct_sends.give_back_old(database.transaction, cursor_of, site.billing) >= 1
    assert held(site, account) == answer["price"]
    database.engine.dispose()


# --- the history


def test_the_history_is_read_in_pages_newest_first(site: Site, account: int) -> None:
    ids = [one["id"] for one in site.call("accept", account, [message(n) for n in range(7)])["data"]]
    found: list[int] = []
    cursor = None
    for _ in range(4):
        page = site.call("messages", account, {}, cursor, 2)
        found += [one["id"] for one in page["data"]]
        cursor = page["next_cursor"]
        if found[-1] == ids[4]:
            site.call("accept", account, [message(50)])  # what comes later is on no later page
    assert found == ids[::-1]
    assert cursor is None


def test_filters_say_which_messages(site: Site, account: int) -> None:
    sent = [message(1), message(2, sender="OTHER"), message(3, to="+306900000003")]
    one, two, three = [answer["id"] for answer in site.call("accept", account, sent)["data"]]

    def found(**filters: Any) -> list[int]:
        return [m["id"] for m in site.call("messages", account, filters)["data"]]

    assert found(id=two) == [two]
    assert found(sender="OTHER") == [two]
    assert found(to="306900000003") == [three]
    assert found(state="queued", channel="api") == [three, two, one]
    assert found(state="delivered") == []
    assert found(since="2020-01-01T00:00:00Z", until="2021-01-01T00:00:00Z") == []
    assert found(since="2020-01-01T00:00:00Z") == [three, two, one]
    assert found(campaign_id=1) == []


def test_a_filter_or_cursor_that_cannot_be_is_refused(site: Site, account: int) -> None:
    for filters, cursor in (({"state": "lost"}, None), ({"since": "now"}, None), ({}, "-1"), ({}, "x")):
        with pytest.raises(Invalid) as refusal:
            site.call("messages", account, filters, cursor)
        assert refusal.value.code == "validation_failed"


def test_a_message_of_another_account_does_not_exist(site: Site, account: int) -> None:
    mine = site.call("accept", account, [message(1)])["data"][0]["id"]
    stranger = next(accounts)
    assert site.call("message", account, mine)["history"][0]["state"] == "accepted"
    for method in ("message", "cancel_message"):
        with pytest.raises(NotFound) as refusal:
            site.call(method, stranger, mine)
        assert refusal.value.code == "unknown_message"
    assert site.call("messages", stranger, {"id": mine})["data"] == []


def test_a_cancelled_message_is_paid_back(site: Site, account: int) -> None:
    one, two = site.call("accept", account, [message(1), message(2)])["data"]
    assert site.call("cancel_message", account, one["id"])["state"] == "cancelled"
    assert site.call("cancel_message", account, one["id"])["state"] == "cancelled"
    told: Counter[str] = Counter()
    for body, is_told in site.sql(TOLD):
        for row in chunks_of(bytes(body), is_told):
            if row["account_id"] == account:
                told.update({"released": row["released"], **row["finals"]})
    assert told == Counter(released=one["price"], cancelled=1)
    assert site.call("message", account, two["id"])["state"] == "queued"


# --- connectors and routes


def test_a_password_is_never_shown_and_never_stored_as_it_is(site: Site) -> None:
    shown = [site.call("get_connector", "sim"), *site.call("list_connectors")["data"]]
    assert "password" not in shown[0]
    assert "very secret" not in str(shown)
    ((stored,),) = site.sql("SELECT password FROM connectors WHERE name = 'sim'")
    assert b"very secret" not in bytes(stored)
    assert secrets.reveal(bytes(stored)) == "very secret"


def test_a_connector_is_changed_by_whoever_saw_its_last_version(site: Site) -> None:
    made = site.call("create_connector", {**CONNECTOR, "name": "other"})
    with pytest.raises(Conflict) as taken:
        site.call("create_connector", {**CONNECTOR, "name": "other"})
    assert taken.value.code == "connector_exists"
    changed = site.call("update_connector", "other", {"window": 7, "version": made["version"]})
    assert (changed["window"], changed["version"]) == (7, made["version"] + 1)
    with pytest.raises(PreconditionFailed) as late:
        site.call("update_connector", "other", {"window": 8, "version": made["version"]})
    assert late.value.code == "connector_changed"
    with pytest.raises(NotFound):
        site.call("get_connector", "nobody")
    with pytest.raises(NotFound):
        site.call("update_connector", "nobody", {"window": 8})


def test_a_connector_takes_only_what_smpp_can_carry(site: Site) -> None:
    for field in ("system_id", "password"):
        with pytest.raises(Invalid) as refusal:
            site.call("create_connector", {**CONNECTOR, "name": "greek", field: "κωδικός"})
        assert refusal.value.errors[0]["pointer"] == f"/{field}"


def test_routes_are_made_listed_and_taken_away(site: Site) -> None:
    route = {"price_class": "low", "prefix": "30", "connector": "sim", "priority": 1, "weight": 2}
    made = site.call("create_route", route)
    assert {key: made[key] for key in route} == route
    assert made in site.call("list_routes")["data"]
    with pytest.raises(Conflict):
        site.call("create_route", route)
    with pytest.raises(Invalid) as refusal:
        site.call("create_route", {**route, "connector": "nobody"})
    assert refusal.value.errors[0]["code"] == "unknown_connector"
    site.call("delete_route", made["id"])
    with pytest.raises(NotFound):
        site.call("delete_route", made["id"])


# --- the blacklist


def test_an_event_that_was_lost_with_none_after_it_is_caught_up_with(site: Site, account: int) -> None:
    def known() -> set[int]:
        return {n for (n,) in site.sql("SELECT msisdn FROM suppressions WHERE account_id = %s", account)}

    database = site.database()
    site.contacts.suppress(account, ["6900000001", "6900000002"], "asked", "api")
    eventually(lambda: len(known()) == 2, 30, what="the copy follows")
    site.sql("DELETE FROM suppressions WHERE account_id = %s", account)
    site.sql("DELETE FROM suppression_sequences WHERE account_id = %s", account)

    filling = suppressions.Filling(database.transaction, cursor_of, site.contacts)
    assert filling.follow_up() == 1
    assert known() == {306900000001, 306900000002}
    assert filling.follow_up() == 0
    database.engine.dispose()


def test_the_copy_of_the_blacklist_follows_and_fills_its_gaps(site: Site, account: int) -> None:
    def known() -> set[int]:
        return {n for (n,) in site.sql("SELECT msisdn FROM suppressions WHERE account_id = %s", account)}

    site.contacts.suppress(account, ["6900000001", "6900000002"], "asked", "api")
    eventually(lambda: known() == {306900000001, 306900000002}, 30, what="the first event")
    # As if events had been lost: the next one does not follow the last known.
    site.sql("UPDATE suppression_sequences SET sequence = 0 WHERE account_id = %s", account)
    site.sql("DELETE FROM suppressions WHERE account_id = %s", account)
    site.contacts.unsuppress(account, "306900000002")
    site.contacts.suppress(account, ["6900000003"], "asked", "api")
    eventually(lambda: known() == {306900000001, 306900000003}, 30, what="the gap filled")


# --- exports


def download(site: Site, account: int, export_id: int) -> tuple[str, bytes]:
    data, offset = b"", 0
    while True:
        piece = site.call("export_chunk", account, export_id, offset)
        data += base64.b64decode(piece["data_b64"])
        if piece["next_offset"] is None:
            return piece["filename"], data
        offset = piece["next_offset"]


def wait_done(site: Site, account: int, export_id: int) -> None:
    eventually(lambda: site.call("get_export", account, export_id)["state"] == "done", 90, what="the file")


def test_days_and_campaigns_are_found_however_far_back_and_nothing_beside_them(
    site: Site, account: int
) -> None:
    for table in ("chunks", "messages"):  # ids are in the order of time, so what other tests left is older
        site.sql(f"UPDATE {table} SET accepted_at = accepted_at - interval '100 hours'")
    other = next(accounts)
    for hours in (50, 40, 30, 20, 10):
        many_messages(site.database_url, account, 3, f"{hours} h", campaign_id=9_000 + hours)
        many_messages(site.database_url, other, 3, f"{hours} h", campaign_id=9_500 + hours)

    def found(**filters: Any) -> int:
        return len(site.call("messages", account, filters, None, 100)["data"])

    def ago(hours: float) -> str:
        return (datetime.now(UTC) - timedelta(hours=hours)).isoformat()

    assert [found(campaign_id=9_000 + hours) for hours in (50, 30, 10, 15)] == [3, 3, 3, 0]
    assert found(campaign_id=9_530) == 0
    assert [found(since=ago(hours)) for hours in (60, 45, 30.01, 29.99, 5, -1)] == [15, 12, 9, 6, 0, 0]
    assert [found(until=ago(hours)) for hours in (60, 45, 30.01, 29.99, 5, -1)] == [0, 3, 6, 9, 15, 15]
    assert found(since=ago(41), until=ago(19)) == 9
    assert found(since=ago(41), until=ago(19), campaign_id=9_030) == 3


@pytest.fixture
def exporter(site: Site, tmp_path: Path) -> Iterator[Callable[[], Running]]:
    """Starts exporters, which look for their crash points in ``tmp_path``; those that still run end with the test."""
    started: list[Running] = []
    environment = site.environment | {"KERYX_CRASH_POINTS": str(tmp_path)}

    def begin() -> Running:
        started.append(
            start("services.dispatcher.exporter", environment=environment, log=site.folder / "exporter.log")
        )
        return started[-1]

    yield begin
    for one in started:
        one.kill()


def test_an_export_is_of_its_account_and_ready_when_it_is_done(site: Site, account: int) -> None:
    made = site.call("create_export", account, "messages", "csv", {}, "e1")
    assert (made["state"], made["progress"]) == ("queued", 0.0)
    assert site.call("create_export", account, "messages", "csv", {}, "e1") == made
    with pytest.raises(Conflict) as early:
        site.call("export_chunk", account, made["id"])
    assert early.value.code == "export_not_ready"
    for method in ("get_export", "export_chunk"):
        with pytest.raises(NotFound) as refusal:
            site.call(method, next(accounts), made["id"])
        assert refusal.value.code == "unknown_export"
    for what, format_, filters in (
        ("ledger", "csv", {}),
        ("messages", "pdf", {}),
        ("messages", "csv", {"to": "x"}),
    ):
        with pytest.raises(Invalid):
            site.call("create_export", account, what, format_, filters)


def test_files_are_written_and_one_cut_short_by_a_kill_is_written_anew(
    site: Site, account: int, exporter: Callable[[], Running], tmp_path: Path
) -> None:
    count = 12_000
    many_messages(site.database_url, account, count)
    site.call("accept", account, [message(1, text="=1+1\x0c", sender="SHOP")])
    poison = site.call("create_export", account, "messages", "xlsx", {"sender": "SHOP"})["id"]
    site.sql(
        "UPDATE exports SET filter = '{\"to\": \"not a number\"}' WHERE state = 'queued' AND id < %s", poison
    )
    first = exporter()
    wait_done(site, account, poison)
    (tmp_path / "exporter.page").write_text("kill after=3")
    killed = site.call("create_export", account, "messages", "xlsx", {"sender": "KERYX"})["id"]
    other = site.call("create_export", account, "messages", "csv", {"state": "delivered"})["id"]
    first.process.wait(60)
    assert site.call("get_export", account, killed)["state"] == "running"
    site.sql("UPDATE exports SET lease_until = now() WHERE id = %s", killed)
    exporter()
    for export_id in (killed, other):
        wait_done(site, account, export_id)

    filename, data = download(site, account, killed)
    assert filename == f"messages-{killed}.xlsx"
    rows = list(
        openpyxl.load_workbook(io.BytesIO(data), read_only=True)["messages"].iter_rows(values_only=True)
    )
    assert len(rows) == count + 1
    assert len({row[0] for row in rows}) == count + 1
    assert len(data) > 512 * 1024, "more than one piece"

    filename, data = download(site, account, other)
    read = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert filename == f"messages-{other}.csv"
    assert len(read) == count + 1
    assert read[1][8] == "delivered"

    _, data = download(site, account, poison)
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert [row[3] for row in book["messages"].iter_rows(values_only=True)] == ["text", "'=1+1"]
    assert site.sql("SELECT DISTINCT error FROM exports WHERE state = 'failed'") == [("export_failed",)]


def test_the_overview_counts_what_is_in_hand(site: Site, account: int) -> None:
    before = site.call("overview")
    site.call("accept", account, [message(1), message(2)])
    after = site.call("overview")
    assert after["open_messages"] == before["open_messages"] + 2
    assert after["queued_batches"] == before["queued_batches"] + 1


def test_billing_that_does_not_answer_is_said_so(site: Site) -> None:
    """Kept last: nothing answers under this name."""
    nobody = Client(site.environment["KERYX_AMQP_URI"], timeout=1)
    with pytest.raises(Unavailable):
        nobody.call("nobody", "hold")
    nobody.close()
