"""Dead letters: counted, shown and put back without ever being lost."""

from __future__ import annotations

import json
from typing import Any

import pika
import pytest
from pika.exceptions import AMQPConnectionError

from contracts import envelope
from servicekit import dead, topology, wire
from tests.support.queues import depths

from .support import channel_of

pytestmark = pytest.mark.integration

QUEUE = "billing.messages_progressed"
DEAD = f"{QUEUE}.dead"


@pytest.fixture
def broker(fresh_broker: str) -> str:
    """A virtual host with all queues."""
    topology.declare(fresh_broker)
    return fresh_broker


def bury(broker: str, count: int = 1, body: bytes | None = None) -> list[str]:
    """Put envelopes among the dead; their ids."""
    made = [
        envelope.make("messages_progressed", 1, "dispatcher", {"chunks": [], "n": n}) for n in range(count)
    ]
    with channel_of(broker) as channel:
        for one in made:
            properties = pika.BasicProperties(headers={"x-error": "ValueError: δεν γίνεται", "x-death": []})
            channel.basic_publish("", DEAD, body or wire.encode(one), properties, mandatory=True)
    return [one.id for one in made]


def take(broker: str, queue: str) -> list[tuple[pika.BasicProperties, bytes]]:
    found = []
    with channel_of(broker) as channel:
        while (got := channel.basic_get(queue, auto_ack=True))[0]:
            found.append((got[1], got[2]))
    return found


def run(broker: str, *argv: str) -> list[str]:
    return list(dead.run(list(argv), broker))


def test_the_list_counts_every_queue_of_dead_letters(broker: str) -> None:
    bury(broker, 3)

    lines = {queue: number for number, queue in (line.split() for line in run(broker, "list"))}

    assert lines[DEAD] == "3"
    assert {number for queue, number in lines.items() if queue != DEAD} == {"0"}
    assert lines.keys() == dead.ORIGINS.keys() - {"dispatch.dead"}  # that one the acceptor declares


def test_showing_prints_envelope_and_error_and_takes_nothing_away(broker: str) -> None:
    ids = bury(broker, 3)

    shown: list[dict[str, Any]] = [json.loads(line) for line in run(broker, "show", QUEUE, "--limit", "2")]

    assert [line["id"] for line in shown] == ids[:2]
    assert {line["error"] for line in shown} == {"ValueError: δεν γίνεται"}
    assert [line["data"]["n"] for line in shown] == [0, 1]
    assert len(run(broker, "show", DEAD)) == 3


def test_what_is_no_envelope_is_shown_as_such(broker: str) -> None:
    bury(broker, body=b"\xff\xfe")

    (line,) = [json.loads(line) for line in run(broker, "show", QUEUE)]

    assert line["bytes"] == 2
    assert "not compressed data" in line["unreadable"]


def test_replaying_puts_letters_back_as_new_and_empties_the_grave(broker: str) -> None:
    ids = bury(broker, 3)

    assert run(broker, "replay", QUEUE) == [f"3 letters put back on {QUEUE}"]

    assert depths(broker, [DEAD]) == {DEAD: 0}
    back = take(broker, QUEUE)
    assert [wire.decode(body).id for _, body in back] == ids
    for properties, body in back:
        assert properties.headers == {
            "x-delivery-count": 0
        }  # no deaths: else its retries would be used up already
        assert properties.content_type == wire.CONTENT_TYPE
        assert properties.delivery_mode == 2
        assert properties.message_id == wire.decode(body).id


def test_a_limit_leaves_the_younger_ones_where_they_are(broker: str) -> None:
    ids = bury(broker, 3)

    run(broker, "replay", DEAD, "--limit", "1")

    assert [wire.decode(body).id for _, body in take(broker, QUEUE)] == ids[:1]
    assert [wire.decode(body).id for _, body in take(broker, DEAD)] == ids[1:]


def test_a_letter_that_cannot_be_put_back_stays(broker: str) -> None:
    bury(broker, 2)
    with channel_of(broker) as channel:
        channel.queue_delete(QUEUE)

    with pytest.raises(pika.exceptions.UnroutableError):
        dead.replay(broker, QUEUE)

    assert depths(broker, [DEAD]) == {DEAD: 2}


def test_unreadable_chunks_go_back_to_the_acceptor(broker: str) -> None:
    with channel_of(broker) as channel:
        topology.declare_data_queue(channel, "dispatch.dead")
        channel.basic_publish("", "dispatch.dead", b"chunk", mandatory=True)

    assert run(broker, "replay", "dispatch.dead") == ["1 letters put back on dispatch.bulk"]
    assert [body for _, body in take(broker, "dispatch.bulk")] == [b"chunk"]


def test_the_command_line_says_what_it_cannot_do(
    broker: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["dead", "show", "no.such.queue"])
    monkeypatch.setenv("KERYX_AMQP_URI", broker)

    assert dead.main() == 1

    complaint = capsys.readouterr().err
    assert "'no.such.queue'" in complaint
    assert DEAD in complaint


@pytest.mark.parametrize("argv", [[], ["bury"], ["replay"], ["show", QUEUE, "--limit", "0"], ["list", "x"]])
def test_a_command_that_does_not_exist_changes_nothing(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("amqp://nobody", *argv)
    assert ended.value.code == 2


def test_without_a_broker_it_says_so() -> None:
    with pytest.raises(AMQPConnectionError):
        run("amqp://guest:guest@127.0.0.1:1/none", "list")
