"""What is known about a number and the person who has it."""

from __future__ import annotations

from typing import Any

from smstext import InvalidNumber, parse_msisdn

from .. import domain
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
PENDING = """
SELECT msisdn, channel FROM opt_outs
WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s) AND state = 'pending' ORDER BY id
"""
OPT_OUTS = """
SELECT id, channel, campaign_id, wording, state, reason, requested_at, decided_at FROM opt_outs
WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s) ORDER BY id
"""
# A number's places are looked for in the pages of links, which may outlive the snapshot, and then each by the key of members.
_AUDIENCES = f"""
SELECT l.campaign_id, l.frozen_at, (
    SELECT m.fields FROM snapshot_members m
    WHERE m.snapshot_id = l.snapshot_id AND m.ordinal = l.page * {domain.LINK_PAGE} + u.place
) AS fields
FROM link_pages l, unnest(l.msisdns) WITH ORDINALITY u (msisdn, place)
WHERE l.account_id = %(account_id)s AND l.msisdns && %(msisdns)s::bigint[] AND u.msisdn = ANY(%(msisdns)s)
"""
# Snapshots so old that their links have gone: members of these alone are looked through.
_UNLINKED = """
SELECT s.id FROM snapshots s
WHERE s.account_id = %(account_id)s AND NOT EXISTS (SELECT FROM link_pages l WHERE l.snapshot_id = s.id)
"""
_UNLINKED_AUDIENCES = """
SELECT s.campaign_id, coalesce(s.ready_at, s.created_at) AS frozen_at, m.fields
FROM snapshots s JOIN snapshot_members m ON m.snapshot_id = s.id
WHERE m.snapshot_id = ANY(%(unlinked)s) AND m.msisdn = ANY(%(msisdns)s)
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


def audiences(session: Any, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Where the numbers of ``params`` were frozen, the oldest first: ``{campaign_id, frozen_at, fields}``.

    ``fields`` are in the order of domain.MEMBER_FIELDS; None for a number without contact, or without its snapshot.
    """
    found = rows(session, _AUDIENCES, params)
    unlinked = [one["id"] for one in rows(session, _UNLINKED, params)]
    if unlinked:
        found += rows(session, _UNLINKED_AUDIENCES, params | {"unlinked": unlinked})
    return sorted(found, key=lambda one: (one["frozen_at"], one["campaign_id"]))
