"""What is known about a number and the person who has it."""

from __future__ import annotations

from typing import Any

from smstext import InvalidNumber, parse_msisdn

from ..errors import UnknownNumber
from . import rows

_CONTACT = "SELECT contact_id FROM phones WHERE account_id = %(account_id)s AND msisdn = %(msisdn)s"
_NUMBERS = "SELECT msisdn FROM phones WHERE contact_id = ANY(%(ids)s)"

# Who was deleted with one of the numbers, and whoever was merged into one of them, however long the chain is.
DELETED = """
WITH RECURSIVE found (id) AS (
    (SELECT contact_id FROM trash WHERE account_id = %(account_id)s AND numbers && %(msisdns)s::bigint[]
        UNION SELECT unnest(%(ids)s::bigint[]))
    UNION SELECT t.contact_id FROM found f JOIN merges m ON m.contact_id = f.id AND m.undone_at IS NULL
        JOIN trash t ON t.account_id = m.account_id AND t.contact_id = ANY(m.others) AND t.merge_id = m.id
)
SELECT contact_id, contact, numbers, deleted_at FROM trash
WHERE account_id = %(account_id)s AND contact_id IN (SELECT id FROM found) ORDER BY deleted_at, contact_id
"""
CONSENTS = """
SELECT id, msisdn::text AS number, how, wording, source, at, actor, recorded_at FROM consents
WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s) ORDER BY id
"""
SUPPRESSION = """
SELECT msisdn, msisdn::text AS number, active, reason, source, at FROM suppressions
WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s)
"""
OPT_OUTS = """
SELECT id, channel, campaign_id, wording, state, reason, requested_at, decided_at FROM opt_outs
WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s) ORDER BY id
"""


def msisdn_of(number: str) -> int:
    """A number in any shape. Raises UnknownNumber for what is none."""
    try:
        return int(parse_msisdn(number))
    except InvalidNumber:
        raise UnknownNumber("Nothing is known about this number.") from None


def person(session: Any, account_id: int, msisdn: int) -> dict[str, Any]:
    """Parameters of the statements above: the contact that has the number, if any, and all its numbers."""
    ids = [one["contact_id"] for one in rows(session, _CONTACT, {"account_id": account_id, "msisdn": msisdn})]
    own = [one["msisdn"] for one in rows(session, _NUMBERS, {"ids": ids})]
    return {"account_id": account_id, "ids": ids, "msisdns": sorted({msisdn, *own})}
