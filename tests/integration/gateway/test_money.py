"""Money over REST: corrections, credit, statements, the audit, and clear answers to bad input."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.gateway.conftest import World

pytestmark = pytest.mark.integration


def new_account(world: World, name: str) -> tuple[str, httpx.Client]:
    made = world.operator.post("operator/accounts", json={"name": name, "email": f"{name}@example.gr"}).json()
    return made["account_id"], world.with_key(made["api_key"])


def posted(world: World, path: str, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
    answer = world.operator.post(path, json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_operator_corrects_gives_credit_and_sees_it_all_in_the_audit(world: World) -> None:
    account_id, client = new_account(world, "corrected")
    posted(world, "operator/topups", {"account_id": account_id, "amount": "100.00", "reason": "deposit"})
    (wrong,) = client.get("ledger").json()["data"]

    body = {
        "account_id": account_id,
        "amount": "-90.00",
        "reason": "a zero too many",
        "corrects": wrong["id"],
    }
    made = posted(world, "operator/corrections", body)
    credit = world.operator.put(f"operator/accounts/{account_id}/credit", json={"credit_limit": "50.00"})

    assert (made["available"], made["amount"]) == ("10.00", "-90.00")
    assert (credit.json()["spendable"], credit.headers["ETag"]) == ("60.00", '"50000000"')
    kinds = [entry["kind"] for entry in client.get("ledger").json()["data"]]
    assert kinds == ["correction", "topup"]
    assert client.get("ledger", params={"kind": "topup"}).json()["data"] == [wrong]
    lines = world.operator.get("operator/money/audit", params={"account_id": account_id}).json()["data"]
    assert [line["action"] for line in lines] == ["credit_limit_set", "corrected", "topped_up"]
    assert all(line["actor"].startswith("key:") for line in lines)


def test_an_outdated_credit_limit_is_not_overwritten(world: World) -> None:
    account_id, _ = new_account(world, "outdated")
    path = f"operator/accounts/{account_id}/credit"
    tag = world.operator.get(path).headers["ETag"]
    assert world.operator.put(path, json={"credit_limit": "5.00"}, headers={"If-Match": tag}).is_success

    late = world.operator.put(path, json={"credit_limit": "6.00"}, headers={"If-Match": tag})

    assert (late.status_code, late.json()["code"]) == (412, "version_mismatch")


@pytest.mark.parametrize(
    "amount", ["0.00", "-0", "1e3", "--1", "", "12,50", 5, None, "1.0000001", "9999999999"]
)
def test_an_amount_that_is_none_is_refused_and_named(world: World, amount: object) -> None:
    body = {"account_id": world.account_id, "amount": amount, "reason": "r"}
    answer = world.operator.post("operator/corrections", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/amount"


def test_taking_away_what_is_not_there_is_a_clear_answer(world: World) -> None:
    account_id, _ = new_account(world, "poor")
    refused = posted(
        world, "operator/corrections", {"account_id": account_id, "amount": "-1.00", "reason": "r"}, 402
    )
    unknown = posted(
        world,
        "operator/corrections",
        {"account_id": account_id, "amount": "1.00", "reason": "r", "corrects": "999999999"},
        404,
    )

    assert (refused["code"], unknown["code"]) == ("insufficient_funds", "unknown_entry")


@pytest.mark.parametrize("path", ["credit", "balance", "ledger"])
def test_an_account_that_does_not_exist_has_no_money_to_look_at(world: World, path: str) -> None:
    answer = world.operator.get(f"operator/accounts/999999/{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_account")


def test_a_client_does_not_reach_the_operators_side(world: World) -> None:
    for path in ("operator/money/audit", f"operator/accounts/{world.account_id}/credit"):
        assert world.client.get(path).json()["code"] == "scope_missing"


def test_an_unknown_kind_of_entry_is_refused(world: World) -> None:
    answer = world.client.get("ledger", params={"kind": "gift"})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/kind")


def test_the_books_say_whether_all_of_it_is_right(world: World) -> None:
    found = world.operator.get("operator/books").json()

    assert found["right"]
    assert found["credits_match"]


def test_a_spend_limit_is_set_shown_and_taken_away(world: World) -> None:
    account_id, client = new_account(world, "limited")
    path = f"operator/accounts/{account_id}/spend-limits"
    made = world.operator.put(f"{path}/account", json={"daily": "25.00"})
    assert (made.status_code, made.json()["spent"], made.headers["ETag"]) == (200, "0.00", '"25000000"')

    (shown,) = client.get("spend-limits").json()["data"]
    assert (shown["spender"], shown["daily"]) == ("account", "25.00")
    late = world.operator.put(f"{path}/account", json={"daily": "1.00"}, headers={"If-Match": '"1"'})
    assert late.json()["code"] == "version_mismatch"
    assert world.operator.delete(f"{path}/account").status_code == 204
    assert world.operator.delete(f"{path}/account").json()["code"] == "unknown_spend_limit"
    assert client.get("spend-limits").json()["data"] == []


@pytest.mark.parametrize("spender", ["everybody", "key:", "key:0", "user:x", "key:1 "])
def test_a_spender_that_cannot_be_is_refused(world: World, spender: str) -> None:
    path = f"operator/accounts/{world.account_id}/spend-limits/{spender}"

    assert world.operator.put(path, json={"daily": "1.00"}).status_code == 422


def upload(world: World, data: bytes, name: str = "prices.csv", **query: str) -> httpx.Response:
    return world.operator.post("operator/prices/import", files={"file": (name, data)}, params=query)


def test_a_price_list_goes_out_as_a_workbook_and_comes_back(world: World) -> None:
    account_id, client = new_account(world, "listed")
    table = b"price_class;country;network;price\nnormal;GR;;0,041\nlow;GR;Cosmote;0,022\n"
    assert upload(world, table, account_id=account_id, dry_run="true").json()["dry_run"] is True
    made = upload(world, table, account_id=account_id)
    assert made.status_code == 200, made.text

    (own,) = [row for row in client.get("prices").json()["data"] if row["own"] and row["prefix"] == "30"]
    assert own["price"] == "0.041"
    file = world.operator.get("operator/prices/export", params={"account_id": account_id})
    assert file.content[:2] == b"PK"
    back = upload(world, file.content, "prices.xlsx", account_id=account_id).json()
    assert (back["added"], back["unchanged"]) == (0, made.json()["prices"])
    said = world.operator.get("operator/prices/history", params={"account_id": account_id, "prefix": "30"})
    assert [line["price"] for line in said.json()["data"]] == ["0.041"]


def test_a_wrong_price_list_is_refused_with_every_row_that_is_wrong(world: World) -> None:
    answer = upload(world, b"price_class,prefix,price\nnormal,30,abc\ngold,31,1\n")

    assert (answer.status_code, answer.json()["code"]) == (422, "price_list_refused")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/rows/2/price", "/rows/3/price_class"]


def test_a_file_that_is_no_list_is_a_clear_answer(world: World) -> None:
    unreadable = upload(world, b"\x89PNG\x00\xff")
    large = upload(world, b"x" * (2 * 1024 * 1024 + 1))
    none = world.operator.post("operator/prices/import", data={"a": "b"})
    nobody = upload(world, b"price_class,prefix,price\nnormal,30,1\n", account_id="999999")

    assert [answer.json()["code"] for answer in (unreadable, large, none, nobody)] == [
        "file_unreadable",
        "file_too_large",
        "no_file",
        "unknown_account",
    ]


def test_a_price_of_the_past_is_refused(world: World) -> None:
    prices = {"price_class": "normal", "prices": [{"prefix": "30", "price": "1.00"}]}
    answer = world.operator.post("operator/prices", json={**prices, "valid_from": "2020-01-01T00:00:00Z"})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/valid_from")


def set_costs(world: World, connector: str, *costs: tuple[str, str | None], **more: str) -> httpx.Response:
    rows = [{"prefix": prefix, "cost": cost} for prefix, cost in costs]
    return world.operator.post("operator/costs", json={"connector": connector, "costs": rows, **more})


def test_costs_are_set_for_past_days_listed_told_and_audited(world: World) -> None:
    made = set_costs(world, "athens", ("", "0.05"), ("30", "0.0285"), valid_from="2026-01-01")
    assert (made.status_code, made.json()) == (
        200,
        {"connector": "athens", "valid_from": "2026-01-01", "changed": 2},
    )

    listed = world.operator.get("operator/costs", params={"connector": "athens", "limit": 1}).json()
    assert [(row["prefix"], row["cost"]) for row in listed["data"]] == [("", "0.05")]
    query = {"connector": "athens", "cursor": listed["next_cursor"]}
    (row,) = world.operator.get("operator/costs", params=query).json()["data"]
    assert (row["prefix"], row["country"], row["cost"]) == ("30", "GR", "0.0285")
    earlier = {"connector": "athens", "day": "2025-12-31"}
    assert world.operator.get("operator/costs", params=earlier).json()["data"] == []
    said = world.operator.get("operator/costs/history", params={"connector": "athens", "prefix": "30"}).json()
    assert [(line["cost"], line["valid_from"]) for line in said["data"]] == [("0.0285", "2026-01-01")]
    (line,) = world.operator.get("operator/money/audit", params={"action": "costs_set"}).json()["data"]
    assert (line["details"]["connector"], line["actor"][:4]) == ("athens", "key:")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"connector": "No Such!"}, "/connector"),
        ({"costs": [{"prefix": "30", "cost": "-0.01"}]}, "/costs/0/cost"),
        ({"costs": [{"prefix": "30", "cost": 0.01}]}, "/costs/0/cost"),
        ({"costs": [{"prefix": "30", "cost": "100.01"}]}, "/costs/0/cost"),
        ({"costs": [{"prefix": "3o", "cost": "0.01"}]}, "/costs/0/prefix"),
        ({"costs": [{"prefix": "306971", "cost": "0.01"}]}, "/costs/0/prefix"),
        ({"costs": []}, "/costs"),
        ({"costs": [{"prefix": "30", "cost": "1"}] * 2}, "/costs"),
        ({"valid_from": "2026-02-30"}, "/valid_from"),
        ({"valid_from": "1826-01-01"}, "/valid_from"),
    ],
)
def test_costs_that_cannot_be_are_refused_by_their_field(
    world: World, wrong: dict[str, Any], pointer: str
) -> None:
    body = {"connector": "athens", "costs": [{"prefix": "30", "cost": "0.01"}], **wrong}
    answer = world.operator.post("operator/costs", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_fields")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("path", ["operator/margin", "operator/margin.xlsx"])
@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"from": "2026-03-02", "until": "2026-03-01"}, "/from"),
        ({"from": "2025-01-01", "until": "2026-01-02"}, "/from"),
        ({"from": "yesterday"}, "/from"),
        ({"until": "2026-3-1"}, "/until"),
        ({"by": "moon"}, "/by"),
        ({"connector": "x y"}, "/connector"),
        ({"account_id": "-1"}, "/account_id"),
    ],
)
def test_a_margin_that_cannot_be_asked_for_is_refused_by_its_field(
    world: World, path: str, query: dict[str, str], pointer: str
) -> None:
    answer = world.operator.get(path, params=query)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_a_margin_of_nothing_is_nothing(world: World) -> None:
    found = world.operator.get("operator/margin", params={"from": "2020-01-01", "until": "2020-01-01"}).json()
    file = world.operator.get("operator/margin.xlsx", params={"from": "2020-01-01", "until": "2020-01-31"})

    assert (found["from"], found["until"], found["by"], found["data"]) == (
        *("2020-01-01", "2020-01-01"),
        "connector",
        [],
    )
    assert found["totals"] == {
        "parts": 0,
        "revenue": "0.00",
        "parts_without_cost": 0,
        "revenue_without_cost": "0.00",
        "cost": "0.00",
        "margin": "0.00",
        "margin_percent": None,
        "complete": True,
    }
    assert file.content[:2] == b"PK"
    assert "margin-connector-2020-01-01-2020-01-31.xlsx" in file.headers["Content-Disposition"]
    again = world.operator.get("operator/margin", params={"cursor": "nonsense"})
    assert (again.status_code, again.json()["code"]) == (400, "bad_cursor")


def test_costs_go_out_as_a_workbook_and_come_back(world: World) -> None:
    def send(data: bytes, name: str = "costs.csv", **query: str) -> httpx.Response:
        return world.operator.post("operator/costs/import", files={"file": (name, data)}, params=query)

    table = b"connector;country;prefix;cost;valid_from\npatra;GR;;0,0285;2026-01-01\npatra;;*;0,09;\n"
    counts = [send(table, dry_run="true").json(), send(table).json(), send(table).json()]
    assert [(one["added"], one["unchanged"]) for one in counts] == [(2, 0), (2, 0), (0, 2)]

    file = world.operator.get("operator/costs/export")
    assert send(file.content, "costs.xlsx").json()["added"] == 0
    wrong = send(b"connector,prefix,cost\npatra,30,abc\n,31,1\n")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "cost_list_refused")
    assert [error["pointer"] for error in wrong.json()["errors"]] == ["/rows/2/cost", "/rows/3/connector"]


@pytest.mark.parametrize("path", ["costs", "costs/history", "costs/export", "margin", "margin.xlsx"])
def test_a_client_sees_neither_costs_nor_margins(world: World, path: str) -> None:
    answer = world.client.get(f"operator/{path}")

    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
