"""Whom an audience reaches. The freeze, the estimate and the page all stand on the one statement here."""

from __future__ import annotations

import re
from math import sqrt
from typing import Any, NamedTuple

from .. import domain, links, schemas
from ..domain import Audience
from ..errors import SnapshotNotReady, UnknownSnapshot
from . import links as links_read
from . import row, rows, search, value


# A candidate is one reason to be sent to: a membership, a filter, an id, a number given. A number belongs to one contact of
# an account at most (key of phones), so contact_id depends on msisdn alone and any of equals will do.
class _Branch(NamedTuple):
    """Where candidates come from: ``source`` has ``owner``, their contact; ``joins`` those that have no number themselves."""

    source: str
    owner: str
    where: str
    joins: bool = False

    def all(self) -> str:
        """Every candidate."""
        join = f" JOIN phones p ON p.contact_id = {self.owner} AND p.is_primary" if self.joins else ""
        return f"SELECT p.msisdn, p.contact_id FROM {self.source}{join} WHERE {self.where}"

    def picked(self) -> str:
        """Those of every so-manieth contact, by the hash of its id: all its reasons are in or none of them is."""
        join = f" LEFT JOIN phones p ON p.contact_id = {self.owner} AND p.is_primary" if self.joins else ""
        key = self.owner if self.joins else "coalesce(p.contact_id, p.msisdn)"
        return (
            f"SELECT p.msisdn, {self.owner} FROM {self.source}{join}"
            f" WHERE mod(hashint8({key}), %(every)s) = 0 AND {self.where}"
        )

    def counted(self) -> str:
        """How many there are, contacts without a number included."""
        return f"(SELECT count(*) FROM {self.source} WHERE {self.where})"


_GROUPS = _Branch("group_members m", "m.contact_id", "m.group_id = ANY(%(group_ids)s)", joins=True)
_EVERYONE = _Branch("phones p", "p.contact_id", "p.account_id = %(account_id)s AND p.is_primary")
_CHOSEN = _Branch("phones p", "p.contact_id", _EVERYONE.where + " AND p.contact_id = ANY(%(contact_ids)s)")
_NUMBERS = _Branch(
    """(SELECT n.msisdn,
        (SELECT p.contact_id FROM phones p WHERE p.account_id = %(account_id)s AND p.msisdn = n.msisdn) AS contact_id
    FROM unnest(%(numbers)s::bigint[]) n (msisdn)) p""",
    "p.contact_id",
    "true",
)

# What is asked of every candidate is a subselect in a column or a CASE of its own: that looks into a key for each, or
# hashes once. As a join it was planned by what the statistics believed of the account, and took minutes where they were behind.
_NOT_EXCLUDED = """CASE WHEN EXISTS (
        SELECT FROM group_members m WHERE m.group_id = ANY(%(minus_group_ids)s) AND m.contact_id = c.contact_id
    ) THEN false ELSE true END"""
_RECIPIENTS = """
WITH candidates (msisdn, contact_id) AS ({candidates}
), numbers AS MATERIALIZED (
    SELECT d.msisdn, d.contact_id, d.times, EXISTS (
        SELECT FROM suppressions s WHERE s.account_id = %(account_id)s AND s.msisdn = d.msisdn AND s.active
    ) AS suppressed
    FROM (SELECT msisdn, max(contact_id) AS contact_id, count(*) AS times FROM candidates c {excluding} GROUP BY msisdn) d
)"""

_PARAMETER = re.compile(r"%\((\w+)\)s")
_FIELDS = ", ".join(f"c.{name}" for name in domain.MEMBER_FIELDS)

_FREEZE = f""", frozen AS (
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
SELECT count(*) FILTER (WHERE NOT suppressed) AS recipients, coalesce(sum(times), 0)::bigint - count(*) AS duplicates,
    count(*) FILTER (WHERE suppressed) AS suppressed
FROM numbers
"""

# The sample is chosen before its fields are fetched, and one pass counts everything: of 200,000 recipients with a sample of
# 2,000 this took 0.6 s where joining first and counting thrice took 1.6, on one busy machine.
_ESTIMATE = f""", prefixes AS MATERIALIZED (
    SELECT left(msisdn::text, %(prefix_digits)s) AS prefix, count(*) FILTER (WHERE NOT suppressed) AS recipients,
        sum(times) - count(*) AS duplicates, count(*) FILTER (WHERE suppressed) AS suppressed
    FROM numbers GROUP BY 1
), sampled AS MATERIALIZED (
    SELECT msisdn, contact_id FROM numbers WHERE NOT suppressed ORDER BY contact_id, msisdn LIMIT %(sample)s
)
SELECT coalesce(sum(recipients), 0)::bigint AS recipients, coalesce(sum(duplicates), 0)::bigint AS duplicates,
    coalesce(sum(suppressed), 0)::bigint AS suppressed,
    coalesce(jsonb_object_agg(prefix, recipients) FILTER (WHERE recipients > 0), '{{}}') AS by_prefix,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(n.msisdn::text,
            (SELECT ARRAY[{_FIELDS}] FROM contacts c WHERE c.id = n.contact_id)) ORDER BY n.contact_id, n.msisdn), '[]')
        FROM sampled n) AS sample
FROM prefixes
"""

# The reasons of some contacts, as the freeze would judge them; those of contacts without a number count as reasons alone.
_PICKED = f"""
WITH candidates (msisdn, contact_id) AS ({{candidates}}
), numbers AS MATERIALIZED (
    SELECT d.msisdn, d.contact_id, d.times, d.included, d.included AND EXISTS (
        SELECT FROM suppressions s WHERE s.account_id = %(account_id)s AND s.msisdn = d.msisdn AND s.active
    ) AS suppressed
    FROM (SELECT c.msisdn, c.contact_id, count(*) AS times, c.msisdn IS NOT NULL AND {{included}} AS included
        FROM candidates c GROUP BY c.msisdn, c.contact_id) d
), recipients AS MATERIALIZED (SELECT * FROM numbers WHERE included AND NOT suppressed
), prefixes AS (
    SELECT left(msisdn::text, %(prefix_digits)s) AS prefix, count(*) AS times FROM recipients GROUP BY 1
)
SELECT coalesce(sum(times), 0)::bigint AS reasons, coalesce(sum(times * times), 0)::bigint AS squared_reasons,
    coalesce(sum(times) FILTER (WHERE included AND NOT suppressed), 0)::bigint AS recipients_reasons,
    count(*) FILTER (WHERE included AND NOT suppressed) AS recipients, count(*) FILTER (WHERE suppressed) AS suppressed,
    coalesce(sum(times - 1) FILTER (WHERE included), 0)::bigint AS duplicates,
    (SELECT coalesce(jsonb_object_agg(prefix, times), '{{{{}}}}') FROM prefixes) AS by_prefix,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(n.msisdn::text,
            (SELECT ARRAY[{_FIELDS}] FROM contacts c WHERE c.id = n.contact_id)) ORDER BY n.contact_id, n.msisdn), '[]')
        FROM (SELECT * FROM recipients ORDER BY contact_id, msisdn LIMIT %(sample)s) n) AS sample
FROM numbers
"""

# A million numbers are counted in memory; compiling the statement would cost a small audience more than running it.
_TUNE = "SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true)"

PAGE = """
SELECT ordinal, CASE WHEN msisdn = 0 THEN '' ELSE msisdn::text END AS msisdn, fields FROM snapshot_members
WHERE snapshot_id = %(snapshot_id)s AND ordinal > %(after)s AND ordinal <= %(until)s ORDER BY ordinal
"""

_SNAPSHOT = """
SELECT id, campaign_id, state, recipients, duplicates, suppressed, error_code, created_at, ready_at
FROM snapshots WHERE account_id = %(account_id)s AND id = %(id)s
"""

_BLANK = [""] * len(domain.MEMBER_FIELDS)


def freeze(
    session: Any, account_id: int, audience: Audience, snapshot_id: int, campaign_id: int
) -> dict[str, int]:
    """Store the members of a snapshot: ``{recipients, duplicates, suppressed}``."""
    sql, params = _recipients(session, account_id, audience)
    found = row(session, sql + _FREEZE, params | {"snapshot_id": snapshot_id, "campaign_id": campaign_id})
    assert found is not None
    return found


def _recipients(session: Any, account_id: int, audience: Audience) -> tuple[str, dict[str, Any]]:
    """The numbers of an audience, judged. Its groups were checked to be the account's."""
    branches, params = _branches(session, account_id, audience)
    return _judged(branches, audience), params


def _judged(branches: list[_Branch], audience: Audience) -> str:
    candidates = "\n    UNION ALL ".join(branch.all() for branch in branches)
    excluding = f"WHERE {_NOT_EXCLUDED}" if audience.minus_group_ids else ""
    return _RECIPIENTS.format(candidates=candidates, excluding=excluding)


def _branches(session: Any, account_id: int, audience: Audience) -> tuple[list[_Branch], dict[str, Any]]:
    value(session, _TUNE, {})
    params = audience.to_data() | {"account_id": account_id}
    branches = [_EVERYONE] if audience.everyone else []
    branches += [_GROUPS] * bool(audience.group_ids) + [_CHOSEN] * bool(audience.contact_ids)
    for index, stored in enumerate(audience.filters):
        asked = search.conditions(session, account_id, schemas.load(schemas.Filter, stored))
        where = _PARAMETER.sub(rf"%(f{index}_\1)s", asked.everything)
        branches.append(_Branch("contacts c", "c.id", where, joins=True))
        params |= {f"f{index}_{name}": one for name, one in asked.params.items()}
    return branches + [_NUMBERS] * bool(audience.numbers or not branches), params


def estimate(
    session: Any, account_id: int, audience: Audience, sample: int, exact: int = domain.MAX_SAMPLE
) -> dict[str, Any]:
    """What a freeze would find now, without storing anything; members carry a token of the real length only.

    Up to ``exact`` reasons to be sent to are all counted. Of more, about ``domain.SAMPLED`` contacts stand for the rest
    (``estimated``): the members are a random sample then, the same each time, and ``margin`` is how far ``recipients``
    may be off, as a part of it, 95 times of 100.
    """
    branches, params = _branches(session, account_id, audience)
    params |= {"sample": max(0, min(sample, domain.MAX_SAMPLE)), "prefix_digits": domain.PREFIX_DIGITS}
    reasons = value(session, "SELECT " + " + ".join(branch.counted() for branch in branches), params)
    found = _from_sample(session, branches, audience, params, reasons) if reasons > exact else None
    if found is None:
        found = row(session, _judged(branches, audience) + _ESTIMATE, params)
        assert found is not None
        found |= {"estimated": False, "margin": 0.0}
    members = [
        [ordinal, msisdn, domain.SAMPLE_TOKEN, fields or _BLANK]
        for ordinal, (msisdn, fields) in enumerate(found.pop("sample"), 1)
    ]
    return found | {"members": members}


def _from_sample(
    session: Any, branches: list[_Branch], audience: Audience, params: dict[str, Any], reasons: int
) -> dict[str, Any] | None:
    """The audience as a share of its ``reasons``, which are counted; None when too few numbers were met to tell."""
    sql = _PICKED.format(
        candidates="\n    UNION ALL ".join(branch.picked() for branch in branches),
        included=_NOT_EXCLUDED if audience.minus_group_ids else "true",
    )
    seen = row(session, sql, params | {"every": max(1, reasons // domain.SAMPLED)})
    assert seen is not None
    if seen["recipients"] < domain.SAMPLED // 5:
        return None
    factor = reasons / seen["reasons"]
    share = seen["recipients"] / seen["reasons"]
    # The variance of a ratio, over contacts: what each brings less what its reasons would bring on average.
    residuals = (
        seen["recipients"] - 2 * share * seen["recipients_reasons"] + share**2 * seen["squared_reasons"]
    )
    margin = 1.96 * sqrt(max(0.0, residuals) * max(0.0, 1 - 1 / factor)) / seen["recipients"]
    counts = {name: round(seen[name] * factor) for name in ("recipients", "duplicates", "suppressed")}
    by_prefix = {prefix: round(count * factor) for prefix, count in seen["by_prefix"].items()}
    return counts | {
        "by_prefix": by_prefix, "sample": seen["sample"], "estimated": True, "margin": margin,
    }  # fmt: skip


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
    """Members with ordinals after ``after``, in order; "" is the number of somebody who was erased since.

    Raises UnknownSnapshot, SnapshotNotReady.
    """
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
