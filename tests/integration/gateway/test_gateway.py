"""The gateway over HTTP, with real services behind it."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.integration.gateway.conftest import MAX_UPLOAD_BYTES, World, caller
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

MIB = 1024 * 1024


def the_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["request_id"] == response.headers["X-Request-Id"]
    return body


def new_account(world: World, email: str, **headers: str) -> dict[str, Any]:
    response = world.operator.post(
        "operator/accounts", json={"name": "Shop", "email": email}, headers=headers
    )
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def test_it_is_ready_when_accounts_answers(world: World) -> None:
    for page in ("healthz", "readyz", "metrics"):
        assert httpx.get(f"{world.url}/{page}").status_code == 200
    assert "keryx_http_requests_total" in httpx.get(f"{world.url}/metrics").text


def test_a_key_says_who_holds_it(world: World) -> None:
    me = world.client.get("me").json()
    assert (me["account_id"], me["account_name"], me["scopes"]) == (
        world.account_id,
        "Keryx demo",
        ["client"],
    )


def test_each_scope_opens_its_own_doors(world: World) -> None:
    the_problem(world.client.get("operator/accounts"), 403, "scope_missing")
    the_problem(world.operator.get("balance"), 403, "scope_missing")
    assert world.operator.get("operator/accounts").status_code == 200


def test_an_unknown_key_is_refused(world: World) -> None:
    with world.with_key("kx_unknown0_" + "x" * 43) as nobody:
        the_problem(nobody.get("me"), 401, "invalid_api_key")


def test_a_key_with_both_scopes_opens_both(world: World) -> None:
    keys = f"operator/accounts/{world.account_id}/keys"
    made = world.operator.post(keys, json={"name": "both", "scopes": ["client", "operator"]}).json()
    with world.with_key(made["api_key"]) as both:
        assert both.get("balance").status_code == 200
        assert both.get("operator/books").status_code == 200


def test_a_revoked_key_stops_working(world: World) -> None:
    keys = f"operator/accounts/{world.account_id}/keys"
    made = world.operator.post(keys, json={"name": "till", "scopes": ["client"]}).json()
    with world.with_key(made["api_key"]) as till:
        assert till.get("me").status_code == 200
        assert world.operator.delete(f"{keys}/{made['id']}").status_code == 204
        eventually(lambda: till.get("me").status_code == 401, timeout=5)
    shown = world.operator.get(keys).json()["data"][0]
    assert shown["revoked_at"]
    assert "api_key" not in shown


def test_settings_change_under_their_etag(world: World) -> None:
    read = world.client.get("settings")
    tag = read.headers["ETag"]
    change = {"default_sender": "MyShop", "low_balance": {"level": "12.50", "emails": ["boss@example.com"]}}
    changed = world.client.patch("settings", json=change, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.json()["low_balance"] == {"level": "12.50", "emails": ["boss@example.com"]}
    assert changed.headers["ETag"] != tag
    late = world.client.patch("settings", json={"locale": "en"}, headers={"If-Match": tag})
    the_problem(late, 412, "version_mismatch")


def test_a_wrong_setting_is_named_by_its_pointer(world: World) -> None:
    response = world.client.patch(
        "settings", json={"timezone": "Europe/Sparta", "default_sender": "Καλημέρα"}
    )
    found = {
        error["pointer"]: error["code"] for error in the_problem(response, 422, "invalid_fields")["errors"]
    }
    assert found == {"/timezone": "unknown_timezone", "/default_sender": "sender_characters"}


def test_a_new_account_is_made_once_per_idempotency_key(world: World) -> None:
    first = new_account(world, "idem@example.com", **{"Idempotency-Key": "account-1"})
    again = new_account(world, "idem@example.com", **{"Idempotency-Key": "account-1"})
    assert again == {**first, "api_key": None}
    other = {"name": "Other", "email": "other-idem@example.com"}
    reused = world.operator.post("operator/accounts", json=other, headers={"Idempotency-Key": "account-1"})
    the_problem(reused, 409, "idempotency_key_reused")


def test_a_topup_is_booked_once_and_shows_in_balance_and_ledger(world: World) -> None:
    account = new_account(world, "money@example.com")
    body = {"account_id": account["account_id"], "amount": "12.345", "reason": "Bank deposit"}
    for _ in range(2):
        booked = world.operator.post("operator/topups", json=body, headers={"Idempotency-Key": "topup-1"})
        assert booked.status_code == 201, booked.text
    with world.with_key(account["api_key"]) as client:
        balance = client.get("balance").json()
        assert (balance["available"], balance["held"], balance["currency"]) == ("12.345", "0.00", "EUR")
        entries = client.get("ledger").json()["data"]
    assert [(entry["available"], entry["reason"]) for entry in entries] == [("12.345", "Bank deposit")]


def test_a_topup_of_nobody_is_404(world: World) -> None:
    body = {"account_id": "999999", "amount": "1.00", "reason": "Mistake"}
    the_problem(world.operator.post("operator/topups", json=body), 404, "unknown_account")


@pytest.mark.parametrize("amount", ["-1.00", "1,00", "0.0000001", 5, "1e3", ""])
def test_an_amount_that_is_no_money_is_422(world: World, amount: object) -> None:
    body = {"account_id": world.account_id, "amount": amount, "reason": "Mistake"}
    the_problem(world.operator.post("operator/topups", json=body), 422, "invalid_fields")


def test_a_quote_counts_texts_as_they_are_billed(world: World) -> None:
    prices = [{"prefix": "3069", "price": "0.045"}]
    done = world.operator.post("operator/prices", json={"price_class": "normal", "prices": prices})
    assert done.status_code == 200, done.text
    items = [{"to": "691 234 5678", "text": "x" * 161}, {"to": "+306912345678", "parts": 1}]
    quote = world.client.post("quote", json={"items": items}).json()
    assert quote["items"][0] == {"to": "306912345678", "parts": 2, "price": "0.09"}
    assert quote["total"] == "0.135"


def test_lists_go_on_from_their_cursor(world: World) -> None:
    for number in range(3):
        new_account(world, f"page{number}@example.com")
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = world.operator.get("operator/accounts", params=params).json()
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) >= 5
    the_problem(world.operator.get("operator/accounts", params={"cursor": "'; --"}), 400, "bad_cursor")


def test_a_service_that_is_not_there_is_503_and_the_others_answer(world: World) -> None:
    response = world.client.get("contacts")
    the_problem(response, 503, "service_unavailable")
    assert response.headers["Retry-After"]
    assert world.client.get("balance").status_code == 200


def test_fifty_megabytes_of_paste_are_refused_in_words(world: World) -> None:
    text = b'{"text": "' + b"6912345678\\n" * (5 * MIB) + b'"}'
    response = world.client.post("imports", content=text, headers={"Content-Type": "application/json"})
    the_problem(response, 413, "too_large")
    assert world.client.get("me").status_code == 200


def test_a_file_beyond_the_limit_is_refused_in_words(world: World) -> None:
    big = b"x" * (MAX_UPLOAD_BYTES + 1)
    response = world.client.post("imports", files={"file": ("big.csv", big, "text/csv")})
    the_problem(response, 413, "file_too_large")


def test_a_form_without_a_file_is_400(world: World) -> None:
    the_problem(world.client.post("imports", files={"data": ("a.csv", b"1")}), 400, "no_file")
    the_problem(world.client.post("imports", content=b"a;b"), 400, "no_file")


def test_rubbish_instead_of_http_does_no_harm(world: World) -> None:
    port = int(world.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(b"\x16\x03\x01 rubbish\r\n\r\n")
        line.recv(1_000)
    assert world.client.get("me").status_code == 200


def test_many_at_once_are_all_answered(world: World) -> None:
    def ask(number: int) -> tuple[int, str]:
        headers = {"X-Request-Id": f"parallel-{number:04}"}
        response = world.client.get("balance", headers=headers)
        return response.status_code, response.headers["X-Request-Id"]

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(ask, range(240)))
    assert answers == [(200, f"parallel-{number:04}") for number in range(240)]


def test_the_documentation_needs_no_key(world: World) -> None:
    with caller(world.url, None) as anybody:
        page = anybody.get("docs")
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "/api/v1/campaigns/{campaign_id}/preflight" in page.text
        assert anybody.get("openapi.json").json()["openapi"].startswith("3.")


def test_when_accounts_dies_nobody_gets_in_and_when_it_is_back_they_do(world: World) -> None:
    accounts = next(one for one in world.launcher.started if "accounts" in one.log.name)
    accounts.kill()

    def locked_out() -> bool:
        return world.client.get("me").status_code == 503

    eventually(locked_out, timeout=20)
    assert httpx.get(f"{world.url}/readyz", timeout=20).status_code == 503
    assert httpx.get(f"{world.url}/healthz").status_code == 200
    world.launcher.service("accounts")
    eventually(lambda: httpx.get(f"{world.url}/readyz", timeout=20).status_code == 200, timeout=20)
    eventually(lambda: world.client.get("me").status_code == 200, timeout=20)


def test_it_starts_without_a_broker_and_says_that_it_is_not_ready(world: World) -> None:
    alone = world.launcher.gateway(path="/healthz", KERYX_AMQP_URI="amqp://guest:guest@127.0.0.1:1/")
    assert httpx.get(f"{alone.url}/readyz", timeout=20).status_code == 503
    with caller(alone.url, "kx_unknown0_" + "x" * 43) as client:
        the_problem(client.get("me"), 503, "service_unavailable")


def test_it_ends_soon_after_sigterm_having_answered_what_it_had(world: World) -> None:
    another = world.launcher.gateway()
    another.process.terminate()
    assert another.process.wait(10) == 0
