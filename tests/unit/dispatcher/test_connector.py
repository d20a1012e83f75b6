"""A connector's own rules: ids as receipts write them, the rate it keeps, who gets the room in its window."""

from __future__ import annotations

import selectors
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.dispatcher.progress import ChunkCache
from services.dispatcher.sending.connector import PAUSE_MAX, PAUSE_STEP, Connector, Settings
from services.dispatcher.sending.threads import Loop, Marks, Results
from services.dispatcher.smpp.bind import Address
from services.dispatcher.smpp.pdu import Deliver

Make = Callable[..., Connector]


def no_database(role: str) -> Any:
    raise AssertionError(f"a unit test asked for a database connection for {role}")


@pytest.fixture
def make() -> Iterator[Make]:
    """Connectors whose threads are not started."""
    selector = selectors.DefaultSelector()
    loop, cache = Loop(selector), ChunkCache()
    marks, results = Marks(no_database, loop, threading.Event()), Results(no_database, loop, cache)

    def connector(
        window: int = 100, rate: int | None = None, receipt_ids: str = "as_is", up: bool = True
    ) -> Connector:
        address = Address("127.0.0.1", 2775, "keryx", "secret")
        settings = Settings(1, "sim", address, window, rate, 30, receipt_ids, 1)
        it = Connector(settings, selector, marks, results, cache, "me")
        it.bind.state = "up" if up else "down"
        return it

    yield connector
    loop.close()
    selector.close()


@pytest.mark.parametrize(
    ("form", "answered", "reported"),
    [
        ("as_is", "00Ab", "00Ab"),
        ("hex_to_decimal", "1f", "31"),
        ("hex_to_decimal", "0000001F", "31"),
        ("hex_to_decimal", "1f", "0000000031"),
        ("decimal_to_hex", "31", "1F"),
        ("decimal_to_hex", "0031", "1f"),
        ("decimal_to_hex", "31", "0000001f"),
        ("hex_to_decimal", "not a number", "not a number"),
        ("decimal_to_hex", "", ""),
    ],
)
def test_an_answer_and_its_receipt_meet_under_one_id(
    make: Make, form: str, answered: str, reported: str
) -> None:
    connector = make(receipt_ids=form)
    assert connector._normal_id(answered) == connector._reported_id(reported)


@pytest.mark.parametrize(
    ("esm_class", "text", "kept"),
    [
        (0x00, b"STOP", 1),
        (0x40, b"\5\0\3\1\1\1STOP", 1),
        (0x04, b"stat:DELIVRD err:000", 0),  # a receipt without an id
        (0x20, b"", 0),  # an intermediate notification without one
        (0x08, b"", 0),
    ],
)
def test_what_a_phone_wrote_is_kept_and_a_receipt_without_its_id_is_only_answered(
    make: Make, esm_class: int, text: bytes, kept: int
) -> None:
    connector = make()
    connector.delivered(7, Deliver("306900000001", "54555", esm_class, 0, text, {}))
    fresh = connector._results.fresh
    assert (len(fresh.other), len(fresh.receipts), len(fresh.answers)) == (kept, 0, 1)


def test_without_a_rate_everything_may_go(make: Make) -> None:
    assert make()._may_send(0.0)


@pytest.mark.parametrize("rate", [1, 7, 50, 1_000])
def test_a_rate_is_kept_over_any_second(make: Make, rate: int) -> None:
    connector = make(rate=rate)
    start = connector._tokens_at
    sent: list[float] = []
    for step in range(5_000):
        now = start + step / 1_000
        while connector._may_send(now):
            connector._tokens -= 1
            sent.append(now)
    allowance = max(1, rate // 10) + 1
    for second in range(4):
        within = [t for t in sent if start + second <= t < start + second + 1]
        assert rate - allowance <= len(within) <= rate + allowance


def test_a_quiet_hour_saves_up_a_tenth_of_a_second_at_most(make: Make) -> None:
    connector = make(rate=100)
    now = connector._tokens_at + 3_600
    burst = 0
    while connector._may_send(now):
        connector._tokens -= 1
        burst += 1
    assert burst == 10


def test_a_slice_is_half_a_window_or_a_quarter_of_a_second(make: Make) -> None:
    assert make(window=100).slice_size() == 50
    assert make(window=1).slice_size() == 1
    assert make(window=100, rate=40).slice_size() == 10
    assert make(window=100, rate=1).slice_size() == 1


def test_the_priority_lane_takes_its_share_of_the_window_and_no_more(make: Make) -> None:
    connector = make(window=100)
    assert connector.room("priority") == 80
    assert connector.room("bulk") == 100
    connector.lanes["priority"].outstanding = 80
    assert (connector.room("priority"), connector.room("bulk")) == (0, 20)
    connector.lanes["bulk"].outstanding = 20
    connector.lanes["priority"].outstanding = 60
    assert (connector.room("priority"), connector.room("bulk")) == (20, 20)


def test_a_window_of_one_serves_the_priority_lane_too(make: Make) -> None:
    assert make(window=1).room("priority") == 1


def test_there_is_no_room_while_the_bind_is_down_or_leaving(make: Make) -> None:
    assert make(up=False).room("bulk") == 0
    connector = make()
    connector.drain()
    assert connector.room("bulk") == 0


def test_a_connector_is_open_while_the_operator_holds_it_back(make: Make) -> None:
    connector = make()
    assert connector.observe()[0] == "up"
    connector._pause = 2.0
    assert connector.observe()[0] == "open"


def test_a_window_full_of_throttling_is_one_pause_and_the_next_one_is_twice_as_long(make: Make) -> None:
    connector = make()
    for _ in range(100):
        connector._hold_back(1_000.0)
    assert connector._paused_until == 1_000.0 + PAUSE_STEP
    for _ in range(100):
        connector._hold_back(1_001.0)
    assert connector._paused_until == 1_001.0 + 2 * PAUSE_STEP
    for n in range(10):
        connector._hold_back(2_000.0 + 10 * n)
    assert connector._paused_until == 2_090.0 + PAUSE_MAX
