"""The port to payment providers: what billing asks of Viva, PayPal or any other, in one vocabulary.

An adapter speaks HTTP and nothing else: it knows no database, no ledger and no order but the one it is given, and it
credits nobody. Amounts are integer cents here, whatever the provider writes (Viva: cents in orders, euros in
transactions; PayPal: decimal strings); they are read with ``Decimal``, never as floats. Currencies are ISO 4217
letters ("EUR"). Every call answers or fails within ``CALL_SECONDS``, and may be repeated under the same key.

A provider's word is believed only when it was fetched with our own credentials: a webhook and the payer's return are
hints that name what to ``fetch``. What ``fetch`` tells goes to ``receive.receive``, the one place that credits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from contracts.errors import BadRequest, Conflict, Forbidden, Unavailable

CALL_SECONDS = 8
"""Together for all requests of one call; the gateway waits ten."""

State = Literal["pending", "paid", "failed", "refunded", "disputed"]
HintKind = Literal["payment", "refund", "failure", "other"]


@dataclass(frozen=True)
class OrderToPay:
    """What a payer is to pay.

    ``reference`` is ours, comes back in ``ProviderPayment.order_reference``, and has at most 30 characters of
    ``A-Z a-z 0-9 -``. ``amount_cents`` is gross. ``locale`` is "el" or "en", for the provider's page. ``key`` (at most
    100 characters) makes ``open`` idempotent: another attempt at paying the same order has another key.
    """

    reference: str
    amount_cents: int
    currency: str
    description: str
    locale: str
    key: str
    email: str | None = None


@dataclass(frozen=True)
class Opened:
    """Where the payer goes, and the provider's own id of the order (a string, whatever it is there)."""

    pay_url: str
    provider_order: str


@dataclass(frozen=True)
class ProviderPayment:
    """One payment as the provider tells it now, when asked with our credentials.

    ``transaction_id`` never changes and is credited at most once. ``paid`` means final and captured: nothing else
    credits. ``failed`` is that transaction's end, not the order's: the payer may try again. ``refunded`` is said of
    what was given back in whole or in part, ``refunded_cents`` how much in all where the provider tells.
    ``disputed`` is a chargeback or its beginning.
    """

    transaction_id: str
    provider_order: str
    state: State
    amount_cents: int
    currency: str
    order_reference: str | None = None
    refunded_cents: int | None = None


@dataclass(frozen=True)
class Refunded:
    """The provider took the refund; ``refund_id`` is its id of it."""

    refund_id: str


@dataclass(frozen=True)
class Hint:
    """What a webhook or the payer's return names; nothing in it is believed but the ids, as something to ``fetch``.

    ``event_id`` is the provider's id of the delivery, the same when it is delivered again; None where there is none.
    """

    kind: HintKind
    provider_order: str | None = None
    transaction_id: str | None = None
    event_id: str | None = None


class ProviderDown(Unavailable):
    """The provider does not answer, or answers that it can not now; whether it did anything is not known."""

    code = "payment_provider_down"


class ProviderRefused(Conflict):
    """The provider understood and said no; asking again changes nothing. ``detail`` has its reason, for people."""

    code = "payment_provider_refused"


class ForgedWebhook(Forbidden):
    """The webhook's signature is missing or wrong."""

    code = "forged_webhook"


class UnreadableWebhook(BadRequest):
    """The webhook is not in the provider's documented shape."""

    code = "unreadable_webhook"


class Provider(Protocol):
    """A payment provider. Safe for greenlets and for two replicas; holds no state but an access token."""

    name: str
    """As in ``POST /orders {"method": …}`` and in the tables: "viva", "paypal"."""

    def open(self, order: OrderToPay) -> Opened:
        """Make the provider's order and page. The same ``order.key`` again answers the same, or an order as good.

        Raises ProviderDown, ProviderRefused.
        """

    def fetch(
        self, provider_order: str | None = None, transaction_id: str | None = None, *, take: bool = False
    ) -> list[ProviderPayment]:
        """Every payment of that provider order, or that one transaction; at least one of the two is given.

        With ``take`` the payment is first taken as far as it goes without the payer: PayPal captures here what was
        approved, under a key made of the order's id, so that a second capture captures nothing. Without it no money
        moves: what was only approved is no payment. An id that the provider does not know gives an empty list.
        Raises ProviderDown; ProviderRefused when the provider will not take it further.
        """

    def refund(self, transaction_id: str, amount_cents: int, currency: str, key: str) -> Refunded:
        """Give ``amount_cents`` of a payment back to the payer, once per ``key``.

        Where the provider has no idempotency keys for refunds, a call whose outcome is not known raises ProviderDown
        and is not repeated by itself: somebody looks. ProviderRefused means that no money moved; an answer that does not
        say so, nor that it did, is ProviderDown.
        """

    def read_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> Hint:
        """What the webhook is about, its signature checked over the raw bytes where the provider signs.

        Header names come in any case. Raises ForgedWebhook, UnreadableWebhook, and ProviderDown when the check
        itself can not be made now (the webhook route answers 503, so that the provider sends it again).
        """
