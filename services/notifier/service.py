"""Entry points of notifier: an event to tell people of, and a turn of the sender every second."""

from __future__ import annotations

from typing import Any

from nameko.extensions import DependencyProvider

from contracts.envelope import Envelope
from contracts.events import BalanceLow, OrderPaid
from servicekit import inbox, settings
from servicekit.service import Database, ServiceProxy, consumes, every

from . import sending, use_cases
from .mailer import MailSettings, SmtpMailer


class MailServer(DependencyProvider):
    """Gives the service a mailer made from the environment."""

    def setup(self) -> None:
        """Read the settings. Ends the process with one sentence when they are not there."""
        self._mailer = SmtpMailer(settings.read(MailSettings))

    def get_dependency(self, worker_ctx: Any) -> SmtpMailer:
        """The same mailer for every worker."""
        return self._mailer


class NotifierService:
    """Notices by e-mail (README.md)."""

    name = "notifier"
    db = Database()
    mailer = MailServer()
    billing = ServiceProxy("billing")

    @consumes(BalanceLow, queue="notifier.balance_low")
    def on_balance_low(self, session: Any, event: BalanceLow, envelope: Envelope) -> None:
        """Queue the notice."""
        use_cases.tell_balance_low(session, envelope.id, event)

    @consumes(OrderPaid, queue="notifier.order_paid")
    def on_order_paid(self, session: Any, event: OrderPaid, envelope: Envelope) -> None:
        """Queue the e-mail with the receipt, which billing writes."""
        use_cases.tell_order_paid(session, event, self.billing.receipt_pdf)

    @every(1)
    def send_due(self) -> None:
        """Send what is due; safe beside other replicas."""
        sending.send_due(self.db, self.mailer)

    @every(60)
    def forget(self) -> None:
        """Drop event ids that are too old to come again."""
        with self.db.transaction() as session:
            inbox.forget_old(session)
