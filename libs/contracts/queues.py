"""Who listens to what: the queues of the control plane, by name. Names never derive from code (DESIGN §4)."""

from __future__ import annotations

from .events import (
    AccountChanged,
    AudienceFrozen,
    BalanceLow,
    Event,
    ImportFinished,
    MessageReceived,
    MessagesProgressed,
    NumbersErased,
    OptOutRequested,
    OrderPaid,
    SuppressionBulkChanged,
    SuppressionChanged,
)

SUBSCRIPTIONS: dict[str, type[Event]] = {
    "billing.account_changed": AccountChanged,
    "billing.messages_progressed": MessagesProgressed,
    "campaigns.audience_frozen": AudienceFrozen,
    "campaigns.messages_progressed": MessagesProgressed,
    "campaigns.numbers_erased": NumbersErased,
    "contacts.account_changed": AccountChanged,
    "contacts.message_received": MessageReceived,
    "dispatcher.numbers_erased": NumbersErased,
    "dispatcher.suppression_bulk_changed": SuppressionBulkChanged,
    "dispatcher.suppression_changed": SuppressionChanged,
    "notifier.balance_low": BalanceLow,
    "notifier.import_finished": ImportFinished,
    "notifier.numbers_erased": NumbersErased,
    "notifier.opt_out_requested": OptOutRequested,
    "notifier.order_paid": OrderPaid,
}
