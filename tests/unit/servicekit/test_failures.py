"""What counts as an outage, what as a failure, and how failures travel."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import kombu.exceptions
import psycopg2
import pytest
from sqlalchemy.exc import OperationalError

from contracts.errors import (
    KINDS,
    BadRequest,
    Conflict,
    InsufficientFunds,
    KeryxError,
    NotFound,
    Unexpected,
    kind_of,
)
from servicekit import context, cooperative
from servicekit.service import _Rpc, patiently, retries_so_far


class UnknownHold(NotFound):
    code = "unknown_hold"


def test_a_leaf_carries_its_code_and_travels_as_its_kind() -> None:
    leaf = UnknownHold("no hold c1", errors=[{"pointer": "/id", "code": "unknown", "detail": ""}])

    kind = leaf.as_kind()

    assert type(kind) is NotFound
    assert (kind.code, kind.detail, kind.errors) == (leaf.code, leaf.detail, leaf.errors)
    assert kind.args == leaf.args
    assert type(kind)(*kind.args).code == "unknown_hold"  # as nameko makes it again on the other side


def test_an_error_without_a_kind_is_unexpected() -> None:
    class Homeless(KeryxError):
        code = "homeless"

    assert kind_of(Homeless) is Unexpected
    assert Homeless("where to").as_kind().code == "homeless"


def test_a_kind_takes_code_detail_and_fields_and_may_lack_them() -> None:
    assert (Conflict("state_conflict").code, Conflict("state_conflict").detail) == ("state_conflict", "")
    assert BadRequest("bad", "why").detail == "why"
    assert InsufficientFunds().code == "error"


def test_every_kind_has_a_status_of_its_own() -> None:
    assert len({kind.status for kind in KINDS}) == len(KINDS)


class _NoBroker:
    """Where nameko hands an answer to."""

    def handle_result(self, *_: Any) -> Any:
        raise kombu.exceptions.OperationalError("[Errno 111] ECONNREFUSED")


@pytest.mark.parametrize(("connection", "acknowledged"), [(object(), ["ack"]), (None, [])])
def test_an_answer_that_the_broker_does_not_take_ends_nobody(
    connection: object, acknowledged: list[str]
) -> None:
    seen: list[str] = []
    message = SimpleNamespace(channel=SimpleNamespace(connection=connection), ack=lambda: seen.append("ack"))
    entry = object.__new__(_Rpc)
    entry.method_name, entry.rpc_consumer = "topup", _NoBroker()
    entry.container = SimpleNamespace(service_name="billing")

    assert entry.handle_result(message, None, {"ok": True}, None) == ({"ok": True}, None)
    assert seen == acknowledged


@pytest.mark.parametrize(
    ("deaths", "expected"),
    [
        (None, 0),
        ([], 0),
        ([{"reason": "rejected", "count": 3}, {"reason": "expired", "count": 3}], 3),
        ([{"reason": "delivery_limit", "count": 1}, {"reason": "rejected", "count": 2}], 3),
        ([{"reason": "rejected"}], 0),
    ],
)
def test_retries_are_counted_by_rejections_not_by_the_waits_between(deaths: Any, expected: int) -> None:
    assert retries_so_far({"x-death": deaths}) == expected
    assert retries_so_far({}) == 0


class _Outage(psycopg2.OperationalError):
    pgcode: Any = None


@pytest.mark.parametrize("state", [None, "57P01", "57P03", "08006"])
def test_an_outage_of_the_database_is_waited_for(monkeypatch: pytest.MonkeyPatch, state: str | None) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    error = _Outage("gone")
    error.pgcode = state
    outages = iter([error, OperationalError("SELECT 1", {}, error), error, error, error])

    def work() -> None:
        for outage in outages:
            raise outage

    patiently(work)

    assert pauses == [0.2, 0.4, 0.8, 1.6, 2.0]


@pytest.mark.parametrize("state", ["40P01", "55P03", "23505", "53300"])
def test_what_the_database_itself_answers_is_a_failure(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waited"))
    error = _Outage("no")
    error.pgcode = state

    def work() -> None:
        raise OperationalError("SELECT 1", {}, error)

    with pytest.raises(OperationalError):
        patiently(work)


def test_a_correlation_id_is_made_when_there_is_none_and_then_kept() -> None:
    context.enter(None)
    made = context.correlation_id()
    assert made == context.correlation_id()
    context.enter("given", "event-1")
    assert (context.correlation_id(), context.causation_id()) == ("given", "event-1")
    context.enter("")
    assert context.correlation_id() not in ("", "given", made)
    assert context.causation_id() is None


def test_patching_too_late_is_refused() -> None:
    with pytest.raises(RuntimeError, match="kombu"):
        cooperative.patch()
