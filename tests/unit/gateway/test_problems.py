"""Every failure is problem+json with a stable code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from contracts.errors import KINDS, RETRY_AT, KeryxError, TooMany
from gateway import errors


def the_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = response.get_json(force=True)
    assert body.keys() == {"type", "title", "status", "code", "detail", "request_id", "errors"}
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == response.headers["X-Request-Id"]
    return body


def pointers(body: dict[str, Any]) -> dict[str, str]:
    return {error["pointer"]: error["code"] for error in body["errors"]}


def test_an_unknown_address_is_404(anybody: FlaskClient) -> None:
    the_problem(anybody.get("/api/v1/nowhere"), 404, "not_found")


def test_an_id_that_is_no_number_is_404(client: FlaskClient) -> None:
    the_problem(client.get("/api/v1/contacts/abc"), 404, "not_found")
    the_problem(client.get("/api/v1/contacts/" + "9" * 30), 404, "not_found")


def test_a_wrong_method_is_405_and_says_which_are_right(anybody: FlaskClient) -> None:
    response = anybody.delete("/api/v1/balance")
    the_problem(response, 405, "method_not_allowed")
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"'a'", b'{"a": NaN}', b"[" * 100_000, b'{"a": "\\ud800"}']
)
def test_malformed_json_is_400(client: FlaskClient, body: bytes) -> None:
    response = client.post("/api/v1/text/segment", data=body[:90_000], content_type="application/json")
    the_problem(response, 400, "malformed_json")


def test_json_without_its_content_type_is_415(client: FlaskClient) -> None:
    response = client.post("/api/v1/text/segment", data=b"text=hello", content_type="text/plain")
    the_problem(response, 415, "unsupported_media_type")


def test_a_nul_character_is_refused_wherever_it_is(client: FlaskClient) -> None:
    response = client.post(
        "/api/v1/text/segment", data=b'{"text": "a\\u0000b"}', content_type="application/json"
    )
    the_problem(response, 400, "nul_character")
    the_problem(client.get("/api/v1/contacts?search=a%00b"), 400, "nul_character")
    the_problem(client.delete("/api/v1/blacklist/69%00"), 400, "nul_character")


def test_a_body_beyond_the_limit_is_413(client: FlaskClient) -> None:
    response = client.post("/api/v1/text/segment", data=b" " * 100_001, content_type="application/json")
    the_problem(response, 413, "too_large")


@pytest.mark.parametrize("body", [[], "text", 1, None])
def test_something_that_is_no_object_is_422(client: FlaskClient, body: Any) -> None:
    the_problem(client.post("/api/v1/text/segment", json=body), 422, "invalid_fields")


def test_unknown_missing_and_wrong_fields_are_each_named(client: FlaskClient) -> None:
    response = client.post("/api/v1/messages", json={"messages": [{"to": 5, "sms": "x"}], "colour": "red"})
    found = pointers(the_problem(response, 422, "invalid_fields"))
    assert found["/messages/0/to"] == "invalid"
    assert found["/messages/0/text"] == "required"
    assert found["/messages/0/sms"] == "unknown_field"
    assert found["/colour"] == "unknown_field"


def test_a_pointer_escapes_what_json_pointers_escape(client: FlaskClient) -> None:
    response = client.post("/api/v1/text/segment", json={"text": "x", "a/b~c": 1})
    assert pointers(the_problem(response, 422, "invalid_fields")) == {"/a~1b~0c": "unknown_field"}


def test_an_unknown_query_parameter_is_refused(client: FlaskClient) -> None:
    response = client.get("/api/v1/contacts?serach=x")
    assert pointers(the_problem(response, 422, "invalid_fields")) == {"/serach": "unknown_field"}


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x", ""])
def test_a_page_has_1_to_500_rows(client: FlaskClient, limit: str) -> None:
    response = client.get(f"/api/v1/contacts?limit={limit}")
    assert "/limit" in pointers(the_problem(response, 422, "invalid_fields"))


def test_a_fault_of_ours_is_500_without_a_word_of_it(fresh_app: Flask) -> None:
    def boom() -> str:
        return str(1 / 0)

    fresh_app.add_url_rule("/boom", "boom", boom)
    body = the_problem(fresh_app.test_client().get("/boom"), 500, "internal_error")
    assert "ZeroDivision" not in str(body)
    assert "Traceback" not in str(body)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_failure_has_its_status(fresh_app: Flask, kind: type[KeryxError]) -> None:
    def fail() -> str:
        raise kind("some_code", "What happened.", [{"pointer": "/a", "code": "b", "detail": "c"}])

    fresh_app.add_url_rule("/fail", "fail", fail)
    body = the_problem(fresh_app.test_client().get("/fail"), kind.status, "some_code")
    assert body["errors"] == [{"pointer": "/a", "code": "b", "detail": "c"}]


def test_a_failure_that_knows_when_it_ends_says_so_in_the_header(fresh_app: Flask) -> None:
    def fail() -> str:
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        raise TooMany("some_code", "Enough.", [{"pointer": "", "code": RETRY_AT, "detail": tomorrow}])

    def fail_late() -> str:
        raise TooMany(
            "some_code", "Enough.", [{"pointer": "", "code": RETRY_AT, "detail": "2020-01-01T00:00:00Z"}]
        )

    fresh_app.add_url_rule("/fail", "fail", fail)
    fresh_app.add_url_rule("/late", "late", fail_late)
    client = fresh_app.test_client()

    assert 86_000 < int(client.get("/fail").headers["Retry-After"]) <= 86_400
    assert client.get("/late").headers["Retry-After"] == "1"


def test_a_request_id_is_taken_over_or_made(anybody: FlaskClient) -> None:
    given = anybody.get("/healthz", headers={"X-Request-Id": "caller-42.abc"})
    assert given.headers["X-Request-Id"] == "caller-42.abc"
    for bad in ("short", "x" * 65, "has space in it", "{}<>{}<>{}"):
        made = anybody.get("/healthz", headers={"X-Request-Id": bad}).headers["X-Request-Id"]
        assert made != bad
        assert len(made) == 32


def test_the_message_of_a_field_gives_its_code() -> None:
    found = list(
        errors.field_errors({"a": ["Missing data for required field."], "b": {0: ["Unknown field."]}})
    )
    assert [(error["pointer"], error["code"]) for error in found] == [
        ("/a", "required"),
        ("/b/0", "unknown_field"),
    ]


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "tab\there", "ελληνικά".encode().decode("latin-1")])
def test_an_idempotency_key_is_printable_ascii(client: FlaskClient, key: str) -> None:
    response = client.post(
        "/api/v1/messages", json={"to": "6912345678", "text": "x"}, headers={"Idempotency-Key": key}
    )
    the_problem(response, 400, "bad_idempotency_key")


@pytest.mark.parametrize("tag", ["3", 'W/"3"', '"x"', '"1", "2"'])
def test_a_tag_that_is_not_ours_is_412(client: FlaskClient, tag: str) -> None:
    response = client.patch("/api/v1/settings", json={"locale": "en"}, headers={"If-Match": tag})
    the_problem(response, 412, "version_mismatch")
