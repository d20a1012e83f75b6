"""Entry points of payments for the gateway's public addresses; a part of BillingService. Whoever calls them is anybody."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from contracts.errors import NotFound
from servicekit.service import rpc

from . import told
from .port import UnreadableWebhook
from .viva import Viva


class PublicCalls:
    """Webhooks, and payers who come back."""

    db: Any
    providers: Any

    @rpc
    def payment_webhook(self, provider: str, headers: dict[str, str], body_b64: str) -> dict[str, str]:
        """A provider's webhook, its body as it came in base64; answered when it needs not come again."""
        try:
            body = base64.b64decode(body_b64, validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise UnreadableWebhook("The body is not in base64.") from None
        return {"outcome": told.webhook(self.db, self.providers, provider, headers, body)}

    @rpc
    def payment_webhook_key(self, provider: str) -> dict[str, str]:
        """What Viva reads at the webhook's address before it uses it."""
        found = self.providers.get(provider)
        if not isinstance(found, Viva):
            raise NotFound("not_found", "This provider has no such key.")
        return {"key": found.webhook_key()}

    @rpc
    def payment_returned(self, provider: str, provider_order: str, paid: bool) -> dict[str, Any]:
        """How the order stands to which a payer comes back."""
        return told.returned(self.db, self.providers, str(provider), str(provider_order), bool(paid))
