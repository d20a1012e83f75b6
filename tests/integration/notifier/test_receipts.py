"""The receipt of a paid order goes out once to each address, with the PDF that billing wrote."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from contracts.errors import Unavailable
from servicekit.database import Database
from services.notifier import sending, use_cases
from services.notifier.mailer import MailSettings, SmtpMailer
from tests.integration.notifier.mailserver import MailServer
from tests.unit.notifier.test_order_paid import EVENT, PDF

pytestmark = pytest.mark.integration


def receipt_pdf(account_id: int, order_id: int, locale: str) -> dict[str, Any]:
    """What billing answers."""
    assert (account_id, order_id, locale) == (17, 42, "el")
    return {"filename": PDF.filename, "data_b64": base64.b64encode(PDF.data).decode()}


def away(account_id: int, order_id: int, locale: str) -> dict[str, Any]:
    """Billing does not answer."""
    raise Unavailable("service_unavailable", "billing does not answer")


def send(db: Database, server: MailServer) -> int:
    return sending.send_due(
        db, SmtpMailer(MailSettings("127.0.0.1", server.port, mail_from="Keryx <keryx@host.example>"))
    )


def test_each_address_gets_the_pdf(db: Database, server: MailServer) -> None:
    event = replace(EVENT, emails=["a@x.example", "b@x.example", "a@x.example"])
    with db.transaction() as session:
        use_cases.tell_order_paid(session, event, receipt_pdf)
    assert send(db, server) == 2
    assert server.recipients == ["a@x.example", "b@x.example"]
    for message in server.messages:
        (attached,) = message.iter_attachments()
        assert attached.get_content() == PDF.data


def test_without_an_address_nobody_is_asked_and_nothing_is_sent(db: Database, server: MailServer) -> None:
    with db.transaction() as session:
        use_cases.tell_order_paid(session, replace(EVENT, emails=[]), away)
    assert send(db, server) == 0


def test_while_billing_is_away_the_event_is_not_done(db: Database, server: MailServer) -> None:
    with pytest.raises(Unavailable), db.transaction() as session:
        use_cases.tell_order_paid(session, EVENT, away)
    assert send(db, server) == 0
