"""The part of the contacts service about saying no: the blacklist, requests to be left alone, unsubscribe links."""

from __future__ import annotations

from functools import partial
from typing import Any

from servicekit import cooperative
from servicekit.service import Database, rpc
from smstext import extract_msisdns

from .queries import opt_outs as opt_outs_read
from .queries import suppressions as suppressions_read
from .use_cases import opt_outs, suppressions, unsubscribing

Answer = dict[str, Any]


class SayingNo:
    """A part of ``ContactsService``: each entry point opens a transaction and calls one use case or query."""

    db = Database()

    # --- blacklist

    @rpc
    def suppress(self, account_id: int, numbers: list[str], reason: str = "", source: str = "api") -> Answer:
        """Blacklist numbers: ``{suppressed, known, invalid}``."""
        with self.db.transaction() as session:
            return suppressions.suppress(session, account_id, numbers, reason, source)

    @rpc
    def suppress_text(self, account_id: int, text: str, reason: str = "", source: str = "paste") -> Answer:
        """Blacklist the numbers in a text of any shape: ``{suppressed, known, invalid}``."""
        extract = partial(cooperative.aside, extract_msisdns)  # a hard one takes 20 s, an honest one 0.4 s
        with self.db.transaction() as session:
            return suppressions.suppress_text(session, account_id, text, reason, source, extract)

    @rpc
    def unsuppress(self, account_id: int, msisdn: str) -> Answer:
        """Take a number off the blacklist."""
        with self.db.transaction() as session:
            return suppressions.unsuppress(session, account_id, msisdn)

    @rpc
    def list_suppressed(
        self,
        account_id: int,
        search: str | None = None,
        source: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Answer:
        """A page of the blacklist: all of it, what begins with some digits, what came one way."""
        with self.db.transaction() as session:
            return suppressions_read.list_suppressed(session, account_id, search, source, cursor, limit)

    @rpc
    def suppressions_since(self, account_id: int, sequence: int, limit: int = 5_000) -> Answer:
        """What changed after ``sequence``, for the dispatcher's copy: ``{sequence, suppressed, lifted, more}``."""
        with self.db.transaction() as session:
            return suppressions_read.suppressions_since(session, account_id, sequence, limit)

    @rpc
    def suppression_sequences(self, after: int = 0, limit: int = 1_000) -> Answer:
        """How far each account's blacklist has come, for who keeps a copy: ``{sequences: [[account, sequence], …]}``."""
        with self.db.transaction() as session:
            return suppressions_read.suppression_sequences(session, after, limit)

    # --- saying no

    @rpc
    def list_opt_outs(
        self,
        account_id: int,
        state: str | None = None,
        number: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Answer:
        """A page of requests to be left alone, newest first."""
        with self.db.transaction() as session:
            return opt_outs_read.list_opt_outs(session, account_id, state, number, cursor, limit)

    @rpc
    def approve_opt_out(self, account_id: int, id: int) -> Answer:
        """Blacklist the number of a request that waits."""
        with self.db.transaction() as session:
            return opt_outs.approve(session, account_id, id)

    @rpc
    def reject_opt_out(self, account_id: int, id: int, reason: str) -> Answer:
        """Do not follow a request that waits."""
        with self.db.transaction() as session:
            return opt_outs.reject(session, account_id, id, reason)

    @rpc
    def opt_out_settings(self, account_id: int) -> Answer:
        """Whether requests are approved at once."""
        with self.db.transaction() as session:
            return opt_outs_read.settings(session, account_id)

    @rpc
    def update_opt_out_settings(self, account_id: int, changes: Answer, version: int | None = None) -> Answer:
        """Change it, for requests from now on."""
        with self.db.transaction() as session:
            return opt_outs.update_settings(session, account_id, changes, version)

    @rpc
    def unsubscribe_page(self, token: str) -> Answer:
        """What the page behind a link shows: ``{account_name, number, state, may_undo}``."""
        with self.db.transaction() as session:
            return unsubscribing.page(session, token)

    @rpc
    def unsubscribe(self, token: str, address: str) -> Answer:
        """Whoever got the link wants to be left alone; ``address`` is counted first."""
        with self.db.transaction() as session:
            unsubscribing.count_attempt(session, address)
        with self.db.transaction() as session:
            return unsubscribing.unsubscribe(session, token)

    @rpc
    def undo_unsubscribe(self, token: str, address: str) -> Answer:
        """They changed their mind, within the hour."""
        with self.db.transaction() as session:
            unsubscribing.count_attempt(session, address)
        with self.db.transaction() as session:
            return unsubscribing.undo(session, token)
