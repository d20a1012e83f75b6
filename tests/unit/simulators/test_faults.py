"""The operator's behaviour is data, checked before it is believed, and repeatable with a seed."""

from collections import Counter
from typing import Any

import pytest

from simulators.smsc.behaviour import OUTCOMES, Behaviour
from simulators.smsc.faults import BadFaults, Faults, merged, preset
from simulators.smsc.pdu import STATUS

NUMBERS = [b"3069%08d" % number for number in range(20_000)]


def test_changes_are_laid_over_what_was_there() -> None:
    first = merged(Faults(), {"drop": {"next": 3}, "receipts": {"delay_ms": {"max": 500}}})
    second = merged(first, {"drop": {"rate": 0.1}, "receipts": {"early": 0.5}})
    assert (second.drop.next, second.drop.rate) == (3, 0.1)
    assert (second.receipts.delay_ms.max, second.receipts.early) == (500, 0.5)
    assert first.drop.rate == 0


def test_a_preset_starts_over_and_takes_changes_with_it() -> None:
    rough = merged(merged(Faults(), {"drop": {"next": 3}}), {"preset": "rough", "seed": 7})
    assert rough.drop.next == 0
    assert (rough.seed, rough.latency_ms.max) == (7, 40)
    assert preset("calm") == Faults()
    assert merged(rough, {"preset": "calm"}).seed == 7


@pytest.mark.parametrize(
    "changes",
    [
        {"dropp": {}},
        {"drop": {"rat": 1}},
        {"drop": 3},
        {"drop": {"rate": 2}},
        {"drop": {"rate": "much"}},
        {"drop": {"next": 1.5}},
        {"drop": {"next": True}},
        {"drop": {"next": -1}},
        {"seed": "seven"},
        {"message_id": "uuid"},
        {"silent": {"then": "sulk"}},
        {"refuse_binds": "yes"},
        {"errors": {"ESME_RNOSUCH": 0.1}},
        {"errors": {"ESME_RSYSERR": 0.7, "ESME_RMSGQFUL": 0.7}},
        {"receipts": {"outcomes": {"DELIVRD": 0.5}}},
        {"receipts": {"outcomes": {"LOST": 1}}},
        {"receipts": {"errors": {"UNDELIV": ["no"]}}},
        {"receipts": {"window": 0}},
        {"receipts": {"date_digits": 11}},
        {"latency_ms": {"min": 5, "max": 1}},
        {"preset": "weekend"},
        {"preset": None, "half": {"delay_ms": [1]}},
    ],
)
def test_what_does_not_exist_or_fit_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadFaults):
        merged(Faults(), changes)


def test_null_means_never_where_that_makes_sense() -> None:
    assert merged(Faults(), {"half": {"delay_ms": None}}).half.delay_ms is None


def test_outcomes_come_in_their_shares() -> None:
    behaviour = Behaviour(merged(preset("operator"), {"seed": 1}), 0)
    drawn = Counter(OUTCOMES[behaviour.outcomes[behaviour.draw(number) & 0xFFFF]] for number in NUMBERS)
    assert drawn["DELIVRD"] / len(NUMBERS) == pytest.approx(0.95, abs=0.01)
    assert drawn["UNDELIV"] / len(NUMBERS) == pytest.approx(0.03, abs=0.01)
    assert set(drawn) == {"DELIVRD", "UNDELIV", "EXPIRED", "REJECTD"}


def test_a_seed_makes_each_number_s_fate_repeatable_and_another_seed_another() -> None:
    def fates(seed: int) -> list[int]:
        behaviour = Behaviour(merged(preset("rough"), {"seed": seed}), 0)
        return [behaviour.draw(number) for number in NUMBERS[:100]]

    assert fates(1) == fates(1)
    assert fates(1) != fates(2)


def test_without_a_seed_it_is_chance() -> None:
    behaviour = Behaviour(preset("operator"), 0)
    assert behaviour.draw(b"1") != behaviour.draw(b"1")


def test_a_passing_error_lets_the_number_through_later_and_a_lasting_one_never() -> None:
    passing = Behaviour(merged(Faults(), {"seed": 1, "errors": {"ESME_RMSGQFUL": 1}, "error_times": 2}), 0)
    assert [passing.refusal(b"1", 0) for _ in range(3)] == [STATUS["ESME_RMSGQFUL"]] * 2 + [0]
    lasting = Behaviour(merged(Faults(), {"seed": 1, "errors": {"ESME_RINVDSTADR": 1}}), 0)
    assert [lasting.refusal(b"1", 0) for _ in range(3)] == [STATUS["ESME_RINVDSTADR"]] * 3


def test_throttling_comes_in_bursts_of_submits_or_of_time_or_above_a_rate() -> None:
    def refused(changes: dict[str, Any], times: list[float]) -> list[int]:
        behaviour = Behaviour(merged(Faults(), changes), 0)
        return [index for index, now in enumerate(times) if behaviour.refusal(b"1", now)]

    counted = {"throttle": {"every_n": 10, "burst": 2}}
    assert refused(counted, [0.0] * 20) == [5, 6, 15, 16]
    timed = {"throttle": {"every_s": 2, "for_ms": 500}}
    assert refused(timed, [0.1, 0.6, 1.9, 2.4, 2.6]) == [0, 3]
    assert refused({"parts_per_second": 2}, [10, 10.1, 10.2, 11.1, 11.2]) == [2]


def test_the_short_way_is_taken_only_when_nothing_touches_responses() -> None:
    assert Behaviour(preset("operator"), 0).answers_at_once
    for changes in ({"drop": {"next": 1}}, {"half": {"rate": 0.1}}, {"latency_ms": {"max": 1}},
                    {"disconnect": {"after_submits": 5}}):  # fmt: skip
        assert not Behaviour(merged(Faults(), changes), 0).answers_at_once
