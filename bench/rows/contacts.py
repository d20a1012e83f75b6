"""``contacts.search``: pages of an account with N contacts, by every kind of search, in every order.

``n`` is how many contacts there are; the rate is of questions. ``contacts.duplicates``: pages of those that may be one person.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from ..harness import people, seeds
from ..harness.bench import Bench
from ..harness.questions import ask
from ..harness.row import Deadline, Row, Run
from ..harness.stack import Customer

ROUNDS = 20
BLACKLISTED_PERCENT = 1
_BLACKLIST = """
INSERT INTO suppressions (account_id, msisdn, active, sequence)
SELECT account_id, msisdn, true, 1 FROM phones WHERE account_id = %s AND contact_id %% 100 < %s ON CONFLICT DO NOTHING
"""


def search(bench: Bench, n: int, deadline: Deadline) -> Run:
    """Each kind of question 20 times, one client; p95 of each over HTTP."""
    customer, group = _seeded(bench, n)
    return ask(bench, customer, "/contacts", partial(_questions, n, group), ROUNDS, deadline, {"contacts": n})


def duplicates(bench: Bench, n: int, deadline: Deadline) -> Run:
    """The first page by e-mail, of which there are no two, and by name, which hundreds share."""
    customer, _ = _seeded(bench, n)
    return ask(bench, customer, "/contacts/duplicates", _ways, ROUNDS, deadline, {"contacts": n})


def _ways(rounds: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for _ in range(rounds):
        yield "same e-mail", {"by": "email"}
        yield "same name", {"by": "name"}


def _seeded(bench: Bench, n: int) -> tuple[Customer, int]:
    """A customer with so many contacts, and a group of it."""
    stack = bench.stack()

    def make() -> tuple[Customer, int]:
        customer, connection = stack.customer(), stack.database("contacts")
        group = seeds.contacts(connection, customer.id, n)
        cursor = connection.cursor()
        cursor.execute(_BLACKLIST, (customer.id, BLACKLISTED_PERCENT))
        cursor.execute("VACUUM ANALYZE suppressions")
        connection.close()
        return customer, group

    return bench.kept(f"contacts {n}", make)


def _questions(n: int, group: int, rounds: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for index in range(rounds):
        place = index * 7919 % n
        first = people.FIRST[index % len(people.FIRST)]
        last = people.LAST[index % len(people.LAST)]
        number = str(people.number(place))
        yield "newest", {"sort": "-created"}
        yield "by name", {"sort": "name"}
        yield "first name", {"search": first.upper()}
        yield "first name, by name", {"search": first, "sort": "name"}
        yield "both names", {"search": f"{last} {first}"}
        yield "part of a name", {"search": last[1:5]}
        yield "e-mail", {"search": f"p{place}@example"}
        yield "code", {"search": f"K{place % 100_000:05}"}
        yield "nothing", {"search": f"zz{place}qq"}
        yield "number", {"search": number}
        yield "six digits", {"search": number[4:10]}
        yield "three digits", {"search": number[6:9]}
        yield "two letters", {"search": first[:2]}
        yield "group", {"group_id": str(group)}
        yield "group and name", {"group_id": str(group), "search": first, "sort": "-name"}
        yield "blacklisted", {"blacklisted": "true"}
        yield "not blacklisted", {"blacklisted": "false", "search": last}
        yield "this year", {"created_from": "2026-01-01T00:00:00Z", "sort": "-created"}


ROWS = (
    Row("contacts.search", "questions", 1_000_000, "stack", search, seconds=420, runs=1),
    Row("contacts.duplicates", "questions", 1_000_000, "stack", duplicates, seconds=420, runs=1),
)
