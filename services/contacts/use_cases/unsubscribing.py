"""What the public pages behind unsubscribe links ask: who is writing to me, leave me alone, I changed my mind.

Nobody logs in; the token is the proof. What is told of a recipient is their own number, masked.
"""

from __future__ import annotations

import hashlib
from typing import Any

from .. import domain, queries
from ..errors import NothingToUndo, TooManyOptOuts
from ..queries import links as read
from . import erasing, opt_outs, suppressions

_COUNT = """
INSERT INTO opt_out_attempts (address, minute, attempts) VALUES (%(address)s, date_trunc('minute', now()), 1)
ON CONFLICT (address, minute) DO UPDATE SET attempts = opt_out_attempts.attempts + 1 RETURNING attempts
"""

_NAME = "SELECT name FROM account_names WHERE account_id = %(account_id)s"

_SAVE_NAME = """
INSERT INTO account_names (account_id, name, version) VALUES (%(account_id)s, %(name)s, %(version)s)
ON CONFLICT (account_id) DO UPDATE SET name = excluded.name, version = excluded.version
    WHERE account_names.version <= excluded.version
"""


def page(session: Any, token: Any) -> dict[str, Any]:
    """``{account_name, number, state, may_undo}`` for the page of a link; changes nothing. Raises UnknownLink.

    ``number`` is masked; ``state`` is ``open``, ``pending`` (the account has yet to approve) or ``done``: nothing is
    sent to the number any more, by whose wish ever. ``account_name`` is "" until the account's is known, ``number`` when it was
    erased.
    """
    recipient = read.recipient(session, token)
    name = queries.value(session, _NAME, {"account_id": recipient.account_id}) or ""
    if recipient.is_erased:
        out = erasing.has_opted_out(session, recipient.account_id, recipient.msisdn)
        return {"account_name": name, "number": "", "state": "done" if out else "open", "may_undo": False}
    standing = opt_outs.standing_of(session, recipient)
    on_list = suppressions.source_of(session, recipient.account_id, recipient.msisdn) is not None
    state = "done" if on_list else "open" if standing is None else "pending"
    return {
        "account_name": name,
        "number": domain.masked(recipient.msisdn),
        "state": state,
        "may_undo": opt_outs.may_undo(standing, recipient),
    }


def unsubscribe(session: Any, token: Any) -> dict[str, Any]:
    """Record the wish of whoever got the link; the page as it is then. Again, it changes nothing. Raises UnknownLink."""
    recipient = _alone(session, token)
    if recipient.is_erased:
        erasing.opt_out(session, recipient.account_id, recipient.msisdn)
        return page(session, token)
    opt_outs.request(session, recipient.account_id, recipient.msisdn, "link", recipient.campaign_id)
    return page(session, token)


def undo(session: Any, token: Any) -> dict[str, Any]:
    """Take the wish back; the page as it is then. Raises UnknownLink, NothingToUndo."""
    recipient = _alone(session, token)
    if recipient.is_erased:
        raise NothingToUndo("There is nothing to take back: nothing is known of this number any more.")
    opt_outs.undo(session, recipient)
    return page(session, token)


def _alone(session: Any, token: Any) -> read.Recipient:
    """Whom the link is of, read under the lock of the account's blacklist: who is erased meanwhile is not written again."""
    suppressions.lock(session, read.recipient(session, token).account_id)
    return read.recipient(session, token)


def count_attempt(session: Any, address: str) -> None:
    """Count a POST from ``address``. Raises TooManyOptOuts beyond the limit of a minute, over all gateways together.

    In a transaction of its own: a guess must count although it fails. The limit is generous, because a mobile network shows
    thousands of handsets under one address.
    """
    digest = hashlib.blake2b(address.encode(), digest_size=16, key=read.key(session)).digest()
    if queries.value(session, _COUNT, {"address": digest}) > domain.OPT_OUTS_A_MINUTE:
        raise TooManyOptOuts("Too many requests from this address; try again in a minute.")


def save_account_name(session: Any, account_id: int, name: str, version: int) -> None:
    """Remember what an account is called, unless a newer version is known."""
    queries.run(session, _SAVE_NAME, {"account_id": account_id, "name": name, "version": version})
