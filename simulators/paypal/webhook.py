"""What PayPal tells a merchant's server, and how."""

import json
import secrets
from typing import Any

from simulators.paypal import shapes
from simulators.paypal.store import Capture, Order, Refund
from simulators.paypal.verify import Signer
from simulators.webhooks import Webhooks, now_iso

OF_CAPTURE = {"COMPLETED": "COMPLETED", "PENDING": "PENDING", "DECLINED": "DENIED"}


class Events:
    """Makes events and hands them to be sent, each transmission signed by itself."""

    def __init__(self, webhooks: Webhooks, signer: Signer) -> None:
        self.webhooks = webhooks
        self.signer = signer
        self.base = ""

    def approved(self, order: Order) -> None:
        """A payer agreed; no money has moved."""
        self._tell("CHECKOUT.ORDER.APPROVED", "checkout-order", "2.0", shapes.order(order, self.base))

    def captured(self, capture: Capture, order: Order) -> None:
        """Money was taken, is looked at, or was denied."""
        kind = f"PAYMENT.CAPTURE.{OF_CAPTURE[capture.status]}"
        self._tell(kind, "capture", "2.0", shapes.capture(capture, order, self.base))

    def refunded(self, refund: Refund) -> None:
        """Money went back."""
        self._tell("PAYMENT.CAPTURE.REFUNDED", "refund", "2.0", shapes.refund(refund, self.base))

    def _tell(self, kind: str, resource_type: str, version: str, resource: dict[str, Any]) -> None:
        event = {
            "id": f"WH-{secrets.token_hex(9).upper()}-{secrets.token_hex(8).upper()}",
            "event_version": "1.0",
            "create_time": now_iso(),
            "resource_type": resource_type,
            "resource_version": version,
            "event_type": kind,
            "summary": f"{kind} (simulated) · δοκιμή",
            "resource": resource,
            "links": [],
        }
        # Spaces as nobody's encoder writes them: whoever parses and writes the event again breaks its signature.
        body = json.dumps(event, ensure_ascii=False, separators=(" , ", " : ")).encode()
        self.webhooks.add(kind, lambda _: (body, self.signer.headers(body)))
