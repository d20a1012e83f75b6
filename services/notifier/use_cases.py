"""What notifier does with events: writes e-mails into its table, in the event's transaction. Sends nothing."""

from __future__ import annotations

from typing import Any

from contracts.events import BalanceLow
from servicekit import logs
from servicekit.database import cursor_of

from . import compose, domain, metrics

log = logs.get(__name__)


def tell_balance_low(session: Any, event_id: str, event: BalanceLow) -> None:
    """Queue the notice to each address of the account, once; one that cannot be an address fails at once."""
    content = compose.balance_low(event)
    addresses = domain.recipients(event.emails)
    for index, recipient in enumerate(addresses):
        address = domain.as_address(recipient)
        cursor_of(session).execute(
            "INSERT INTO emails (account_id, kind, recipient, locale, subject, body_text, body_html, message_id,"
            " state, last_error) VALUES (%s, 'balance_low', %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                event.account_id,
                address or domain.storable(recipient),
                domain.locale_of(event.locale),
                content.subject,
                content.text,
                content.html,
                f"<balance-low.{event_id}.{index}@keryx>",
                "queued" if address else "failed",
                None if address else "not an e-mail address",
            ),
        )
        metrics.emails.labels("balance_low", "queued" if address else "failed").inc()
    log.info("notice_queued", kind="balance_low", account_id=event.account_id, addresses=len(addresses))
