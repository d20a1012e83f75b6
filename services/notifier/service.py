"""Entry points of notifier: what accounts are told, and a turn of the sender every second."""

from __future__ import annotations

from typing import Any

from nameko.extensions import DependencyProvider

from contracts.envelope import Envelope
from contracts.events import BalanceLow, ImportFinished, NumbersErased, OptOutRequested, OrderPaid
from servicekit import inbox, settings
from servicekit.calls import ServiceProxy
from servicekit.service import Database, consumes, every, rpc

from . import erasing, notices, sending, use_cases
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
    """Notices by e-mail and in the account (README.md)."""

    name = "notifier"
    db = Database()
    mailer = MailServer()
    billing = ServiceProxy("billing")

    @rpc
    def notices(
        self,
        account_id: int,
        locale: str,
        unread: bool = False,
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Any]:
        """A page of an account's notices, newest first, in the language asked for."""
        with self.db.transaction() as session:
            return notices.notices(session, account_id, locale, unread, cursor, limit)

    @rpc
    def unread_notices(self, account_id: int) -> dict[str, int]:
        """How many nobody has read yet."""
        with self.db.transaction() as session:
            return notices.unread_count(session, account_id)

    @rpc
    def read_notice(self, account_id: int, id: int, locale: str) -> dict[str, Any]:
        """One was read."""
        with self.db.transaction() as session:
            return notices.read_notice(session, account_id, id, locale)

    @rpc
    def read_notices(self, account_id: int, until: int | None = None) -> dict[str, int]:
        """All were read, or those up to one."""
        with self.db.transaction() as session:
            return notices.read_notices(session, account_id, until)

    @consumes(BalanceLow, queue="notifier.balance_low")
    def on_balance_low(self, session: Any, event: BalanceLow, envelope: Envelope) -> None:
        """Queue the e-mails, keep the notice."""
        use_cases.tell_balance_low(session, envelope.id, event)
        notices.keep_balance_low(session, event)

    @consumes(ImportFinished, queue="notifier.import_finished")
    def on_import_finished(self, session: Any, event: ImportFinished, envelope: Envelope) -> None:
        """Keep the notice."""
        notices.keep_import(session, event)

    @consumes(NumbersErased, queue="notifier.numbers_erased")
    def on_numbers_erased(self, session: Any, event: NumbersErased, envelope: Envelope) -> None:
        """Take them out of notices."""
        erasing.erase(session, event, envelope.occurred_at)

    @consumes(OptOutRequested, queue="notifier.opt_out_requested")
    def on_opt_out_requested(self, session: Any, event: OptOutRequested, envelope: Envelope) -> None:
        """Keep the notice."""
        notices.keep_opt_out(session, event, envelope.occurred_at)

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
        """Drop event ids and erased numbers whose events are too old to come again, and notices of more than a year ago."""
        with self.db.transaction() as session:
            inbox.forget_old(session)
            notices.forget_old(session)
            erasing.forget_old(session)
