"""What is shown of a message's parts, however few rows were written for it."""

from __future__ import annotations

from typing import Any

from services.dispatcher import queries, sweeps
from services.dispatcher.domain import State
from services.dispatcher.sending.batches import Taken
from tests.integration.dispatcher.tables import ACCOUNT, Tables

DAYS = 3 * 86_400


def shown(tables: Tables, taken: Taken, ordinal: int = 0) -> tuple[str, list[dict[str, Any]]]:
    """The state of a message, and its parts."""
    with tables.cursor() as cursor:
        message = queries.message(cursor, ACCOUNT, taken.rows[ordinal].id)
    return message["state"], message["parts_detail"]


def out(tables: Tables, parts: int = 1) -> Taken:
    """A message in hand whose mark is committed."""
    taken = tables.taken(tables.accept(1, parts))
    tables.mark(taken, [0])
    return taken


def test_a_part_ends_with_its_receipt(tables: Tables) -> None:
    taken = out(tables)
    tables.store([tables.submit(taken, 0)])
    _, (before,) = shown(tables, taken)
    assert (before["state"], before["done_at"], before["receipt_at"]) == ("submitted", None, None)

    tables.store(receipts=[tables.receipt(taken, 0)])

    state, (part,) = shown(tables, taken)
    assert (state, part["state"], part["error"]) == ("delivered", "delivered", None)
    assert part["receipt_at"] == part["done_at"] is not None


def test_a_part_that_did_not_arrive_says_why(tables: Tables) -> None:
    taken = out(tables)
    tables.store([tables.submit(taken, 0)])
    tables.store(receipts=[tables.receipt(taken, 0, state=State.UNDELIVERED)])

    state, (part,) = shown(tables, taken)

    assert (state, part["state"], part["error"]) == ("undelivered", "undelivered", "receipt_UNDELIV")


def test_a_part_that_nothing_was_heard_of_has_no_receipt(tables: Tables) -> None:
    taken = out(tables)
    tables.store([tables.submit(taken, 0)])
    seconds = DAYS + sweeps.GRACE_SECONDS
    tables.sql("UPDATE messages SET submitted_at = submitted_at - make_interval(secs => %s)", seconds)
    tables.sql("UPDATE chunks SET look_at = now() - interval '1 second'")
    assert tables.expire() == 1

    state, (part,) = shown(tables, taken)

    assert (state, part["state"], part["error"], part["receipt_at"]) == (
        "expired",
        "expired",
        "no_receipt",
        None,
    )


def test_an_answer_and_its_receipt_in_one_flush_resolve_a_doubt_and_end_it(tables: Tables) -> None:
    taken = out(tables)
    tables.store([tables.submit(taken, 0, state=State.UNCERTAIN)])
    answer = tables.submit(taken, 0)
    known = tables.receipt(taken, 0)._replace(message_id=answer.message_id, no=1, total=1)

    tables.store([answer], [known])

    state, (part,) = shown(tables, taken)
    assert (state, part["state"], part["smsc_id"]) == ("delivered", "delivered", answer.smsc_id)


def test_each_part_of_a_long_message_ends_by_its_own_receipt(tables: Tables) -> None:
    taken = out(tables, parts=2)
    tables.store([tables.submit(taken, 0, no=no) for no in (1, 2)])
    tables.store(receipts=[tables.receipt(taken, 0, no=2)])

    state, parts = shown(tables, taken)

    assert (state, [part["state"] for part in parts]) == ("submitted", ["submitted", "delivered"])
