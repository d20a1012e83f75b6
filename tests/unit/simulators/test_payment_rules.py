"""Exactness of the payment simulators: amounts, and the bytes that a signature is over."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.httpwire import HttpError, Request
from simulators.paypal.store import cents, money
from simulators.paypal.verify import raw_member
from simulators.web import Faults, basic, bearer
from simulators.webhooks import Manner

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON_VALUES), JSON_VALUES, st.sampled_from([(",", ":"), (" , ", " : ")]))
def test_a_member_is_found_as_it_is_written(
    others: dict[str, Any], value: Any, spaces: tuple[str, str]
) -> None:
    written = json.dumps(value, separators=spaces, ensure_ascii=False)
    others.pop("webhook_event", None)
    before = json.dumps(others, separators=spaces)[:-1]
    whole = f'{before}{", " if others else ""}"webhook_event" : {written} , "last": 1}}'
    assert raw_member(whole, "webhook_event") == written
    assert raw_member(whole, "no such") == ""


@given(st.integers(0, 10**10))
def test_paypal_s_money_reads_back(amount: int) -> None:
    assert cents(money(amount, "EUR")["value"]) == amount


@pytest.mark.parametrize("value", [12.4, "12,40", "-1.00", "1.005", "", None, "1e3"])
def test_what_is_not_paypal_s_money_is_none(value: object) -> None:
    assert cents(value) is None


@pytest.mark.parametrize(
    ("header", "pair", "token"),
    [
        ("Basic YTpiOmM=", ("a", "b:c"), ""),
        ("bearer abc", ("", ""), "abc"),
        ("Basic ===", ("", ""), ""),
        ("Basic /w==", ("", ""), ""),
        ("", ("", ""), ""),
    ],
)
def test_credentials_are_read_or_there_are_none(header: str, pair: tuple[str, str], token: str) -> None:
    request = Request("GET", "/", {}, b"", {"authorization": header})
    assert (basic(request), bearer(request)) == (pair, token)


@pytest.mark.parametrize(
    "changes", [{"no": 1}, {"refuse": "1"}, {"refuse": -1}, {"slow_ms": True}, {"only": 1}]
)
def test_a_fault_that_does_not_exist_changes_nothing(changes: dict[str, Any]) -> None:
    faults = Faults()
    with pytest.raises(HttpError):
        faults.merge({"slow_ms": 5, **changes})
    assert faults == Faults()


@pytest.mark.parametrize("changes", [{"no": 1}, {"copies": -1}, {"url": 1}, {"hold": 1}])
def test_a_manner_of_webhooks_that_does_not_exist_changes_nothing(changes: dict[str, Any]) -> None:
    manner = Manner()
    with pytest.raises(HttpError):
        manner.merge({"attempts": 5, **changes})
    assert manner == Manner()
