"""How much may be on its way: measured, bounded, shared."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns import flow
from services.campaigns.flow import Load, Meter


@dataclass(frozen=True)
class Campaign:
    id: int
    account_id: int


def measured(rate: float, seconds: float, step: float = 0.5, meter: Meter | None = None) -> Meter:
    """A meter that watched a steady rate."""
    meter = meter or Meter()
    for n in range(int(seconds / step) + 1):
        meter.observe(int(rate * n * step), n * step)
    return meter


# --- the meter


@pytest.mark.parametrize("rate", [10, 800, 20_000])
def test_a_steady_rate_is_learnt(rate: float) -> None:
    assert measured(rate, 20).rate == pytest.approx(rate, rel=0.05)


def test_nothing_is_known_at_first() -> None:
    meter = Meter()
    meter.observe(1_000_000, 5.0)
    assert meter.rate == 0.0


def test_what_is_long_ago_is_forgotten() -> None:
    meter = measured(5_000, 20)
    for n in range(1, 31):
        meter.observe(100_000, 20 + n / 2)
    assert meter.rate < 50


def test_looks_in_quick_succession_teach_nothing() -> None:
    meter = measured(100, 10)
    before = meter.rate
    meter.observe(50_000, 10.01)
    assert meter.rate == before


def test_a_campaign_that_ends_takes_its_count_along_and_teaches_nothing() -> None:
    meter = measured(1_000, 10)
    before = meter.rate
    meter.observe(0, 10.5)
    assert meter.rate == before
    meter.observe(500, 11.0)
    assert meter.rate == pytest.approx(1_000, rel=0.05)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.floats(0.0, 100.0)), max_size=30))
def test_a_rate_is_never_negative(steps: list[tuple[int, float]]) -> None:
    meter, now = Meter(), 0.0
    for left, pause in steps:
        now += pause
        meter.observe(left, now)
        assert meter.rate >= 0.0


# --- how much more


def test_two_seconds_of_the_measured_rate_may_be_on_their_way() -> None:
    assert flow.allowance(Load(0, frozenset({1})), 1, 10_000.0) == 20_000


def test_something_may_always_be_on_its_way() -> None:
    assert flow.allowance(Load(0, frozenset({1})), 1, 0.0) == flow.LEAST_IN_FLIGHT


def test_accounts_that_are_sending_share_alike() -> None:
    load = Load(0, frozenset({1, 2, 3, 4}), {1: 4_000, 2: 6_000})
    assert [flow.allowance(load, account, 10_000.0) for account in (1, 2, 3)] == [1_000, 0, 5_000]


@given(
    st.dictionaries(st.integers(1, 5), st.integers(0, 50_000)),
    st.frozensets(st.integers(1, 5), min_size=1),
    st.floats(0, 50_000),
)
def test_what_is_allowed_is_never_negative_and_never_more_than_the_bound(
    in_flight: dict[int, int], accounts: frozenset[int], rate: float
) -> None:
    load = Load(0, accounts, in_flight)
    bound = max(flow.LEAST_IN_FLIGHT, 2 * rate)
    for account in accounts:
        assert 0 <= flow.allowance(load, account, rate) <= bound


def test_the_account_with_the_least_on_its_way_is_next() -> None:
    load = Load(0, frozenset({1, 2}), {1: 500})
    campaigns = [Campaign(1, 1), Campaign(2, 1), Campaign(3, 2)]
    assert [c.id for c in flow.in_turn(campaigns, load)] == [3, 1, 2]


def test_a_small_account_is_served_beside_a_large_one() -> None:
    """Page by page, as the expander does it: neither waits for the other, whoever has more campaigns."""
    load = Load(0, frozenset({1, 2}))
    campaigns = [Campaign(n, 1) for n in range(1, 6)] + [Campaign(9, 2)]
    served: Counter[int] = Counter()
    for _ in range(40):
        chosen = next(
            c for c in flow.in_turn(campaigns, load) if flow.allowance(load, c.account_id, 20_000.0)
        )
        load.take(chosen.account_id, 500)
        served[chosen.account_id] += 500
    assert served == Counter({1: 10_000, 2: 10_000})


# --- a campaign's own pace


@pytest.mark.parametrize(
    ("pace", "seconds", "expected"),
    [
        (600, None, 10),
        (6_000, None, 100),
        (1, None, 1),
        (600, 3.0, 30),
        (600, 0.05, 0),
        (30, 1.0, 0),
        (30, 2.0, 1),
    ],
)
def test_a_pace_is_messages_a_minute(pace: int, seconds: float | None, expected: int) -> None:
    assert flow.paced(pace, seconds) == expected


@given(st.integers(1, 60_000), st.lists(st.floats(0.0, 5.0), max_size=40))
def test_over_a_minute_no_more_than_the_pace_leaves(pace: int, pauses: list[float]) -> None:
    sent, since, elapsed = flow.paced(pace, None), 0.0, 0.0
    for pause in pauses:
        since += pause
        elapsed += pause
        if count := flow.paced(pace, since):
            sent += count
            since = 0.0
    assert sent <= pace * (elapsed + 1.0) / 60 + 1
