"""Requests to be left alone: by the link in a message or a keyword sent back, approved at once or by the account.

Whatever changes a request or a blacklisting holds the account's lock of the blacklist first (``suppressions.lock``), so that a
person who presses twice, changes their mind and is being approved by somebody else gets one effect after the other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.events import OptOutRequested
from servicekit import logs, outbox

from .. import domain, queries, schemas
from ..errors import NothingToUndo, OptOutDecided, UnknownOptOut, VersionMismatch
from ..queries import opt_outs as read
from ..queries.links import Recipient
from . import audit, consents, suppressions

log = logs.get(__name__)

_INSERT = """
INSERT INTO opt_outs (account_id, msisdn, channel, campaign_id, wording, state, automatic, decided_at)
VALUES (%(account_id)s, %(msisdn)s, %(channel)s, %(campaign_id)s, %(wording)s, %(state)s, %(automatic)s,
    CASE WHEN %(automatic)s THEN now() END)
RETURNING id
"""

_DECIDE = "UPDATE opt_outs SET state = %(state)s, reason = %(reason)s, decided_at = now() WHERE id = %(id)s"

# A request stands while it waits, or while its number is on the blacklist because of it.
_STANDING = """
SELECT o.id, o.state, o.channel, o.campaign_id, o.requested_at > now() - %(undo)s * interval '1 second' AS is_fresh
FROM opt_outs o
WHERE o.account_id = %(account_id)s AND o.msisdn = %(msisdn)s AND (o.state = 'pending' OR o.state = 'approved' AND EXISTS (
    SELECT FROM suppressions s WHERE s.account_id = o.account_id AND s.msisdn = o.msisdn AND s.active))
ORDER BY o.id DESC LIMIT 1
"""

_SET = """
INSERT INTO opt_out_settings (account_id, auto_approve, version) VALUES (%(account_id)s, %(auto_approve)s, 1)
ON CONFLICT (account_id) DO UPDATE SET auto_approve = excluded.auto_approve, version = opt_out_settings.version + 1
"""


def request(
    session: Any, account_id: int, msisdn: int, channel: str, campaign_id: int | None, wording: str = ""
) -> int:
    """``msisdn`` asks ``account_id`` to be left alone: the id of the request that stands for it.

    Asked again while one stands, nothing changes and nothing is told. Where the account approves at once (the default)
    the number is on the blacklist when this commits; otherwise the request waits.
    """
    suppressions.lock(session, account_id)
    standing = _standing(session, account_id, msisdn)
    if standing is not None:
        return int(standing["id"])
    automatic = bool(read.settings(session, account_id)["auto_approve"])
    state, wording = "approved" if automatic else "pending", wording[: domain.MAX_WORDING]
    who = {"account_id": account_id, "msisdn": msisdn, "channel": channel, "campaign_id": campaign_id}
    what = {"wording": wording, "state": state, "automatic": automatic}
    opt_out_id = int(queries.value(session, _INSERT, who | what))
    if automatic:
        suppressions.put(session, account_id, [msisdn], wording, channel)
    event = OptOutRequested(account_id, opt_out_id, str(msisdn), channel, state, campaign_id)
    outbox.add(session, event, account_id=account_id)
    log.info("opt_out_requested", account_id=account_id, channel=channel, state=state)
    return opt_out_id


def undo(session: Any, recipient: Recipient) -> None:
    """Take back what the link of ``recipient`` asked for within the last hour, and record that they agree again.

    Raises NothingToUndo when its request is older, was made another way, or does not stand.
    """
    suppressions.lock(session, recipient.account_id)
    standing = _standing(session, recipient.account_id, recipient.msisdn)
    if not may_undo(standing, recipient):
        raise NothingToUndo("There is nothing to take back any more.")
    assert standing is not None
    _take_back(session, recipient.account_id, recipient.msisdn, standing)
    audit.note(session, recipient.account_id, "opt_out.undone", f"opt_out:{standing['id']}")
    source = f"opt-out {standing['id']}"
    consents.record(session, recipient.account_id, recipient.msisdn, "link", "", source, None)


def may_undo(standing: dict[str, Any] | None, recipient: Recipient) -> bool:
    """Whether the request that stands was made by this link within the last hour."""
    return (
        standing is not None
        and standing["is_fresh"]
        and (standing["channel"], standing["campaign_id"]) == ("link", recipient.campaign_id)
    )


def agree(session: Any, account_id: int, msisdn: int, wording: str, source: str, at: datetime | None) -> bool:
    """``msisdn`` wrote that it wants messages again; False when there is nothing it may lift.

    It lifts what it asked for itself, also before it was erased, never what the account put on the blacklist by hand, file
    or program.
    """
    suppressions.lock(session, account_id)
    suppressions.revive(session, account_id, [msisdn], domain.OWN_SOURCES)
    standing = _standing(session, account_id, msisdn)
    lifted = _lift_own(session, account_id, msisdn)
    if standing is not None and (lifted or standing["state"] == "pending"):
        queries.run(session, _DECIDE, {"id": standing["id"], "state": "withdrawn", "reason": ""})
    elif not lifted:
        return False
    consents.record(session, account_id, msisdn, "sms", wording[: domain.MAX_WORDING], source, at)
    log.info("opt_out_withdrawn", account_id=account_id, channel="keyword")
    return True


def approve(session: Any, account_id: int, opt_out_id: int) -> dict[str, Any]:
    """Blacklist the number of a request that waits; one that is approved already stays so.

    Raises UnknownOptOut, OptOutDecided.
    """
    found = _open(session, account_id, opt_out_id, "approved")
    if found["state"] == "pending":
        queries.run(session, _DECIDE, {"id": opt_out_id, "state": "approved", "reason": ""})
        suppressions.put(session, account_id, [found["msisdn"]], found["wording"], found["channel"])
        audit.note(session, account_id, "opt_out.approved", f"opt_out:{opt_out_id}")
    return read.opt_out(session, account_id, opt_out_id)


def reject(session: Any, account_id: int, opt_out_id: int, reason: Any) -> dict[str, Any]:
    """Do not follow a request that waits; one that is rejected already stays so.

    Raises InvalidFields without a reason, UnknownOptOut, OptOutDecided.
    """
    words = schemas.load(schemas.Rejection, {"reason": reason})
    found = _open(session, account_id, opt_out_id, "rejected")
    if found["state"] == "pending":
        queries.run(session, _DECIDE, {"id": opt_out_id, "state": "rejected", "reason": words["reason"]})
        audit.note(session, account_id, "opt_out.rejected", f"opt_out:{opt_out_id}")
    return read.opt_out(session, account_id, opt_out_id)


def update_settings(session: Any, account_id: int, changes: Any, version: int | None) -> dict[str, Any]:
    """Say whether requests are approved at once from now on. Raises InvalidFields, VersionMismatch."""
    wanted = schemas.load(schemas.OptOutSettings, changes)
    suppressions.lock(session, account_id)
    known = read.settings(session, account_id)
    if version is not None and version != known["version"]:
        raise VersionMismatch("The settings were changed since.")
    if wanted:
        queries.run(session, _SET, {"account_id": account_id, **wanted})
        audit.note(session, account_id, "opt_out_settings.updated", "opt_out_settings", **wanted)
    return read.settings(session, account_id)


def standing_of(session: Any, recipient: Recipient) -> dict[str, Any] | None:
    """The request that stands for a recipient, however it was made."""
    return _standing(session, recipient.account_id, recipient.msisdn)


def _standing(session: Any, account_id: int, msisdn: int) -> dict[str, Any] | None:
    params = {"account_id": account_id, "msisdn": msisdn, "undo": domain.UNDO_SECONDS}
    return queries.row(session, _STANDING, params)


def _take_back(session: Any, account_id: int, msisdn: int, standing: dict[str, Any]) -> None:
    queries.run(session, _DECIDE, {"id": standing["id"], "state": "withdrawn", "reason": ""})
    if standing["state"] == "approved":
        _lift_own(session, account_id, msisdn)
    log.info("opt_out_withdrawn", account_id=account_id, channel="link")


def _lift_own(session: Any, account_id: int, msisdn: int) -> bool:
    """Take the number off the blacklist if its owner put it there."""
    if suppressions.source_of(session, account_id, msisdn) not in domain.OWN_SOURCES:
        return False
    return bool(suppressions.lift(session, account_id, [msisdn]))


def _open(session: Any, account_id: int, opt_out_id: int, wanted: str) -> dict[str, Any]:
    suppressions.lock(session, account_id)
    sql = "SELECT msisdn, channel, wording, state FROM opt_outs WHERE account_id = %(account_id)s AND id = %(id)s"
    params = {"account_id": account_id, "id": opt_out_id}
    found = queries.row(session, sql, params) if domain.is_id(opt_out_id) else None
    if found is None:
        raise UnknownOptOut("There is no such request.")
    if found["state"] not in ("pending", wanted):
        raise OptOutDecided(f"The request is {found['state']}.")
    return found
