"""What billing refuses at its edge."""

from typing import Any

import pytest

from services.billing import schemas
from services.billing.domain import HoldRequest
from services.billing.errors import BadCursor, InvalidFields

HOLD: dict[str, Any] = {"id": "chunk:1:1", "account_id": 1, "amount": 5, "reference": "campaign:1"}


def test_a_good_hold_is_read() -> None:
    assert schemas.load(schemas.Holds, holds=[HOLD])["holds"] == [
        HoldRequest("chunk:1:1", 1, 5, "campaign:1")
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", -1),
        ("amount", 1.5),
        ("amount", "5"),
        ("amount", True),
        ("amount", 10**13),
        ("account_id", 0),
        ("account_id", 2**63),
        ("id", ""),
        ("id", "a\x00b"),
        ("id", "x" * 129),
        ("reference", "white space"),
    ],
)
def test_a_bad_hold_is_refused_and_named(field: str, value: object) -> None:
    with pytest.raises(InvalidFields) as refused:
        schemas.load(schemas.Holds, holds=[HOLD, HOLD | {field: value}])

    assert [error["pointer"] for error in refused.value.errors] == [f"/holds/1/{field}"]


@pytest.mark.parametrize("holds", [[], None, "x", [HOLD] * (schemas.MAX_HOLDS_A_CALL + 1)])
def test_no_holds_or_too_many_are_refused(holds: object) -> None:
    with pytest.raises(InvalidFields):
        schemas.load(schemas.Holds, holds=holds)


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-05:00", "2101-01-01T00:00:00Z", "soon"])
def test_prices_do_not_begin_at_a_time_that_cannot_be_kept(moment: str) -> None:
    with pytest.raises(InvalidFields) as refused:
        schemas.load(schemas.Prices, price_class="normal", prices=[["30", 1]], valid_from=moment)

    assert [error["pointer"] for error in refused.value.errors] == ["/valid_from"]


@pytest.mark.parametrize("amount", [0, -5, 10**14, None, "10", 0.1])
def test_a_topup_is_a_positive_amount_within_reason(amount: object) -> None:
    with pytest.raises(InvalidFields):
        schemas.load(schemas.Topup, account_id=1, amount=amount, reason="deposit", key="k")


@pytest.mark.parametrize("reason", ["", "two\nlines", "x" * 501, "nul\x00"])
def test_a_reason_is_one_short_line(reason: str) -> None:
    with pytest.raises(InvalidFields):
        schemas.load(schemas.Topup, account_id=1, amount=1, reason=reason, key=None)


@pytest.mark.parametrize(
    "prices",
    [[], [["", 1]], [["0030", 1]], [["+30", 1]], [["30", -1]], [["30", 1], ["30", 2]], [["30"]], [["٣٠", 1]]],
)
def test_bad_prices_are_refused(prices: object) -> None:
    with pytest.raises(InvalidFields):
        schemas.load(schemas.Prices, price_class="normal", prices=prices)


@pytest.mark.parametrize("items", [[["6900", 0]], [["x", 1]], [["30690", "1"]], [["30690", 256]], {"a": 1}])
def test_bad_items_of_a_quote_are_refused(items: object) -> None:
    with pytest.raises(InvalidFields):
        schemas.load(schemas.Quote, account_id=1, price_class="normal", items=items)


def test_an_unknown_argument_value_of_a_class_is_refused() -> None:
    with pytest.raises(InvalidFields):
        schemas.load(schemas.Tariff, account_id=1, price_class="gold")


@pytest.mark.parametrize("cursor", ["", "x", "-1", "0", "9" * 30, "٣", 5])
def test_a_cursor_of_somebody_else_is_refused(cursor: Any) -> None:
    with pytest.raises(BadCursor):
        schemas.before(cursor)
