"""What services keep beside their own rows: keys, event ids, leases. Each on its real table."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from contracts.errors import Conflict
from servicekit import database, idempotency, inbox, jobs
from tests.support.infra import Infra

from . import toy

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def url(infra: Infra) -> Iterator[str]:
    with infra.database("notifier") as made:
        with psycopg2.connect(made) as connection:
            connection.cursor().execute(toy.TABLES)
        connection.close()
        yield made


@pytest.fixture
def connect(url: str) -> Iterator[Any]:
    """``connect()``: a connection for this test."""
    made: list[Any] = []

    def connected() -> Any:
        made.append(database.connect(url, "test"))
        return made[-1]

    yield connected
    for one in made:
        one.close()


def never() -> None:
    raise AssertionError("done again")


@pytest.mark.parametrize("answer", [{"id": 7}, [], 0, "", None, {"deep": [1, {"Ω": None}]}])
def test_a_repeated_request_gets_the_first_answer_whatever_it_was(connect: Any, answer: Any) -> None:
    cursor = connect().cursor()
    key = repr(answer)

    assert idempotency.remember(cursor, 1, key, {"a": 1, "b": 2}, lambda: answer) == answer
    assert idempotency.remember(cursor, 1, key, {"b": 2, "a": 1}, never) == answer
    assert idempotency.recall(cursor, 1, key, {"a": 1, "b": 2}) == answer


def test_a_key_used_for_another_request_is_refused(connect: Any) -> None:
    cursor = connect().cursor()
    idempotency.remember(cursor, 1, "k", {"amount": 1}, lambda: "done")

    with pytest.raises(Conflict) as remembered:
        idempotency.remember(cursor, 1, "k", {"amount": 2}, never)
    with pytest.raises(Conflict) as recalled:
        idempotency.recall(cursor, 1, "k", {"amount": 2})
    assert remembered.value.code == recalled.value.code == "idempotency_key_reused"


def test_keys_belong_to_one_account_and_one_operation(connect: Any) -> None:
    cursor = connect().cursor()
    idempotency.remember(cursor, 1, "shared", "x", lambda: "first")

    assert idempotency.remember(cursor, 2, "shared", "y", lambda: "second") == "second"
    assert idempotency.remember(cursor, 1, "shared", "y", lambda: "third", operation="other") == "third"
    assert idempotency.recall(cursor, 3, "shared", "x") is None


def test_without_a_key_everything_is_done_anew(connect: Any) -> None:
    cursor = connect().cursor()
    answers = iter((1, 2))

    assert [idempotency.remember(cursor, 1, None, {}, lambda: next(answers)) for _ in range(2)] == [1, 2]


def test_a_key_whose_work_was_rolled_back_is_free_again(connect: Any) -> None:
    connection = connect()
    idempotency.remember(connection.cursor(), 1, "again", {}, lambda: "lost")
    connection.rollback()

    assert idempotency.remember(connection.cursor(), 1, "again", {}, lambda: "kept") == "kept"


def test_a_second_request_at_the_same_time_waits_for_the_first_ones_answer(connect: Any) -> None:
    first, second = connect(), connect()
    idempotency.remember(first.cursor(), 1, "race", {}, lambda: "first")
    answers: list[Any] = []
    began = threading.Event()

    def ask() -> None:
        began.set()
        answers.append(idempotency.remember(second.cursor(), 1, "race", {}, never))
        second.commit()

    waiting = threading.Thread(target=ask)
    waiting.start()
    began.wait()
    first.commit()
    waiting.join(10)
    assert answers == ["first"]


def test_old_keys_are_forgotten_a_few_at_a_time(connect: Any) -> None:
    cursor = connect().cursor()
    for number in range(5):
        idempotency.remember(cursor, 9, f"old {number}", {}, lambda: 1)
    cursor.execute(
        "UPDATE idempotency_keys SET created_at = now() - interval '73 hours' WHERE account_id = 9"
    )
    idempotency.remember(cursor, 9, "new", {}, lambda: 1)

    assert [idempotency.forget_old(cursor, limit=3) for _ in range(3)] == [3, 2, 0]
    assert idempotency.recall(cursor, 9, "new", {}) == 1


def test_the_inbox_knows_an_event_per_consumer_until_it_is_rolled_back(connect: Any) -> None:
    connection = connect()
    cursor = connection.cursor()

    assert inbox.first_time(cursor, "a", "e1")
    assert not inbox.first_time(cursor, "a", "e1")
    assert inbox.first_time(cursor, "b", "e1")
    connection.rollback()
    assert inbox.first_time(cursor, "a", "e1")


def test_old_event_ids_are_forgotten_a_few_at_a_time(connect: Any) -> None:
    cursor = connect().cursor()
    for number in range(4):
        inbox.first_time(cursor, "old", str(number))
    cursor.execute("UPDATE inbox SET received_at = now() - interval '15 days' WHERE consumer = 'old'")
    inbox.first_time(cursor, "old", "new")

    assert [inbox.forget_old(cursor, limit=3) for _ in range(3)] == [3, 1, 0]
    assert not inbox.first_time(cursor, "old", "new")


@pytest.fixture
def job_ids(connect: Any) -> list[int]:
    """Three waiting jobs, and no others."""
    connection = connect()
    cursor = connection.cursor()
    cursor.execute("TRUNCATE jobs")
    cursor.execute("INSERT INTO jobs (state) VALUES ('waiting'), ('waiting'), ('finished') RETURNING id")
    found = [row[0] for row in cursor.fetchall()]
    connection.commit()
    return found


def test_two_workers_never_get_the_same_job(connect: Any, job_ids: list[int]) -> None:
    one, other = connect(), connect()

    assert jobs.claim(one.cursor(), "jobs", ("waiting",), "one") == job_ids[0]
    assert jobs.claim(other.cursor(), "jobs", ("waiting",), "other") == job_ids[1]
    assert jobs.claim(other.cursor(), "jobs", ("waiting",), "other") is None


def test_a_job_is_taken_over_when_its_lease_ends_and_not_before(connect: Any, job_ids: list[int]) -> None:
    cursor = connect().cursor()
    cursor.execute("DELETE FROM jobs WHERE id <> %s", (job_ids[0],))
    assert jobs.claim(cursor, "jobs", ("waiting",), "slow") == job_ids[0]
    assert jobs.renew(cursor, "jobs", job_ids[0], "slow")
    assert jobs.claim(cursor, "jobs", ("waiting",), "eager") is None

    cursor.execute("UPDATE jobs SET lease_until = now() - interval '1 second'")
    assert jobs.claim(cursor, "jobs", ("waiting",), "eager") == job_ids[0]
    assert not jobs.renew(cursor, "jobs", job_ids[0], "slow")
    jobs.release(cursor, "jobs", job_ids[0], "slow")
    assert jobs.renew(cursor, "jobs", job_ids[0], "eager"), "let go by one who had lost it"


def test_a_job_that_is_let_go_is_free_at_once(connect: Any, job_ids: list[int]) -> None:
    cursor = connect().cursor()
    jobs.claim(cursor, "jobs", ("waiting",), "one")
    jobs.release(cursor, "jobs", job_ids[0], "one")

    assert jobs.claim(cursor, "jobs", ("waiting",), "other") == job_ids[0]
