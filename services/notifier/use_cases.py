"""What notifier does with events: writes e-mails into its table, in the event's transaction. Sends nothing."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from contracts.events import BalanceLow, OrderPaid
from servicekit import logs
from servicekit.database import cursor_of

from . import compose, domain, metrics

log = logs.get(__name__)


def tell_balance_low(session: Any, event_id: str, event: BalanceLow) -> None:
    """Queue the notice to each address of the account, once; one that cannot be an address fails at once."""
    _queue(
        session,
        "balance_low",
        event.account_id,
        event.locale,
        event.emails,
        compose.balance_low(event),
        event_id,
    )


def tell_order_paid(
    session: Any, event: OrderPaid, receipt_pdf: Callable[[int, int, str], dict[str, Any]]
) -> None:
    """Queue the e-mail with the receipt to each address, once an order; ``receipt_pdf`` is billing's.

    Raises Unavailable when billing does not answer: the event comes again.
    """
    if not event.emails:
        log.info("receipt_goes_nowhere", account_id=event.account_id, order_id=event.order_id)
        return
    file = receipt_pdf(event.account_id, event.order_id, domain.locale_of(event.locale))
    content = compose.order_paid(
        event, domain.Attachment(file["filename"], base64.b64decode(file["data_b64"]))
    )
    _queue(session, "order_paid", event.account_id, event.locale, event.emails, content, str(event.order_id))


def _queue(
    session: Any,
    kind: str,
    account_id: int,
    locale: str,
    emails: list[str],
    content: domain.Content,
    mark: str,
) -> None:
    """A row for each address; ``mark`` is what makes its Message-ID the same in every attempt."""
    addresses = domain.recipients(emails)
    attachment = content.attachment
    for index, recipient in enumerate(addresses):
        address = domain.as_address(recipient)
        cursor_of(session).execute(
            "INSERT INTO emails (account_id, kind, recipient, locale, subject, body_text, body_html, message_id,"
            " state, last_error, attachment_name, attachment)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                account_id,
                kind,
                address or domain.storable(recipient),
                domain.locale_of(locale),
                content.subject,
                content.text,
                content.html,
                f"<{kind.replace('_', '-')}.{mark}.{index}@keryx>",
                "queued" if address else "failed",
                None if address else "not an e-mail address",
                attachment and attachment.filename,
                attachment and attachment.data,
            ),
        )
        metrics.emails.labels(kind, "queued" if address else "failed").inc()
    log.info("notice_queued", kind=kind, account_id=account_id, addresses=len(addresses))
