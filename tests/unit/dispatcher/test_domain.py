"""What a message is given its parts, which way it takes, what is tried again."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.domain import (
    BY_LABEL,
    FINAL,
    RECEIPT_STATES,
    RECEIPT_STATES_BY_NUMBER,
    RETRIES,
    Route,
    Router,
    State,
    roll_up,
)

OF_A_PART = [
    State.SUBMITTED, State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.REJECTED, State.CANCELLED,
    State.UNCERTAIN,
]  # fmt: skip


def by_the_book(parts: list[State], total: int) -> State:
    """The same rule said the other way round: what each state of a message requires."""
    counts = Counter(parts)
    if counts[State.REJECTED]:
        return State.REJECTED
    settled = sum(counts[state] for state in FINAL)
    if settled < total:
        return State.SUBMITTED
    if counts[State.DELIVERED] == total:
        return State.DELIVERED
    for failure in ("UNDELIVERED", "EXPIRED", "UNCERTAIN", "CANCELLED"):
        if counts[State[failure]]:
            return State[failure]
    raise AssertionError(parts)


@given(
    st.integers(1, 6).flatmap(
        lambda n: st.tuples(st.lists(st.sampled_from(OF_A_PART), max_size=n), st.just(n))
    )
)
def test_a_message_is_what_its_parts_make_it(case: tuple[list[State], int]) -> None:
    parts, total = case
    assert roll_up(parts, total) is by_the_book(parts, total)


@given(st.lists(st.sampled_from(OF_A_PART), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_parts_does_not_matter(parts: list[State], chance: object) -> None:
    shuffled = list(parts)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert roll_up(shuffled, len(parts)) is roll_up(parts, len(parts))


@given(st.sampled_from([s for s in OF_A_PART if s is not State.SUBMITTED]))
def test_a_message_of_one_part_is_its_part(state: State) -> None:
    assert roll_up([state], 1) is state


def test_every_state_has_a_label_of_its_own() -> None:
    assert {state.label for state in State} == BY_LABEL.keys()
    assert set(State) - FINAL == {State.ACCEPTED, State.QUEUED, State.SUBMITTED}


def test_names_and_numbers_of_receipt_states_agree() -> None:
    names = {2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 8: "REJECTD", 9: "SKIPPED"}
    assert {number: RECEIPT_STATES[name] for number, name in names.items()} == RECEIPT_STATES_BY_NUMBER
    assert not {"ENROUTE", "ACCEPTD", "UNKNOWN"} & RECEIPT_STATES.keys()


# --- routes

PREFIXES = st.sampled_from(["", "3", "30", "3069", "44", "4477"])
ROUTES = st.lists(
    st.builds(
        Route,
        price_class=st.sampled_from(["normal", "low"]),
        prefix=PREFIXES,
        connector_id=st.integers(1, 5),
        priority=st.integers(0, 2),
        weight=st.integers(1, 10),
    ),
    max_size=12,
    unique_by=lambda r: (r.price_class, r.prefix, r.connector_id),
)
NUMBERS = st.sampled_from(["306912345678", "302101234567", "447712345678", "491511234567"])


@given(ROUTES, st.sampled_from(["normal", "low"]), NUMBERS)
def test_the_longest_prefix_wins_then_the_best_priority(
    routes: list[Route], price_class: str, number: str
) -> None:
    fitting = [r for r in routes if r.price_class == price_class and number.startswith(r.prefix)]
    longest = max((len(r.prefix) for r in fitting), default=0)
    fitting = [r for r in fitting if len(r.prefix) == longest]
    best = {r.connector_id for r in fitting if r.priority == min(f.priority for f in fitting)}
    chosen = Router(routes).connector(price_class, number)
    assert chosen in best if best else chosen is None


@given(ROUTES, NUMBERS, st.randoms(use_true_random=False))
def test_a_number_always_goes_the_same_way(routes: list[Route], number: str, chance: object) -> None:
    shuffled = list(routes)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert Router(shuffled).connector("normal", number) == Router(routes).connector("normal", number)


def test_weights_share_the_numbers() -> None:
    router = Router([Route("normal", "30", 1, weight=3), Route("normal", "30", 2, weight=1)])
    taken = Counter(router.connector("normal", f"3069{n:08d}") for n in range(8_000))
    assert 0.72 < taken[1] / 8_000 < 0.78


# --- what is tried again


@pytest.mark.parametrize("status", [0x0B, 0x0A, 0x01, 0x65, 0x66, 0x61, 0x62])
def test_a_lasting_refusal_is_final(status: int) -> None:
    assert status not in RETRIES


def test_throttling_pauses_the_bind_and_nothing_else_does() -> None:
    assert {status for status, retry in RETRIES.items() if retry.pauses_bind} == {0x58}
    assert RETRIES[0x58].tries > 100
    assert all(3 <= retry.tries <= 5 for status, retry in RETRIES.items() if status != 0x58)
