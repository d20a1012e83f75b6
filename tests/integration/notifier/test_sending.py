"""E-mails leave at least once, and are given up only for a reason."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from prometheus_client import REGISTRY

from contracts.events import BalanceLow
from servicekit.database import Database, cursor_of
from services.notifier import sending, use_cases
from services.notifier.domain import MAX_ATTEMPTS
from services.notifier.mailer import MailSettings, SmtpMailer
from tests.integration.notifier.mailserver import MailServer
from tests.support.ports import free_port

pytestmark = pytest.mark.integration


def queue(db: Database, *emails: str, event_id: str = "event-1", locale: str = "el") -> None:
    """Deliver a balance_low for these addresses."""
    event = BalanceLow(
        account_id=7,
        account_name="Άνθη",
        locale=locale,
        emails=list(emails),
        available=9_000_000,
        level=10_000_000,
        remaining={"normal": 200, "low": 257},
    )
    with db.transaction() as session:
        use_cases.tell_balance_low(session, event_id, event)


def rows(db: Database) -> list[dict[str, Any]]:
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute(
            "SELECT recipient, state, attempts, last_error,"
            " extract(epoch FROM next_attempt_at - now())::int FROM emails ORDER BY id"
        )
        names = ("recipient", "state", "attempts", "last_error", "due_in")
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def make_due(db: Database) -> None:
    """Let the pause or the lease be over."""
    with db.transaction() as session:
        cursor_of(session).execute("UPDATE emails SET next_attempt_at = now() WHERE state = 'queued'")


def mailer(port: int, **settings: Any) -> SmtpMailer:
    return SmtpMailer(MailSettings("127.0.0.1", port, mail_from="Keryx <keryx@host.example>", **settings))


def test_each_address_gets_its_own_message_once(db: Database, server: MailServer) -> None:
    queue(db, "a@x.example", "b@x.example", "a@x.example")

    assert sending.send_due(db, mailer(server.port)) == 2
    assert sending.send_due(db, mailer(server.port)) == 0

    assert server.recipients == ["a@x.example", "b@x.example"]
    assert [message["To"] for message in server.messages] == ["a@x.example", "b@x.example"]
    assert server.messages[0]["Subject"] == "Keryx: το υπόλοιπό σας είναι 9,00 €"
    assert [row["state"] for row in rows(db)] == ["sent", "sent"]


def test_the_english_account_gets_it_in_english(db: Database, server: MailServer) -> None:
    queue(db, "a@x.example", locale="en")
    sending.send_due(db, mailer(server.port))

    assert server.messages[0]["Subject"] == "Keryx: your balance is €9.00"


def test_without_a_server_it_waits_and_goes_later(db: Database, server: MailServer) -> None:
    queue(db, "a@x.example")
    sending.send_due(db, mailer(free_port()))
    (waiting,) = rows(db)
    assert (waiting["state"], waiting["attempts"]) == ("queued", 1)
    assert 20 <= waiting["due_in"] <= 30
    assert "refused" in waiting["last_error"]

    assert sending.send_due(db, mailer(server.port)) == 0
    make_due(db)
    assert sending.send_due(db, mailer(server.port)) == 1
    assert rows(db)[0]["state"] == "sent"


@pytest.mark.parametrize("answer", ["451 try later", "421 drop", "drop"])
def test_a_passing_trouble_is_tried_again_under_the_same_message_id(
    db: Database, server: MailServer, answer: str
) -> None:
    queue(db, "a@x.example")
    server.answers.extend([answer])
    sending.send_due(db, mailer(server.port))
    make_due(db)
    sending.send_due(db, mailer(server.port))

    assert [message["Message-ID"] for message in server.messages] == ["<balance-low.event-1.0@keryx>"]
    assert (rows(db)[0]["state"], rows(db)[0]["attempts"]) == ("sent", 2)


def test_an_answer_that_was_lost_sends_it_again_recognisably(db: Database, server: MailServer) -> None:
    queue(db, "a@x.example")
    server.answers.append("keep and drop")
    sending.send_due(db, mailer(server.port))
    make_due(db)
    sending.send_due(db, mailer(server.port))

    assert len(server.messages) == 2
    assert len({message["Message-ID"] for message in server.messages}) == 1


def test_a_refusal_for_good_fails_at_once_and_keeps_the_reason(db: Database, server: MailServer) -> None:
    queue(db, "nobody@x.example", "a@x.example")
    server.recipient_answers.append("550 5.1.1 no such user")

    sending.send_due(db, mailer(server.port))

    failed, sent = rows(db)
    assert (failed["state"], failed["attempts"]) == ("failed", 1)
    assert failed["last_error"] == "550 5.1.1 no such user"
    assert sent["state"] == "sent"
    assert REGISTRY.get_sample_value("keryx_emails_open", {"state": "failed"}) == 1


def test_a_text_that_is_refused_for_good_fails_at_once(db: Database, server: MailServer) -> None:
    queue(db, "a@x.example")
    server.answers.append("554 spam")
    sending.send_due(db, mailer(server.port))

    assert (rows(db)[0]["state"], rows(db)[0]["last_error"]) == ("failed", "554 spam")


def test_a_wrong_password_is_our_trouble_not_the_addressees(db: Database, server: MailServer) -> None:
    queue(db, "a@x.example")
    sending.send_due(db, mailer(server.port, smtp_user="keryx", smtp_password="wrong"))

    assert rows(db)[0]["state"] == "queued"


def test_after_the_last_attempt_it_has_failed(db: Database) -> None:
    queue(db, "a@x.example")
    for _ in range(MAX_ATTEMPTS):
        make_due(db)
        sending.send_due(db, mailer(free_port()))

    assert (rows(db)[0]["state"], rows(db)[0]["attempts"]) == ("failed", MAX_ATTEMPTS)


def test_killed_in_every_attempt_it_has_failed_too(db: Database, server: MailServer) -> None:
    queue(db, "a@x.example")
    for _ in range(MAX_ATTEMPTS):
        make_due(db)
        assert sending.claim(db)
    make_due(db)

    assert sending.send_due(db, mailer(server.port)) == 0
    assert (rows(db)[0]["state"], server.messages) == ("failed", [])


def test_a_claimed_email_is_out_of_sight_until_its_lease_is_over(db: Database, server: MailServer) -> None:
    queue(db, "a@x.example")
    assert sending.claim(db)

    assert sending.send_due(db, mailer(server.port)) == 0
    make_due(db)
    assert sending.send_due(db, mailer(server.port)) == 1


def test_the_late_outcome_of_a_lost_claim_changes_nothing(db: Database, server: MailServer) -> None:
    queue(db, "a@x.example")
    lost = sending.claim(db)
    make_due(db)
    sending.claim(db)

    assert lost is not None
    sending._conclude(db, lost, "failed", "late")

    assert rows(db)[0]["state"] == "queued"


def test_many_replicas_send_everything_once(db: Database, server: MailServer) -> None:
    addresses = [f"a{index}@x.example" for index in range(40)]
    queue(db, *addresses)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: sending.send_due(db, mailer(server.port)), range(8)))

    assert sorted(server.recipients) == sorted(addresses)


def test_what_is_no_address_fails_alone_and_reaches_no_server(db: Database, server: MailServer) -> None:
    queue(db, "a@x.example\r\nBcc: all@y.example", "nul\x00@x.example", "b@x.example")
    sending.send_due(db, mailer(server.port))

    assert server.recipients == ["b@x.example"]
    assert [row["state"] for row in rows(db)] == ["failed", "failed", "sent"]


def test_an_account_without_addresses_is_told_nothing(db: Database) -> None:
    queue(db)

    assert rows(db) == []
