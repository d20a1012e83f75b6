"""The notifier as it runs: an event on RabbitMQ becomes an e-mail in a mailbox, whatever happens in between."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pika
import pytest

from contracts import envelope
from contracts.events import BalanceLow
from servicekit import topology, wire
from servicekit.database import Database, cursor_of, make_engine
from servicekit.outbox import EXCHANGE
from tests.integration.billing.processes import Running, start
from tests.integration.notifier.mailserver import MailServer
from tests.support.queues import depths
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


@dataclass
class Notifier:
    """The running service, seen from outside."""

    uri: str
    environment: dict[str, str]
    db: Database
    service: Running
    folder: Path

    def tell(self, times: int = 1, **changes: object) -> str:
        """Publish a balance_low as a relay would; its id."""
        values = {"account_name": "Άνθη", "locale": "el", "emails": ["info@anthi.example"]} | changes
        event = BalanceLow(7, **values, available=9_000_000, level=10_000_000, remaining={"normal": 200})  # type: ignore[arg-type]
        message = envelope.make(event.TYPE, event.VERSION, event.PRODUCER, event.to_data(), account_id=7)
        connection = pika.BlockingConnection(pika.URLParameters(self.uri))
        channel = connection.channel()
        channel.confirm_delivery()
        properties = pika.BasicProperties(
            content_type=wire.CONTENT_TYPE, content_encoding=wire.CONTENT_ENCODING, delivery_mode=2
        )
        for _ in range(times):
            channel.basic_publish(
                EXCHANGE, event.routing_key(), wire.encode(message), properties, mandatory=True
            )
        connection.close()
        return message.id

    def start_again(self) -> None:
        """A new process in the place of the one that ended."""
        self.service = start(
            "services.notifier.main", environment=self.environment, log=self.folder / "again.log"
        )

    def make_due(self) -> None:
        """Let every pause and lease be over."""
        with self.db.transaction() as session:
            cursor_of(session).execute("UPDATE emails SET next_attempt_at = now() WHERE state = 'queued'")

    def states(self) -> list[str]:
        """Of all e-mails, in their order."""
        with self.db.transaction() as session:
            cursor = cursor_of(session)
            cursor.execute("SELECT state FROM emails ORDER BY id")
            return [row[0] for row in cursor.fetchall()]


@pytest.fixture
def notifier(
    fresh_database: Callable[[str], str], fresh_broker: str, server: MailServer, tmp_path: Path
) -> Iterator[Notifier]:
    """The service, running against the mail server of the test."""
    topology.declare(fresh_broker)
    url = fresh_database("notifier")
    environment = {
        "KERYX_AMQP_URI": fresh_broker,
        "KERYX_DATABASE_URL_NOTIFIER": url,
        "KERYX_SMTP_HOST": "127.0.0.1",
        "KERYX_SMTP_PORT": str(server.port),
        "KERYX_MAIL_FROM": "Keryx <keryx@host.example>",
    }
    engine = make_engine(url, "test")
    service = start("services.notifier.main", environment=environment, log=tmp_path / "notifier.log")
    running = Notifier(fresh_broker, environment, Database(engine), service, tmp_path)
    yield running
    if running.service.process.poll() is None:
        running.service.terminate()
    engine.dispose()


def test_an_event_delivered_thrice_is_one_email(notifier: Notifier, server: MailServer) -> None:
    event_id = notifier.tell(times=3)

    eventually(lambda: server.messages)
    eventually(lambda: notifier.states() == ["sent"])
    eventually(lambda: not depths(notifier.uri, ["notifier.balance_low"])["notifier.balance_low"])
    assert [message["Message-ID"] for message in server.messages] == [f"<balance-low.{event_id}.0@keryx>"]
    assert 'keryx_emails_total{kind="balance_low",outcome="sent"} 1.0' in notifier.service.metrics()
    assert notifier.service.terminate() == 0
    log = notifier.service.log.read_text()
    assert '"email_sent"' in log
    assert "anthi.example" not in log


def test_killed_while_it_sends_it_sends_again_after_the_lease(notifier: Notifier, server: MailServer) -> None:
    server.hold = threading.Event()
    notifier.tell()
    assert server.reached.wait(20)
    notifier.service.kill()
    assert notifier.states() == ["queued"]
    server.hold.set()
    server.hold = None

    notifier.start_again()
    notifier.make_due()

    eventually(lambda: notifier.states() == ["sent"])
    assert len({message["Message-ID"] for message in server.messages}) == 1


def test_asked_to_end_it_finishes_what_it_is_sending(notifier: Notifier, server: MailServer) -> None:
    server.hold = threading.Event()
    notifier.tell()
    assert server.reached.wait(20)
    notifier.service.process.send_signal(signal.SIGTERM)
    server.hold.set()

    assert notifier.service.process.wait(20) == 0
    assert notifier.states() == ["sent"]
    assert len(server.messages) == 1
