"""Dead letters: what could not be consumed, for a person to look at and to put back.

``python -m servicekit.dead list | show <queue> | replay <queue> [--limit N]``, on the broker of KERYX_AMQP_URI.
``<queue>`` is the queue of dead letters or the one they came from; ``show`` prints their data whole, phone numbers too.
Replaying is safe for consumers: the inbox of each drops what already had its effect. It publishes with a confirm
and then acknowledges, so a letter may be there twice for a moment, never not at all.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from contracts.chunks import QUEUES
from contracts.envelope import BadEnvelope
from contracts.queues import SUBSCRIPTIONS

from . import settings, topology, wire

ORIGINS = {f"{queue}.dead": queue for queue in SUBSCRIPTIONS} | {"dispatch.dead": QUEUES["bulk"]}
"""The queue that each queue of dead letters came from."""

SHOWN = 20
ERROR = "x-error"


@dataclass(frozen=True)
class Letter:
    """A dead letter as it lies on its queue; ``error`` is what its consumer said last."""

    tag: int
    error: str
    body: bytes

    def describe(self) -> dict[str, Any]:
        """What it is, JSON-able: its envelope, or why it is none."""
        try:
            return {"error": self.error, **wire.decode(self.body).to_dict()}
        except BadEnvelope as problem:
            return {"error": self.error, "unreadable": str(problem), "bytes": len(self.body)}


class UnknownQueue(Exception):
    """There are no dead letters by this name; ``str()`` says which names there are."""


def name_of(queue: str) -> str:
    """The queue of dead letters that ``queue`` means. Raises UnknownQueue."""
    for name in (queue, f"{queue}.dead"):
        if name in ORIGINS:
            return name
    raise UnknownQueue(f"no dead letters by the name {queue!r}; there are: {', '.join(ORIGINS)}")


def counts(amqp_uri: str) -> dict[str, int]:
    """Letters on each queue of dead letters; those that were never declared are left out."""
    found: dict[str, int] = {}
    with _connected(amqp_uri) as connection:
        for queue in ORIGINS:
            channel = connection.channel()  # the broker closes the channel on which a queue is not found
            try:
                found[queue] = int(channel.queue_declare(queue, passive=True).method.message_count)
            except ChannelClosedByBroker:
                continue
            channel.close()
    return found


def look(amqp_uri: str, queue: str, limit: int = SHOWN) -> list[Letter]:
    """Up to ``limit`` letters of ``queue``, oldest first; they stay where they are."""
    with _connected(amqp_uri) as connection:
        return list(_letters(connection.channel(), name_of(queue), limit))  # closing gives them back


def replay(amqp_uri: str, queue: str, limit: int | None = None) -> int:
    """Put letters back on the queue they came from, oldest first, to be tried as if they were new; how many.

    At most as many as lie there at the start, so what dies again at once is not taken a second time.
    """
    name = name_of(queue)
    with _connected(amqp_uri) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        lying = int(channel.queue_declare(name, passive=True).method.message_count)
        count = 0
        for letter in _letters(channel, name, lying if limit is None else min(limit, lying)):
            channel.basic_publish("", ORIGINS[name], letter.body, _properties(letter.body), mandatory=True)
            channel.basic_ack(letter.tag)
            count += 1
        return count


def _letters(channel: Any, queue: str, limit: int) -> Iterator[Letter]:
    for _ in range(limit):
        method, properties, body = channel.basic_get(queue)
        if method is None:
            return
        yield Letter(method.delivery_tag, str((properties.headers or {}).get(ERROR, "")), body)


def _properties(body: bytes) -> pika.BasicProperties:
    try:
        message_id = wire.decode(body).id
    except BadEnvelope:
        message_id = None
    return pika.BasicProperties(
        content_type=wire.CONTENT_TYPE,
        content_encoding=wire.CONTENT_ENCODING,
        message_id=message_id,
        delivery_mode=2,
    )


@contextmanager
def _connected(amqp_uri: str) -> Iterator[Any]:
    connection = pika.BlockingConnection(topology.parameters(amqp_uri, "dead-letters"))
    try:
        yield connection
    finally:
        connection.close()


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m servicekit.dead", description="Look at dead letters and put them back."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="how many lie where")
    show = commands.add_parser("show", help="print letters as JSON lines; they stay where they are")
    again = commands.add_parser("replay", help="put letters back on the queue they came from")
    for command in (show, again):
        command.add_argument("queue", help="such as billing.messages_progressed")
    show.add_argument("--limit", type=_count, default=SHOWN)
    again.add_argument("--limit", type=_count, default=None)
    return parser.parse_args(argv)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a count: {text!r}")
    return int(text)


def run(argv: list[str], amqp_uri: str) -> Iterator[str]:
    """The lines that the command ``argv`` prints. Raises UnknownQueue, AMQPError."""
    asked = _arguments(argv)
    if asked.command == "list":
        yield from (f"{number:>7}  {queue}" for queue, number in counts(amqp_uri).items())
    elif asked.command == "show":
        for letter in look(amqp_uri, asked.queue, asked.limit):
            yield json.dumps(letter.describe(), ensure_ascii=False)
    else:
        name = name_of(asked.queue)
        yield f"{replay(amqp_uri, name, asked.limit)} letters put back on {ORIGINS[name]}"


def main() -> int:
    """Run the command line's command; exit status 1 with one sentence when it cannot be done."""
    try:
        for line in run(sys.argv[1:], settings.amqp_uri()):
            print(line)
    except (UnknownQueue, AMQPError, OSError) as problem:
        print(f"dead: {type(problem).__name__}: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
