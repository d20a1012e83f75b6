"""Whom an audience reaches. The freeze, the estimate and the page all stand on the one statement here."""

from __future__ import annotations

from typing import Any

from .. import domain, links, schemas
from ..domain import Audience
from ..errors import SnapshotNotReady, UnknownSnapshot
from . import links as links_read
from . import row, rows, value

# A candidate is one reason to be sent to: a membership, an id, a number given. A number belongs to one contact of
# an account at most (key of phones), so contact_id depends on msisdn alone and DISTINCT may keep any of equals.
# What is asked of every candidate is a subselect in a column of its own: that looks into a key for each, or hashes once.
# As a join it was planned by what the statistics believed of the account, and took minutes where they were behind.
RECIPIENTS = """
WITH candidates AS (
    SELECT p.msisdn, p.contact_id
    FROM groups g JOIN group_members m ON m.group_id = g.id JOIN phones p ON p.contact_id = m.contact_id AND p.is_primary
    WHERE g.account_id = %(account_id)s AND g.id = ANY(%(group_ids)s)
    UNION ALL
    SELECT p.msisdn, p.contact_id FROM phones p
    WHERE p.account_id = %(account_id)s AND p.is_primary AND p.contact_id = ANY(%(contact_ids)s)
    UNION ALL
    SELECT p.msisdn, p.contact_id FROM phones p
    WHERE p.account_id = %(account_id)s AND p.is_primary AND %(everyone)s
    UNION ALL
    SELECT n.msisdn, (SELECT p.contact_id FROM phones p WHERE p.account_id = %(account_id)s AND p.msisdn = n.msisdn)
    FROM unnest(%(numbers)s::bigint[]) n (msisdn)
), judged AS MATERIALIZED (
    SELECT c.msisdn, c.contact_id, EXISTS (
        SELECT FROM group_members m WHERE m.group_id = ANY(%(minus_group_ids)s) AND m.contact_id = c.contact_id
    ) AS excluded
    FROM candidates c
), numbers AS MATERIALIZED (
    SELECT d.msisdn, d.contact_id, EXISTS (
        SELECT FROM suppressions s WHERE s.account_id = %(account_id)s AND s.msisdn = d.msisdn AND s.active
    ) AS suppressed
    FROM (SELECT DISTINCT ON (msisdn) msisdn, contact_id FROM judged WHERE NOT excluded) d
), counts AS (
    SELECT count(*) FILTER (WHERE NOT suppressed) AS recipients,
        (SELECT count(*) FROM judged WHERE NOT excluded) - count(*) AS duplicates,
        count(*) FILTER (WHERE suppressed) AS suppressed
    FROM numbers
)
"""

_FIELDS = ", ".join(f"c.{name}" for name in domain.MEMBER_FIELDS)

FREEZE = f"""{RECIPIENTS}, frozen AS (
    INSERT INTO snapshot_members (snapshot_id, ordinal, msisdn, contact_id, fields)
    SELECT %(snapshot_id)s, row_number() OVER (ORDER BY n.contact_id, n.msisdn), n.msisdn, n.contact_id,
        CASE WHEN c.id IS NOT NULL THEN ARRAY[{_FIELDS}] END
    FROM numbers n LEFT JOIN contacts c ON c.id = n.contact_id
    WHERE NOT n.suppressed
    RETURNING ordinal, msisdn
), linked AS (
    INSERT INTO link_pages (snapshot_id, page, account_id, campaign_id, msisdns)
    SELECT %(snapshot_id)s, (ordinal - 1) / {domain.LINK_PAGE}, %(account_id)s, %(campaign_id)s,
        array_agg(msisdn ORDER BY ordinal)
    FROM frozen GROUP BY 2
)
SELECT recipients, duplicates, suppressed FROM counts
"""

_SAMPLE = f"""
SELECT n.msisdn::text, CASE WHEN c.id IS NOT NULL THEN ARRAY[{_FIELDS}] END
FROM numbers n LEFT JOIN contacts c ON c.id = n.contact_id
WHERE NOT n.suppressed ORDER BY n.contact_id, n.msisdn LIMIT %(sample)s
"""

ESTIMATE = f"""{RECIPIENTS}
SELECT counts.*,
    (SELECT coalesce(jsonb_object_agg(prefix, quantity), '{{}}') FROM (
        SELECT left(msisdn::text, %(prefix_digits)s) AS prefix, count(*) AS quantity
        FROM numbers WHERE NOT suppressed GROUP BY 1) p) AS by_prefix,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(s.msisdn, s.fields)), '[]') FROM ({_SAMPLE}) s (msisdn, fields)) AS sample
FROM counts
"""

PAGE = """
SELECT ordinal, msisdn::text, fields FROM snapshot_members
WHERE snapshot_id = %(snapshot_id)s AND ordinal > %(after)s AND ordinal <= %(until)s ORDER BY ordinal
"""

_SNAPSHOT = """
SELECT id, campaign_id, state, recipients, duplicates, suppressed, error_code, created_at, ready_at
FROM snapshots WHERE account_id = %(account_id)s AND id = %(id)s
"""

_BLANK = [""] * len(domain.MEMBER_FIELDS)


def parameters(account_id: int, audience: Audience) -> dict[str, Any]:
    """What RECIPIENTS needs. The groups of ``audience`` were checked to be the account's."""
    return audience.to_data() | {"account_id": account_id}


def estimate(session: Any, account_id: int, audience: Audience, sample: int) -> dict[str, Any]:
    """What a freeze would find now, without storing anything; members carry a token of the real length only."""
    params = parameters(account_id, audience)
    params |= {"sample": max(0, min(sample, domain.MAX_SAMPLE)), "prefix_digits": domain.PREFIX_DIGITS}
    found = row(session, ESTIMATE, params)
    assert found is not None
    members = [
        [ordinal, msisdn, domain.SAMPLE_TOKEN, fields or _BLANK]
        for ordinal, (msisdn, fields) in enumerate(found.pop("sample"), 1)
    ]
    return found | {"members": members}


def snapshot(session: Any, account_id: int, snapshot_id: int) -> dict[str, Any]:
    """The snapshot's state and figures. Raises UnknownSnapshot."""
    params = {"account_id": account_id, "id": snapshot_id}
    found = row(session, _SNAPSHOT, params) if domain.is_id(snapshot_id) else None
    if found is None:
        raise UnknownSnapshot("There is no such snapshot.")
    error = found.pop("error_code")
    times = {"created_at": schemas.iso(found["created_at"]), "ready_at": schemas.iso(found["ready_at"])}
    return found | times | {"failed": error or None}


def audience_page(session: Any, account_id: int, snapshot_id: int, after: int, limit: int) -> dict[str, Any]:
    """Members with ordinals after ``after``, in order. Raises UnknownSnapshot, SnapshotNotReady."""
    params = {"account_id": account_id, "id": snapshot_id}
    sql = "SELECT state FROM snapshots WHERE account_id = %(account_id)s AND id = %(id)s"
    state = value(session, sql, params) if domain.is_id(snapshot_id) else None
    if state is None:
        raise UnknownSnapshot("There is no such snapshot.")
    if state != "ready":
        raise SnapshotNotReady(f"The snapshot is {state}.")
    after = max(0, min(int(after), 2**31 - 1))
    until = after + domain.page_size(limit, domain.MAX_MEMBERS_PAGE)
    found = rows(session, PAGE, {"snapshot_id": snapshot_id, "after": after, "until": min(until, 2**31 - 1)})
    tokens = links.tokens(links_read.key(session), snapshot_id, [m["ordinal"] for m in found])
    return {
        "members": [
            [m["ordinal"], m["msisdn"], token, m["fields"] or _BLANK]
            for m, token in zip(found, tokens, strict=True)
        ]
    }
