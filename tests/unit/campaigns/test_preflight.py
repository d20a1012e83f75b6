"""The pre-flight: what a campaign would be and cost."""

from __future__ import annotations

from typing import Any

from contracts.tariff import Tariff
from services.campaigns.preflight import summarise
from services.campaigns.rendering import Wording

NORMAL = Tariff("n", "EUR", (("30", 40_000), ("44", 60_000)))
LOW = Tariff("l", "EUR", (("30", 20_000),))


def members(*names: str, to: str = "3069000000") -> list[list[Any]]:
    return [
        [number, f"{to}{number:02}", "Ab3dE6gH9jk", ["", name, "", "", "", "", "", "", None]]
        for number, name in enumerate(names, start=1)
    ]


def estimate(sample: list[list[Any]], recipients: int | None = None) -> dict[str, Any]:
    return {
        "recipients": len(sample) if recipients is None else recipients,
        "duplicates": 2,
        "suppressed": 1,
        "members": sample,
    }


def preflight(
    text: str,
    sample: dict[str, Any],
    encoding: Any = "auto",
    price_class: str = "normal",
    sender: str = "Keryx",
) -> dict[str, Any]:
    wording = Wording(text, encoding)
    tariffs = {"normal": NORMAL, "low": LOW}
    return summarise(wording, price_class, sender, sample, tariffs, public_host="h.gr")


def test_parts_and_prices_are_summed_in_both_classes() -> None:
    found = preflight("Hi {%firstname}", estimate(members("Anna", "x" * 160)))
    assert found["parts"] == 3
    assert found["price"] == {"normal": 120_000, "low": 60_000}
    assert (found["recipients"], found["duplicates"], found["suppressed"]) == (2, 2, 1)
    assert (found["estimated"], found["margin_percent"]) == (False, 0.0)


def test_a_sample_is_scaled_to_all_recipients() -> None:
    found = preflight("Hi", estimate(members("a", "b", "c"), recipients=10))
    assert found["parts"] == 10
    assert found["price"]["normal"] == 400_000
    assert found["by_country"] == [{"country": "GR", "recipients": 10, "parts": 10, "price": 400_000}]
    assert found["estimated"] is True


def test_a_sample_says_how_far_its_price_may_be_off() -> None:
    one_or_two = [["a"] * 50, ["a"] * 25 + ["x" * 160] * 25]
    same, mixed = (preflight("Hi {%firstname}", estimate(members(*names), 10_000)) for names in one_or_two)
    assert same["margin_percent"] == 0.0
    # A part and a half on average, half a part off either way: 1.96 * (0.5 / 1.5) / sqrt(49) * sqrt(0.995).
    assert mixed["margin_percent"] == 9.4
    unsure = preflight("Hi", {**estimate(members(*["a"] * 50), 10_000), "margin": 0.0312, "estimated": True})
    assert (unsure["margin_percent"], unsure["estimated"]) == (3.2, True)


def test_an_audience_of_nobody_costs_nothing() -> None:
    found = preflight("Hi", estimate([]))
    assert found["parts"] == 0
    assert found["price"] == {"normal": 0, "low": 0}
    assert found["samples"] == []


def test_capitals_save_what_they_save() -> None:
    found = preflight("Καλημέρα " * 10, estimate(members("a", "b")))
    assert found["parts"] == 4
    assert found["savings"] == {
        "encoding": "gsm",
        "parts": 2,
        "price": 80_000,
        "saved_parts": 2,
        "saved_price": 80_000,
    }


def test_there_is_no_saving_to_offer_for_a_text_that_gsm_cannot_carry() -> None:
    assert preflight("Γεια 😀", estimate(members("a")))["savings"] is None


def test_three_different_messages_are_shown_with_their_own_numbers() -> None:
    names = ["Anna", "Anna", "Bo", "Konstantinos", "Anna", "Eleni"]
    shown = preflight("Hi {%firstname}", estimate(members(*names)))["samples"]
    assert len(shown) == 3
    assert len({sample["text"] for sample in shown}) == 3
    assert {sample["text"] for sample in shown} >= {"Hi Bo", "Hi Konstantinos"}
    assert set(shown[0]) == {"to", "text", "encoding", "parts"}


def test_a_recipient_without_a_price_is_not_charged_but_warned_of() -> None:
    abroad = members("a", to="4479000000")
    found = preflight("Hi", estimate(members("b") + abroad), price_class="low")
    assert found["parts"] == 1
    assert found["price"] == {"normal": 100_000, "low": 20_000}
    assert {"no_price", "sender_replaced"} <= {warning["code"] for warning in found["warnings"]}


def test_a_class_without_any_price_for_the_audience_has_no_total() -> None:
    found = preflight("Hi", estimate(members("a", to="4479000000")))
    assert found["price"] == {"normal": 60_000, "low": None}


def test_a_numeric_sender_is_not_replaced() -> None:
    found = preflight("Hi", estimate(members("a")), price_class="low", sender="306912345678")
    assert found["warnings"] == []


def test_holes_are_counted_where_no_fallback_fills_them() -> None:
    sample = estimate(members("Anna", "", " "))
    [warning] = preflight("Hi {%firstname}, {%lastname|friend}", sample)["warnings"]
    assert (warning["code"], warning["field"], warning["count"]) == ("placeholder_empty", "firstname", 2)


def test_a_cooperative_process_gets_its_turn() -> None:
    turns: list[int] = []
    sample = estimate(members(*["a"] * 1_000))
    tariffs = {"normal": NORMAL, "low": LOW}
    summarise(Wording("Hi"), "normal", "K", sample, tariffs, public_host="h", tick=lambda: turns.append(1))
    assert len(turns) == 4
