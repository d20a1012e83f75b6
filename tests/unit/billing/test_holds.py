"""Who may hold what."""

from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain import Decision, HoldRequest, KnownHold, decide_holds, hold_entries


def ask(id_: str, amount: int, account_id: int = 1) -> HoldRequest:
    return HoldRequest(id_, account_id, amount, "campaign:1")


def codes(decisions: list[Decision]) -> list[str | None]:
    return [decision.code for decision in decisions]


def test_requests_are_served_in_order_until_the_money_is_gone() -> None:
    decisions = decide_holds([ask("a", 60), ask("b", 60), ask("c", 40)], {1: 100}, {})

    assert codes(decisions) == [None, "insufficient_funds", None]


def test_an_account_without_a_balance_can_hold_nothing() -> None:
    assert codes(decide_holds([ask("a", 0, account_id=9)], {1: 100}, {})) == ["insufficient_funds"]


def test_the_same_hold_again_is_held_and_costs_nothing_more() -> None:
    known = {"a": KnownHold(1, 60, withdrawn=False)}

    assert decide_holds([ask("a", 60)], {1: 0}, known) == [Decision("a", None, new=False)]


def test_the_same_hold_twice_in_one_call_is_held_once() -> None:
    decisions = decide_holds([ask("a", 60), ask("a", 60)], {1: 60}, {})

    assert [(d.code, d.new) for d in decisions] == [(None, True), (None, False)]


def test_a_known_id_with_another_amount_account_or_fate_is_refused() -> None:
    known = {
        "a": KnownHold(1, 60, withdrawn=False),
        "w": KnownHold(1, 60, withdrawn=True),
        "closed": KnownHold(None, 0, withdrawn=True),
    }
    asked = [ask("a", 61), ask("a", 60, account_id=2), ask("w", 60), ask("closed", 60)]

    decisions = decide_holds(asked, {1: 999, 2: 999}, known)

    assert codes(decisions) == ["hold_amount_differs", "hold_id_taken", "hold_withdrawn", "hold_withdrawn"]


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 3), st.integers(0, 100))),
    st.dictionaries(st.integers(1, 3), st.integers(-50, 200)),
)
def test_never_more_is_held_than_can_be_spent(
    asked: list[tuple[str, int, int]], spendable: dict[int, int]
) -> None:
    requests = [HoldRequest(id_, account_id, amount, "r") for id_, account_id, amount in asked]

    decisions = decide_holds(requests, spendable, {})

    new = [request for request, decision in zip(requests, decisions, strict=True) if decision.new]
    for account_id in {request.account_id for request in new}:
        assert (
            sum(request.amount for request in new if request.account_id == account_id)
            <= spendable[account_id]
        )


def test_a_call_makes_one_entry_an_account_that_lists_its_holds() -> None:
    entries = hold_entries([ask("a", 60), ask("b", 40), ask("c", 5, account_id=2)])

    assert [entry.cause for entry in entries] == ["hold:a", "hold:c"]
    assert entries[0].postings == {"1:available": -100, "1:held": 100}
    assert entries[0].details == {"holds": {"a": 60, "b": 40}}


def test_holds_of_nothing_make_no_entry() -> None:
    assert hold_entries([ask("a", 0)]) == []
