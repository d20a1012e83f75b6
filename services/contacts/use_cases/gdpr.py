"""Everything about a number, handed out or erased. Who had opted out stays opted out: as a keyed hash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contracts.events import NumbersErased
from servicekit import outbox, pseudonyms
from smstext import InvalidNumber, parse_msisdn

from .. import queries, schemas
from ..errors import UnknownNumber
from ..queries import contacts as read
from . import audit, lock_contacts, suppressions

ERASED_SOURCE = "erased"
"""Of a blacklisting that came back with a number that had opted out before it was erased."""

_CONTACT = "SELECT contact_id FROM phones WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s)"
_DELETED = """
SELECT contact, numbers, deleted_at FROM trash
WHERE account_id = %(account_id)s AND numbers && %(msisdns)s::bigint[] ORDER BY deleted_at
"""
_CONSENTS = """
SELECT id, msisdn::text AS number, how, wording, source, at, actor, recorded_at FROM consents
WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s) ORDER BY id
"""
_SUPPRESSION = """
SELECT msisdn, msisdn::text AS number, active, reason, source, at FROM suppressions
WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s)
"""
_OPT_OUTS = """
SELECT id, channel, campaign_id, wording, state, reason, requested_at, decided_at FROM opt_outs
WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s) ORDER BY id
"""
_NUMBERS = "SELECT msisdn FROM phones WHERE contact_id = ANY(%(ids)s)"

_ERASE = (
    "DELETE FROM contacts WHERE account_id = %(account_id)s AND id = ANY(%(ids)s)",
    "DELETE FROM trash WHERE account_id = %(account_id)s AND numbers && %(msisdns)s::bigint[]",
    "DELETE FROM consents WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s)",
    "DELETE FROM opt_outs WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s)",
    "DELETE FROM suppressions WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s)",
    "DELETE FROM exports WHERE account_id = %(account_id)s AND finished_at IS NOT NULL",
    """UPDATE snapshot_members SET fields = NULL, contact_id = NULL
    WHERE snapshot_id IN (SELECT id FROM snapshots WHERE account_id = %(account_id)s) AND msisdn = ANY(%(msisdns)s)""",
    """UPDATE link_pages SET msisdns = ARRAY(
        SELECT CASE WHEN u.msisdn = ANY(%(msisdns)s) THEN 0 ELSE u.msisdn END
        FROM unnest(msisdns) WITH ORDINALITY u (msisdn, ordinal) ORDER BY u.ordinal)
    WHERE account_id = %(account_id)s AND msisdns && %(msisdns)s::bigint[]""",
)

_KEEP = """
INSERT INTO erased_numbers (account_id, pseudonym, opted_out) VALUES (%(account_id)s, %(pseudonym)s, %(opted_out)s)
ON CONFLICT (account_id, pseudonym) DO UPDATE
SET opted_out = erased_numbers.opted_out OR excluded.opted_out, erased_at = now()
"""

_OPTED_OUT = "SELECT EXISTS (SELECT FROM erased_numbers WHERE account_id = %(account_id)s AND opted_out)"
_RETURNED = """
SELECT n.msisdn FROM unnest(%(msisdns)s::bigint[], %(pseudonyms)s::bigint[]) n (msisdn, pseudonym)
JOIN erased_numbers e ON e.account_id = %(account_id)s AND e.pseudonym = n.pseudonym AND e.opted_out
"""


def about(session: Any, account_id: int, number: str) -> dict[str, Any]:
    """All that contacts knows about a number; ``known`` is whether that is anything. Raises UnknownNumber."""
    params = {"account_id": account_id, "msisdns": [_msisdn(number)]}
    contact_id = queries.value(session, _CONTACT, params)
    found = {
        "contact": read.get_contact(session, account_id, contact_id) if contact_id else None,
        "deleted_contacts": [
            {"contact": _bare(one["contact"]), "numbers": [str(each) for each in one["numbers"]]}
            for one in queries.rows(session, _DELETED, params)
        ],
        "consents": _timed(queries.rows(session, _CONSENTS, params)),
        "blacklist": [
            {name: one[name] for name in ("active", "reason", "source", "at")}
            for one in _timed(queries.rows(session, _SUPPRESSION, params))
        ],
        "opt_outs": _timed(queries.rows(session, _OPT_OUTS, params)),
    }
    known = any(found.values())
    if known:
        pseudonym = pseudonyms.of(account_id, _msisdn(number))
        audit.note(session, account_id, "number.disclosed", f"number:{pseudonym}")
    return {"number": str(_msisdn(number)), "known": known, **found}


def erase(session: Any, account_id: int, number: str) -> dict[str, Any]:
    """Erase a number: its contact with all numbers of it, also a deleted one, its consents, requests and blacklisting.

    What opted out is kept as a pseudonym. The history of messages follows by NumbersErased: ``{numbers, opted_out}``.
    Raises UnknownNumber.
    """
    lock_contacts(session, account_id)
    suppressions.lock(session, account_id)
    params: dict[str, Any] = {"account_id": account_id, "msisdns": [_msisdn(number)]}
    params["ids"] = [found["contact_id"] for found in queries.rows(session, _CONTACT, params)]
    deleted = [each for one in queries.rows(session, _DELETED, params) for each in one["numbers"]]
    own = [found["msisdn"] for found in queries.rows(session, _NUMBERS, params)]
    # A deleted contact's number may be somebody else's by now: only its record goes.
    others = queries.rows(session, _CONTACT, params | {"msisdns": deleted})
    if any(one["contact_id"] not in params["ids"] for one in others):
        deleted = []
    params["msisdns"] = sorted({_msisdn(number), *own, *deleted})
    out = [one["msisdn"] for one in queries.rows(session, _SUPPRESSION, params) if one["active"]]
    for statement in _ERASE:
        queries.run(session, statement, params)
    for msisdn in params["msisdns"]:
        kept = {"pseudonym": pseudonyms.of(account_id, msisdn), "opted_out": msisdn in out}
        queries.run(session, _KEEP, kept | {"account_id": account_id})
        audit.note(session, account_id, "number.erased", f"number:{kept['pseudonym']}")
    event = NumbersErased(account_id, [str(one) for one in params["msisdns"]], [str(one) for one in out])
    outbox.add(session, event, account_id=account_id)
    return {"numbers": len(params["msisdns"]), "opted_out": len(out)}


def revive(session: Any, account_id: int, msisdns: Sequence[int]) -> None:
    """Blacklist again whoever of ``msisdns`` had opted out before being erased."""
    if not queries.value(session, _OPTED_OUT, {"account_id": account_id}):
        return
    hashed = [pseudonyms.of(account_id, msisdn) for msisdn in msisdns]
    params = {"account_id": account_id, "msisdns": list(msisdns), "pseudonyms": hashed}
    back = [found["msisdn"] for found in queries.rows(session, _RETURNED, params)]
    if back:
        suppressions.put(session, account_id, back, "", ERASED_SOURCE)


def _msisdn(number: str) -> int:
    try:
        return int(parse_msisdn(number))
    except InvalidNumber:
        raise UnknownNumber("Nothing is known about this number.") from None


def _bare(contact: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in contact.items() if name != "account_id"}


def _timed(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    times = ("at", "recorded_at", "requested_at", "decided_at")
    return [one | {name: schemas.iso(one[name]) for name in times if name in one} for one in found]
