"""Lines of bank statements on a real database: none is lost, none comes twice, whatever file brings it and when."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from servicekit.database import Database, cursor_of
from services.billing.payments import camt, importing, rf
from services.billing.payments.lines import earlier_key
from tests.integration.billing.shop import new_order, order, rows
from tests.integration.billing.support import EURO, money
from tests.support.statements import Entry, camt053

pytestmark = pytest.mark.integration

_ibans = (f"GR{number:025d}" for number in itertools.count(1))


def take_in(db: Database, iban: str, entries: list[Entry]) -> dict[str, Any]:
    """Import a statement of that account."""
    return importing.take_in(db, camt053(entries, iban=iban), "camt053", None, "bank.xml", "test")


def kept(db: Database, iban: str) -> Counter[tuple[str, str]]:
    """(payer, text) of the account's lines."""
    query = "SELECT payer, remittance FROM payments WHERE transaction_id LIKE %s"
    return Counter((payer, text.split()[0]) for payer, text in rows(db, query, f"{iban}/%"))


@pytest.mark.parametrize("reference", ["NONREF", "BATCH7"])
def test_two_deposits_of_one_day_amount_and_reference_are_both_credited(
    db: Database, new_account_id: Callable[[], int], reference: str
) -> None:
    iban, orders = next(_ibans), [new_order(db, new_account_id()) for _ in range(2)]
    entries = [
        Entry(124_00, text=rf.reference(one["id"]), payer=f"payer {one['id']}", bank_reference=reference)
        for one in orders
    ]
    told = [take_in(db, iban, entries), take_in(db, iban, entries[::-1]), take_in(db, iban, entries[1:])]

    assert [(one["credited"], one["duplicates"]) for one in told] == [(2, 0), (0, 2), (0, 1)]
    for one in orders:
        assert order(db, one["id"])["state"] == "paid"
        assert money(db, one["account_id"]) == (100 * EURO, 0)


def test_a_line_whose_words_the_bank_changed_waits_for_a_person_and_credits_nothing(
    db: Database, account_id: int
) -> None:
    iban, found = next(_ibans), new_order(db, account_id)
    line = Entry(124_00, text=rf.reference(found["id"]), payer="ANTHI", bank_reference=f"B{found['id']}")
    told = [take_in(db, iban, [line]), take_in(db, iban, [replace(line, payer="ANTHI IKE")])]

    assert [(one["credited"], one["review"]) for one in told] == [(1, 0), (0, 1)]
    assert money(db, account_id) == (100 * EURO, 0)


WORDS = st.tuples(st.sampled_from("ABC"), st.sampled_from("xy"), st.sampled_from(["", "NONREF", "R1", "R2"]))


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_order_and_repetition_of_statements_gives_the_same_lines(
    db: Database, data: st.DataObject
) -> None:
    day = data.draw(st.lists(WORDS, max_size=6))
    entries = [Entry(1_00, payer=payer, text=text, bank_reference=ref) for payer, text, ref in day]
    parts = (
        data.draw(st.lists(st.lists(st.sampled_from(range(len(day))), unique=True), max_size=4))
        if day
        else []
    )
    statements = [*([entries[at] for at in chosen] for chosen in parts), entries, entries[::-1]]
    iban = next(_ibans)
    for statement in data.draw(st.permutations(statements + statements[::2])):
        take_in(db, iban, statement)

    bare = Counter((payer, text) for payer, text, ref in day if ref in ("", "NONREF"))
    named = Counter((payer, text) for payer, text, ref in set(day) if ref in ("R1", "R2"))
    assert kept(db, iban) == bare + named


def as_before(db: Database, iban: str, entries: list[Entry]) -> None:
    """Store the lines as the release before did: by the bank's reference alone, the first of each."""
    data = camt053(entries, iban=iban)
    importing.take_in(db, data, "camt053", None, "bank.xml", "test")
    with db.transaction() as session:
        for line in camt.read(data):
            if earlier_key(line) is None:
                continue
            cursor_of(session).execute(
                "UPDATE payments SET transaction_id = %s WHERE transaction_id = %s"
                " AND NOT EXISTS (SELECT FROM payments WHERE transaction_id = %s)",
                (earlier_key(line), line.key, earlier_key(line)),
            )
            cursor_of(session).execute("DELETE FROM payments WHERE transaction_id = %s", (line.key,))


@pytest.mark.parametrize("reference", ["NONREF", "BATCH7"])
@pytest.mark.parametrize("turn", [1, -1])
def test_what_an_earlier_release_stored_is_known_and_what_it_lost_is_found(
    db: Database, reference: str, turn: int
) -> None:
    iban = next(_ibans)
    entries = [Entry(5_00, payer=payer, text="x", bank_reference=reference) for payer in "ABC"]
    entries += [replace(entries[0], bank_reference="R1", payer="D"), replace(entries[0], bank_reference="")]
    as_before(db, iban, entries)
    assert kept(db, iban) == Counter([("A", "x"), ("A", "x"), ("D", "x")])

    told = [take_in(db, iban, entries[::turn]) for _ in range(2)]

    assert [one["duplicates"] for one in told] == [3, 5]
    assert kept(db, iban) == Counter([(payer, "x") for payer in "AABCD"])


def test_parts_of_a_collective_entry_that_an_earlier_release_stored_are_known_in_any_order(
    db: Database,
) -> None:
    iban = next(_ibans)
    parts = [Entry(1_00, payer=payer, text="x") for payer in "ABA"]
    as_before(db, iban, [Entry(3_00, parts=parts, bank_reference="B7")])
    assert kept(db, iban) == Counter({("A", "x"): 2, ("B", "x"): 1})

    assert (
        take_in(db, iban, [Entry(3_00, parts=parts[1:] + parts[:1], bank_reference="B7")])["duplicates"] == 3
    )
