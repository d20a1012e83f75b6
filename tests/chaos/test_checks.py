"""The checks can fail: what is planted is found, and named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.checks import Verdict, judge, share_at
from tests.chaos.evidence import (
    Books,
    Evidence,
    Message,
    Money,
    OptOut,
    Part,
    Pause,
    Sending,
    Submit,
    submits_by_sender,
)

PRICE = 45_000
ONE, TWO, LONG = "306900000001", "306900000002", "306900000003"
COUNTS = {
    "recipients": 3, "accepted": 3, "submitted": 3, "delivered": 3, "undelivered": 0, "expired": 0, "rejected": 0,
    "blocked": 0, "cancelled": 0, "uncertain": 0,
}  # fmt: skip


def message(to: str, *ids: str, state: str = "delivered") -> Message:
    parts = tuple(Part(no, state, smsc_id) for no, smsc_id in enumerate(ids, 1))
    return Message(to, state, len(ids), PRICE, parts, was_submitted=True)


def submit(to: str, smsc_id: str, part: int = 1, time: float = 100.0, answer: str = "sent") -> Submit:
    return Submit(to, part, accepted=True, smsc_id=smsc_id, time=time, answer=answer)


GOOD = Books(
    Sending("A", 7, "KA1", frozenset({ONE, TWO, LONG}), 11),
    (message(ONE, "1"), message(TWO, "2"), message(LONG, "3", "4")),
    (submit(ONE, "1"), submit(TWO, "2"), submit(LONG, "3"), submit(LONG, "4", part=2)),
    Money(held=4 * PRICE, captured=4 * PRICE, released=0),
    "finished",
    COUNTS,
)


def evidence(books: Books = GOOD) -> Evidence:
    return Evidence(
        (books,), ledger_sum=0, ledger_right=True, unrest={}, dead={"x.dead": 0}, died=frozenset()
    )


def judged(found: Evidence, doubt: int = 0) -> Verdict:
    return judge(found, doubt)


def with_messages(**changed: Message) -> Books:
    """GOOD with other rows: ``one``, ``two``, ``long``."""
    names = {"one": ONE, "two": TWO, "long": LONG}
    rows = {row.to: row for row in GOOD.messages} | {names[name]: row for name, row in changed.items()}
    return replace(GOOD, messages=tuple(rows.values()))


def test_good_books_have_no_complaint() -> None:
    assert judged(evidence()) == Verdict(0, 0, 0, 0, ())


@pytest.mark.parametrize("answer", ["sent", "lost", "dropped"])
def test_a_part_that_the_operator_took_twice_is_found_whatever_became_of_the_answer(answer: str) -> None:
    doubled = replace(GOOD, submits=(*GOOD.submits, submit(ONE, "9", answer=answer)))

    assert judged(evidence(doubled)).twice == 1
    assert judged(evidence(doubled)).complaints[0] == "1 twice"


def test_a_refused_submit_that_was_tried_again_is_not_twice() -> None:
    refused = Submit(ONE, 1, accepted=False, smsc_id=None, time=99.0)

    assert judged(evidence(replace(GOOD, submits=(refused, *GOOD.submits)))).complaints == ()


def test_a_recipient_with_two_messages_is_twice() -> None:
    doubled = replace(GOOD, messages=(*GOOD.messages, message(ONE, "1")))

    assert judged(evidence(doubled)).twice == 1


def test_a_recipient_without_a_message_is_forgotten() -> None:
    lacking = replace(GOOD, messages=GOOD.messages[1:], submits=GOOD.submits[1:])

    assert judged(evidence(lacking)).forgotten == 1
    assert f"A: {ONE} has no message" in judged(evidence(lacking)).complaints


@pytest.mark.parametrize("state", ["accepted", "queued", "submitted"])
def test_a_message_without_an_end_is_forgotten(state: str) -> None:
    verdict = judged(evidence(with_messages(one=message(ONE, "1", state=state))))

    assert verdict.forgotten == 1
    assert f"A: {ONE} is still {state}" in verdict.complaints


def test_what_the_operator_has_and_our_books_have_not_is_forgotten() -> None:
    rejected = Message(ONE, "rejected", 1, PRICE, (Part(1, "rejected"),))

    verdict = judged(evidence(with_messages(one=rejected)))

    assert verdict.forgotten == 1
    assert "taken by the operator and is rejected" in verdict.complaints[0]


def test_what_our_books_have_and_the_operator_has_not_is_forgotten() -> None:
    invented = replace(GOOD, submits=GOOD.submits[1:])

    assert judged(evidence(invented)).forgotten >= 1


def test_the_missing_part_of_a_long_message_is_forgotten() -> None:
    half = replace(GOOD, submits=GOOD.submits[:-1])

    assert judged(evidence(half)).forgotten >= 1


def test_a_part_under_the_id_of_another_is_found() -> None:
    verdict = judged(evidence(with_messages(one=message(ONE, "2"))))

    assert f"A: {ONE} part 1 stands under 2, and is 1" in verdict.complaints


def test_somebody_who_was_not_asked_for_is_found() -> None:
    stranger = replace(GOOD, submits=(*GOOD.submits, submit("306999999999", "9")))

    assert "A: 306999999999 was not asked for" in judged(evidence(stranger)).complaints


def test_a_message_that_ended_unsent_although_nobody_stopped_it_is_forgotten() -> None:
    blocked = Message(ONE, "blocked", 1, PRICE)
    unsent = replace(with_messages(one=blocked), submits=GOOD.submits[1:])

    assert f"A: {ONE} is blocked, and nobody stopped it" in judged(evidence(unsent)).complaints


def test_a_message_that_was_stopped_need_not_arrive() -> None:
    stopped = replace(
        with_messages(one=Message(ONE, "blocked", 1, PRICE)),
        sending=replace(GOOD.sending, stopped=frozenset({ONE})),
        submits=GOOD.submits[1:],
        money=Money(4 * PRICE, 3 * PRICE, PRICE),
        counts={**COUNTS, "submitted": 2, "delivered": 2, "blocked": 1},
    )

    assert judged(evidence(stopped)).complaints == ()


def doubtful() -> Books:
    """One part in doubt, its price held; the operator has it or not, nobody knows."""
    unknown = Message(ONE, "uncertain", 1, PRICE, (Part(1, "uncertain"),))
    return replace(
        with_messages(one=unknown),
        money=Money(4 * PRICE, 3 * PRICE, 0),
        counts={**COUNTS, "submitted": 2, "delivered": 2, "uncertain": 1},
    )


def test_doubt_is_counted_and_allowed_up_to_its_bound() -> None:
    assert judged(evidence(doubtful()), doubt=1) == Verdict(0, 0, 1, 0, ())
    assert judged(evidence(doubtful())).complaints == ("1 parts in doubt, 0 allowed",)


def test_the_price_of_doubt_stays_held() -> None:
    released = replace(doubtful(), money=Money(4 * PRICE, 3 * PRICE, PRICE))

    assert "is not 45000 for doubt" in judged(evidence(released), doubt=1).complaints[0]


@pytest.mark.parametrize("money", [Money(4 * PRICE, 3 * PRICE, PRICE), Money(5 * PRICE, 4 * PRICE, 0)])
def test_money_that_does_not_fit_what_was_taken_is_found(money: Money) -> None:
    assert judged(evidence(replace(GOOD, money=money))).complaints != ()


@pytest.mark.parametrize("waiting", [1, 2])
def test_a_receipt_that_could_have_proved_a_doubt_must_not_wait(waiting: int) -> None:
    found = replace(evidence(doubtful()), waiting=[("KA1", ONE)] * waiting)

    assert judged(found, doubt=1).complaints == (
        f"A: {waiting} receipts of {ONE} wait, 1 of its parts are in doubt",
    )


def test_a_receipt_may_wait_that_proves_one_of_two_doubts() -> None:
    both = Message(
        LONG, "uncertain", 2, PRICE, (Part(1, "uncertain"), Part(2, "uncertain")), was_submitted=True
    )
    books = replace(
        with_messages(long=both),
        money=Money(4 * PRICE, 2 * PRICE, 0),
        counts={**COUNTS, "submitted": 3, "delivered": 2, "uncertain": 1},
    )
    found = replace(evidence(books), waiting=[("KA1", LONG)])

    assert judged(found, doubt=2).complaints == ()


def test_a_receipt_of_another_sender_says_nothing() -> None:
    assert judged(replace(evidence(), waiting=[("OTHER", ONE)])).complaints == ()


def test_counters_that_differ_from_the_rows_are_found() -> None:
    verdict = judged(evidence(replace(GOOD, counts={**COUNTS, "delivered": 2})))

    assert verdict.complaints == ("A: counters and rows differ: {'delivered': (2, 3)}",)


def test_a_campaign_that_does_not_end_is_found() -> None:
    assert judged(evidence(replace(GOOD, state="running"))).complaints == ("A: the campaign is running",)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"ledger_sum": 5}, "the books are wrong, sum 5"),
        ({"ledger_right": False}, "the books are wrong, sum 0"),
        ({"unrest": {"dispatch.bulk": 1}}, "not at rest: {'dispatch.bulk': 1}"),
        ({"dead": {"x.dead": 2}}, "dead letters: {'x.dead': 2}"),
        ({"died": frozenset({"billing"})}, "died by themselves: billing"),
        ({"found_by_fault": ("too late",)}, "too late"),
    ],
    ids=str,
)
def test_what_is_wrong_beside_the_messages_is_found(wrong: dict[str, object], complaint: str) -> None:
    assert judged(replace(evidence(), **wrong)).complaints == (complaint,)  # type: ignore[arg-type]


@pytest.mark.parametrize(("after", "late"), [(4.9, False), (5.1, True)])
def test_a_submit_later_than_five_seconds_after_an_opt_out_is_found(after: float, late: bool) -> None:
    submits = (submit(ONE, "1", time=100 + after), *GOOD.submits[1:])
    found = replace(
        evidence(replace(GOOD, submits=submits)), opt_outs=[OptOut("KA1", frozenset({ONE}), at=100.0)]
    )

    assert bool(judged(found).complaints) == late


def test_an_opt_out_from_one_sender_says_nothing_of_another() -> None:
    found = replace(evidence(), opt_outs=[OptOut("KB1", frozenset({ONE}), at=0.0)])

    assert judged(found).complaints == ()


@pytest.mark.parametrize(("after", "late"), [(1.9, False), (2.5, True), (9.0, False)])
def test_a_submit_in_the_middle_of_a_pause_is_found(after: float, late: bool) -> None:
    submits = (submit(ONE, "1", time=110 + after), *GOOD.submits[1:])
    found = replace(evidence(replace(GOOD, submits=submits)), pauses=[Pause("KA1", at=110.0, until=118.0)])

    assert bool(judged(found).complaints) == late


def test_the_share_is_of_the_parts_the_operator_had_at_that_moment() -> None:
    later = replace(
        GOOD, submits=(*GOOD.submits[:1], *(replace(one, time=200.0) for one in GOOD.submits[1:]))
    )

    assert share_at(evidence(later), 150.0, frozenset({"A"})) == 0.25
    assert share_at(evidence(later), 150.0, frozenset({"B"})) == 0.0


def test_many_complaints_of_a_kind_are_told_shortly() -> None:
    nothing = replace(GOOD, messages=(), submits=(), money=Money(0, 0, 0))
    many = replace(nothing, sending=replace(GOOD.sending, recipients=frozenset(map(str, range(50)))))

    verdict = judged(evidence(many))

    assert verdict.forgotten == 50
    assert len(verdict.complaints) < 8


def test_lines_of_the_simulator_are_told_apart_by_sender() -> None:
    line = {
        "from": "KA1",
        "to": ONE,
        "part": 1,
        "command_status": 0,
        "id": "5",
        "time": 1.5,
        "answer": "lost",
    }
    refused = {**line, "from": "KB1", "command_status": 0x58, "id": None}

    found = submits_by_sender([line, refused])

    assert found["KA1"] == [Submit(ONE, 1, True, "5", 1.5, "lost")]
    assert not found["KB1"][0].accepted
