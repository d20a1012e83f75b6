"""Erased numbers in the history: replaced when nothing is on its way, and blocked again if they had opted out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import psycopg2
import pytest

from contracts.events import NumbersErased
from servicekit import pseudonyms
from services.dispatcher import erasing, partitions, retention
from services.dispatcher.accepting import Incoming, Message, Ways, accept, by_copy
from services.dispatcher.domain import Route, Router, State
from services.dispatcher.progress import ChunkCache

pytestmark = pytest.mark.integration

ACCOUNT, NUMBER = 5, 306912345678


@pytest.fixture
def cursor(fresh_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cursor on a database with one delivered and one submitted message to the number."""
    monkeypatch.setenv("KERYX_SECRET_KEY", "secret")
    connection = psycopg2.connect(fresh_database("dispatcher"))
    with connection.cursor() as made:
        made.execute("UPDATE message_ids SET next_id = 3")
        partitions.ensure(made)
        made.execute(
            "INSERT INTO chunks (hold_id, account_id, price_class, kind, channel, validity_seconds, first_id, last_id,"
            " correlation_id) VALUES ('h', %s, 'normal', 'marketing', 'api', 60, 1, 2, 'x') RETURNING id",
            (ACCOUNT,),
        )
        (chunk,) = made.fetchone()  # type: ignore[misc]
        for message_id, state in ((1, State.DELIVERED), (2, State.SUBMITTED)):
            made.execute(
                "INSERT INTO messages (id, chunk_id, account_id, recipient, sender, text, encoding, parts, price, state)"
                " VALUES (%s, %s, %s, %s, 'SHOP', 'private', 'gsm', 1, 40000, %s)",
                (message_id, chunk, ACCOUNT, NUMBER, int(state)),
            )
        made.execute("INSERT INTO suppressions (account_id, msisdn) VALUES (%s, %s)", (ACCOUNT, NUMBER))
        yield made
    connection.close()


def rows(cursor: Any, sql: str) -> list[tuple[Any, ...]]:
    """All rows."""
    cursor.execute(sql)
    return list(cursor.fetchall())


def test_what_is_on_its_way_keeps_its_number_until_it_is_final(cursor: Any) -> None:
    erasing.note(cursor, NumbersErased(ACCOUNT, [str(NUMBER)], [str(NUMBER)]), ChunkCache())

    (first, second) = rows(cursor, "SELECT recipient, text FROM messages ORDER BY id")
    assert (first[0] < 0, first[1], second) == (True, "", (NUMBER, "private"))
    assert rows(cursor, "SELECT msisdn FROM suppressions") == [(NUMBER,)]

    cursor.execute("UPDATE messages SET state = %s WHERE id = 2", (int(State.DELIVERED),))
    erasing.sweep(cursor)

    assert rows(cursor, "SELECT recipient, text FROM messages ORDER BY id") == [first, first]
    assert rows(cursor, "SELECT msisdn FROM suppressions") == []
    assert rows(cursor, "SELECT pseudonym, msisdn, opted_out FROM erasures") == [(first[0], None, True)]


def test_who_had_opted_out_is_blacklisted_again_by_the_acceptance_and_nobody_else(cursor: Any) -> None:
    cursor.execute("UPDATE messages SET state = %s", (int(State.DELIVERED),))
    erasing.note(cursor, NumbersErased(ACCOUNT, [str(NUMBER), "306900000001"], [str(NUMBER)]), ChunkCache())
    assert rows(cursor, "SELECT msisdn FROM suppressions") == []

    erasing.revive(cursor, ACCOUNT + 1, [str(NUMBER)])
    erasing.revive(cursor, ACCOUNT, ["306900000001", "306900000002"])
    assert rows(cursor, "SELECT msisdn FROM suppressions") == []
    erasing.revive(cursor, ACCOUNT, ["306900000002", str(NUMBER)])

    assert rows(cursor, "SELECT account_id, msisdn FROM suppressions") == [(ACCOUNT, NUMBER)]


def test_who_opts_out_by_an_old_link_after_being_erased_is_blacklisted_by_the_acceptance(cursor: Any) -> None:
    pseudonym = pseudonyms.of(ACCOUNT, NUMBER)
    cursor.execute("UPDATE messages SET state = %s", (int(State.DELIVERED),))
    cursor.execute("DELETE FROM suppressions")
    erasing.note(cursor, NumbersErased(ACCOUNT, [str(NUMBER)]), ChunkCache())
    erasing.revive(cursor, ACCOUNT, [str(NUMBER)])
    assert rows(cursor, "SELECT msisdn FROM suppressions") == []

    for _ in range(2):
        erasing.note(cursor, NumbersErased(ACCOUNT, [], opted_out_since=[str(pseudonym)]), ChunkCache())
    erasing.revive(cursor, ACCOUNT, [str(NUMBER)])

    assert rows(cursor, "SELECT account_id, msisdn FROM suppressions") == [(ACCOUNT, NUMBER)]


def test_what_waits_for_a_sender_is_cancelled_and_given_back(cursor: Any) -> None:
    cursor.execute(
        "INSERT INTO batches (chunk_id, account_id, connector_id, lane, first_id, last_id, messages)"
        " SELECT id, account_id, 1, 'bulk', 2, 2, 1 FROM chunks RETURNING id"
    )
    (batch,) = cursor.fetchone()
    cursor.execute("UPDATE messages SET batch_id = %s, state = %s WHERE id = 2", (batch, int(State.QUEUED)))

    erasing.note(cursor, NumbersErased(ACCOUNT, [str(NUMBER)]), ChunkCache())

    assert rows(cursor, "SELECT message_id FROM cancels") == [(2,)]
    assert rows(cursor, "SELECT state, text FROM messages WHERE id = 2") == [(int(State.CANCELLED), "")]
    (progress,) = rows(cursor, "SELECT chunks FROM untold_progress")
    assert [one["released"] for one in orjson.loads(progress[0])] == [40_000]


def test_a_chunk_that_was_prepared_before_somebody_was_erased_does_not_reach_him(cursor: Any) -> None:
    cursor.execute("UPDATE messages SET state = %s", (int(State.DELIVERED),))
    erasing.note(cursor, NumbersErased(ACCOUNT, [str(NUMBER)]), ChunkCache())
    people = [Message(one, "SHOP", "private", "gsm", 1, 40_000) for one in (str(NUMBER), "306900000001")]

    everywhere = Router([Route("normal", "30", 1, 1, 1)])

    def accepted(hold: str, prepared_at: str) -> list[State]:
        asked = Incoming(hold, ACCOUNT, 1, "normal", "marketing", "campaign", 60, people, prepared_at)
        done = accept(cursor, asked, Ways(everywhere, everywhere, {1: "smsc"}), by_copy)
        assert done
        return done.states

    late = accepted("late", "2026-01-01T00:00:00Z")
    erasing.sweep(cursor)
    after = accepted("after", "2126-01-01T00:00:00Z")

    assert (late, after) == ([State.REJECTED, State.QUEUED], [State.QUEUED, State.QUEUED])
    found = rows(cursor, "SELECT recipient, text, reason FROM messages WHERE reason IS NOT NULL")
    assert found == [(pseudonyms.of(ACCOUNT, NUMBER), "", "erased")]


def test_after_its_time_the_history_keeps_its_figures_only(cursor: Any) -> None:
    assert retention.forget(cursor, 30) == 0
    cursor.execute("UPDATE chunks SET accepted_at = now() - interval '31 days'")
    cursor.execute(
        "INSERT INTO inbound (connector_id, sender, recipient, data_coding, esm_class, body, told, received_at)"
        " VALUES (1, '306900000001', 'SHOP', 0, 0, 'hello', true, now() - interval '31 days')"
    )

    assert retention.forget(cursor, 0) == 0
    assert retention.forget(cursor, 30) == 1

    states = {int(State.DELIVERED): (-1, "", 40_000), int(State.SUBMITTED): (NUMBER, "private", 40_000)}
    found = rows(cursor, "SELECT state, recipient, text, price FROM messages")
    assert {row[0]: row[1:] for row in found} == states
    assert rows(cursor, "SELECT sender, length(body) FROM inbound") == [("erased", 0)]
    assert retention.forget(cursor, 30) == 0
