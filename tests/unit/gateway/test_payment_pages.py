"""What anybody may send to /payments, and what people see when billing is away."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from gateway.public import payments


@pytest.mark.parametrize("path", ["webhook", "return", "cancel"])
def test_a_provider_that_is_none_is_not_there(anybody: FlaskClient, path: str) -> None:
    method = anybody.post if path == "webhook" else anybody.get
    assert method(f"/payments/bitcoin/{path}").status_code == 404


def test_a_webhook_that_is_too_large_is_refused_before_anybody_reads_it(anybody: FlaskClient) -> None:
    answer = anybody.post("/payments/viva/webhook", data=b"x" * (payments.LARGEST_WEBHOOK + 1))
    assert (answer.status_code, answer.get_json()["code"]) == (413, "webhook_too_large")


def test_a_webhook_that_hides_its_length_is_cut_at_the_same_size(anybody: FlaskClient) -> None:
    answer = anybody.post(
        "/payments/viva/webhook",
        data=b"x" * (payments.LARGEST_WEBHOOK + 1),
        environ_overrides={
            "wsgi.input_terminated": True,
            "CONTENT_LENGTH": "",
            "HTTP_TRANSFER_ENCODING": "chunked",
        },
    )
    assert answer.status_code == 413


def test_without_billing_a_webhook_is_to_be_sent_again(anybody: FlaskClient) -> None:
    answer = anybody.post("/payments/paypal/webhook", data=b"{}")
    assert answer.status_code == 503


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_more_at_once_at_a_webhook_s_address_than_there_are_places_are_put_off(
    anybody: FlaskClient, method: str
) -> None:
    taken = [payments._places.acquire(blocking=False) for _ in range(payments.AT_ONCE)]
    try:
        answer = anybody.open("/payments/viva/webhook", method=method, data=b"{}")
    finally:
        for _ in taken:
            payments._places.release()
    assert taken == [True] * payments.AT_ONCE
    assert (answer.status_code, answer.get_json()["code"]) == (503, "busy")
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(("lang", "words"), [("el", "δεν χάθηκε τίποτα"), ("en", "nothing is lost")])
def test_without_billing_a_payer_gets_a_page_in_his_language_that_calms(
    anybody: FlaskClient, lang: str, words: str
) -> None:
    answer = anybody.get(f"/payments/viva/return?s=1234567890123456&lang={lang}")
    assert answer.status_code == 503
    assert words in answer.get_data(as_text=True)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_both_languages_say_the_same_things() -> None:
    assert payments.WORDS["el"].keys() == payments.WORDS["en"].keys()
    assert payments.WORDS["el"].keys() >= {"paid", "waiting", "not_paid", "unknown", "later"}
