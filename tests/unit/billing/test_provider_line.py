"""What stands between billing and a provider that hangs, lies or is away."""

from __future__ import annotations

import httpx
import pytest

from services.billing.payments import http
from services.billing.payments.http import Circuit, Line, Token, with_token
from services.billing.payments.port import ProviderDown

URL = "https://provider.test/x"


class Provider:
    """Answers the next of ``answers`` to each request, and remembers what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def line(self) -> Line:
        return Line("test", httpx.MockTransport(self))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PAUSES", (0.0, 0.0))


@pytest.mark.parametrize(
    "trouble",
    [*map(httpx.Response, (503, 520, 429)), httpx.ReadTimeout("late"), httpx.ConnectError("no")],
)
def test_what_may_be_repeated_is_tried_again(trouble: httpx.Response | Exception) -> None:
    provider = Provider(trouble, httpx.Response(200, json={"a": 1}))
    with provider.line().call() as call:
        assert call.patiently("GET", URL).data == {"a": 1}
    assert len(provider.asked) == 2


def test_what_may_not_be_repeated_is_sent_once() -> None:
    provider = Provider(httpx.ReadTimeout("late"))
    with provider.line().call() as call, pytest.raises(ProviderDown):
        call.once("DELETE", URL)
    assert len(provider.asked) == 1


def test_a_refusal_is_an_answer_and_not_an_outage() -> None:
    provider = Provider(httpx.Response(422, json={"name": "NO"}))
    with provider.line().call() as call:
        assert call.patiently("POST", URL).status == 422


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff"])
def test_a_body_that_is_no_json_is_no_data(body: bytes) -> None:
    with Provider(httpx.Response(200, content=body)).line().call() as call:
        assert call.once("GET", URL).data is None


def test_an_endless_answer_is_cut_short() -> None:
    provider = Provider(httpx.Response(200, content=b"x" * (http.LARGEST_ANSWER + 1)))
    with provider.line().call() as call, pytest.raises(ProviderDown):
        call.once("GET", URL)


def test_a_provider_that_fails_again_and_again_is_left_alone() -> None:
    provider = Provider(*[httpx.Response(500)] * 6)
    line = provider.line()
    for _ in range(2):
        with line.call() as call, pytest.raises(ProviderDown):
            call.patiently("GET", URL)
    with pytest.raises(ProviderDown), line.call():
        raise AssertionError("a call went out")
    assert len(provider.asked) == 6


def test_after_a_pause_one_call_tries_and_an_answer_lets_all_through() -> None:
    now = 0.0
    circuit = Circuit(lambda: now)
    for _ in range(http.FAILURES_TO_OPEN):
        circuit.note(worked=False)
    assert not circuit.passes()
    now = http.OPEN_SECONDS
    assert [circuit.passes(), circuit.passes()] == [True, False]
    circuit.note(worked=True)
    assert [circuit.passes(), circuit.passes()] == [True, True]


def granted(name: str, seconds: int = 3600) -> httpx.Response:
    return httpx.Response(200, json={"access_token": name, "expires_in": seconds, "token_type": "Bearer"})


def test_a_token_is_asked_for_once_and_used_until_shortly_before_its_end() -> None:
    provider = Provider(granted("one", 61), granted("two", 30), granted("three"))
    token = Token(URL, "id", "secret")
    with provider.line().call() as call:
        seen = [token.bearer(call)["Authorization"] for _ in range(2)]
        token.forget()
        seen += [token.bearer(call)["Authorization"] for _ in range(2)]
    # The second had less than the margin left when it came, so the next call asked anew.
    assert seen == ["Bearer one", "Bearer one", "Bearer two", "Bearer three"]


def test_a_token_that_the_provider_forgot_is_replaced_and_the_request_sent_again() -> None:
    provider = Provider(granted("old"), httpx.Response(401), granted("new"), httpx.Response(200, json=7))
    token = Token(URL, "id", "secret")
    with provider.line().call() as call:
        assert with_token(token, call, call.once, "POST", URL).data == 7
    assert provider.asked[-1].headers["Authorization"] == "Bearer new"


@pytest.mark.parametrize("answer", [httpx.Response(401), httpx.Response(200, json={"expires_in": 1})])
def test_credentials_that_are_refused_are_an_outage_for_the_payer(answer: httpx.Response) -> None:
    with Provider(answer).line().call() as call, pytest.raises(ProviderDown):
        Token(URL, "id", "secret").bearer(call)
