"""Words that phones send back: stop does what the link does, start takes it back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from contracts.events import ReceivedMessage

from .. import keywords
from . import opt_outs


def answer(session: Any, messages: Iterable[ReceivedMessage]) -> None:
    """Follow the words of each message, an account's in the order they came (``keywords`` has the rule).

    Accounts come in order of their ids: two replicas with two batches then never wait for each other's locks.
    """
    for message in sorted(messages, key=lambda one: (one.account_id, one.id)):
        said, msisdn = keywords.said(message.text), int(message.number)
        if said == "stop":
            opt_outs.request(
                session, message.account_id, msisdn, "keyword", message.campaign_id, message.text
            )
        elif said == "start":
            at = datetime.fromisoformat(message.received_at)
            source = f"message {message.id}"
            opt_outs.agree(session, message.account_id, msisdn, message.text, source, at)
