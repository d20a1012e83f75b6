"""What a bulk action does to a page of its items, what it writes down to undo that, and how it is undone.

Every function takes the session, the job's row and the page as (first, last) of its items, both included, within a
transaction that holds ``lock_contacts``; it returns how many contacts it changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import domain, queries
from . import suppressions, trash

Job = dict[str, Any]

_ITEMS = "SELECT seq, contact_id, before FROM bulk_items WHERE job_id = %(job_id)s AND seq BETWEEN %(first)s AND %(last)s"

_NOTE_GROUPS = """, noted AS (
    UPDATE bulk_items b SET before = jsonb_build_object('groups', x.groups)
    FROM (SELECT contact_id, jsonb_agg(group_id) AS groups FROM done GROUP BY contact_id) x
    WHERE b.job_id = %(job_id)s AND b.seq BETWEEN %(first)s AND %(last)s AND b.contact_id = x.contact_id RETURNING 1
) SELECT count(*) FROM noted"""

_ADD = f"""
WITH done AS (
    INSERT INTO group_members (group_id, contact_id)
    SELECT g.id, c.id FROM ({_ITEMS}) i JOIN contacts c ON c.id = i.contact_id AND c.account_id = %(account_id)s
        CROSS JOIN groups g
    WHERE g.account_id = %(account_id)s AND g.id = ANY(%(group_ids)s) ON CONFLICT DO NOTHING
    RETURNING group_id, contact_id
){_NOTE_GROUPS}
"""

_REMOVE = f"""
WITH done AS (
    DELETE FROM group_members m USING ({_ITEMS}) i, groups g
    WHERE m.contact_id = i.contact_id AND m.group_id = g.id AND g.account_id = %(account_id)s
        AND g.id = ANY(%(group_ids)s)
    RETURNING m.group_id, m.contact_id
){_NOTE_GROUPS}
"""

_UNDO_ADD = f"""
WITH gone AS (
    DELETE FROM group_members m USING ({_ITEMS}) i, jsonb_array_elements_text(i.before->'groups') b (group_id)
    WHERE m.contact_id = i.contact_id AND m.group_id = b.group_id::bigint RETURNING m.contact_id
) SELECT count(DISTINCT contact_id) FROM gone
"""

_UNDO_REMOVE = f"""
WITH back AS (
    INSERT INTO group_members (group_id, contact_id)
    SELECT g.id, c.id FROM ({_ITEMS}) i CROSS JOIN jsonb_array_elements_text(i.before->'groups') b (group_id)
        JOIN groups g ON g.id = b.group_id::bigint AND g.account_id = %(account_id)s
        JOIN contacts c ON c.id = i.contact_id AND c.account_id = %(account_id)s
    ON CONFLICT DO NOTHING RETURNING contact_id
) SELECT count(DISTINCT contact_id) FROM back
"""

_NUMBERS = f"""
SELECT i.seq, p.msisdn, coalesce(s.active, false) AS active, s.reason, s.source
FROM ({_ITEMS}) i JOIN phones p ON p.contact_id = i.contact_id AND p.account_id = %(account_id)s
LEFT JOIN suppressions s ON s.account_id = %(account_id)s AND s.msisdn = p.msisdn ORDER BY i.seq
"""

_NOTE_NUMBERS = """
UPDATE bulk_items b SET before = n.before FROM unnest(%(seqs)s::int[], %(befores)s::jsonb[]) n (seq, before)
WHERE b.job_id = %(job_id)s AND b.seq = n.seq
"""

# Lifted again is only what this action put there, and whose owner has not asked to be left alone since.
_STILL_OURS = """
SELECT s.msisdn FROM suppressions s
WHERE s.account_id = %(account_id)s AND s.msisdn = ANY(%(msisdns)s) AND s.active AND s.source = %(source)s
    AND NOT EXISTS (SELECT FROM opt_outs o WHERE o.account_id = s.account_id AND o.msisdn = s.msisdn
        AND o.state IN ('pending', 'approved') AND coalesce(o.decided_at, o.requested_at) >= %(since)s)
"""

# What is left of it is the owner's wish, who may take it back.
_HAND_OVER = """
UPDATE suppressions s SET source = o.channel, reason = o.wording
FROM (SELECT DISTINCT ON (msisdn) msisdn, channel, wording FROM opt_outs
    WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s) AND state = 'approved' ORDER BY msisdn, id DESC) o
WHERE s.account_id = %(account_id)s AND s.msisdn = o.msisdn AND s.active AND s.source = %(source)s
"""

# As it was before this action made it the account's.
_GIVE_BACK = """
UPDATE suppressions s SET reason = n.reason, source = n.source
FROM unnest(%(msisdns)s::bigint[], %(reasons)s::text[], %(sources)s::text[]) n (msisdn, reason, source)
WHERE s.account_id = %(account_id)s AND s.msisdn = n.msisdn AND s.active AND s.source = %(source)s
RETURNING s.msisdn
"""


def _params(job: Job, first: int, last: int) -> dict[str, Any]:
    groups = {"group_ids": job["params"].get("group_ids", [])}
    return {"job_id": job["id"], "account_id": job["account_id"], "first": first, "last": last} | groups


def _add(session: Any, job: Job, first: int, last: int) -> int:
    return int(queries.value(session, _ADD, _params(job, first, last)))


def _remove(session: Any, job: Job, first: int, last: int) -> int:
    return int(queries.value(session, _REMOVE, _params(job, first, last)))


def _undo_add(session: Any, job: Job, first: int, last: int) -> int:
    return int(queries.value(session, _UNDO_ADD, _params(job, first, last)))


def _undo_remove(session: Any, job: Job, first: int, last: int) -> int:
    return int(queries.value(session, _UNDO_REMOVE, _params(job, first, last)))


def source(job: Job) -> str:
    """What a blacklisting by ``job`` says of where it comes from."""
    return f"bulk {job['id']}"


def _blacklist(session: Any, job: Job, first: int, last: int) -> int:
    found = _numbers(session, job, first, last)
    new = [one for one in found if not one["active"]]
    theirs = [one for one in found if one["active"] and one["source"] in domain.OWN_SOURCES]
    numbers = [one["msisdn"] for one in (*new, *theirs)]
    suppressions.put(session, job["account_id"], numbers, job["params"].get("reason", ""), source(job))
    noted = [*((one["seq"], [one["msisdn"]]) for one in new), *map(_as_it_was, theirs)]
    return _note_numbers(session, job, noted)


def _unblacklist(session: Any, job: Job, first: int, last: int) -> int:
    found = [one for one in _numbers(session, job, first, last) if one["active"]]
    suppressions.lift(session, job["account_id"], [one["msisdn"] for one in found])
    return _note_numbers(session, job, list(map(_as_it_was, found)))


def _as_it_was(one: dict[str, Any]) -> tuple[int, list[Any]]:
    return one["seq"], [one["msisdn"], one["reason"], one["source"]]


def _numbers(session: Any, job: Job, first: int, last: int) -> list[dict[str, Any]]:
    """The numbers of the page's contacts and how they are on the blacklist; locked, nobody changes that meanwhile."""
    suppressions.lock(session, job["account_id"])
    found = queries.rows(session, _NUMBERS, _params(job, first, last))
    off = [one["msisdn"] for one in found if not one["active"]]
    if suppressions.revive(session, job["account_id"], off):
        found = queries.rows(session, _NUMBERS, _params(job, first, last))
    return found


def _note_numbers(session: Any, job: Job, noted: list[tuple[int, list[Any]]]) -> int:
    by_item: dict[int, list[list[Any]]] = {}
    for seq, number in noted:
        by_item.setdefault(seq, []).append(number)
    befores = [queries.json({"numbers": numbers}) for numbers in by_item.values()]
    params = {"job_id": job["id"], "seqs": list(by_item), "befores": befores}
    return queries.run(session, _NOTE_NUMBERS, params)


def _noted(session: Any, job: Job, first: int, last: int) -> list[tuple[int, list[Any]]]:
    found = queries.rows(session, _ITEMS, _params(job, first, last))
    return [(one["seq"], number) for one in found for number in (one["before"] or {}).get("numbers", ())]


def _undo_blacklist(session: Any, job: Job, first: int, last: int) -> int:
    suppressions.lock(session, job["account_id"])
    noted = _noted(session, job, first, last)
    params = {"account_id": job["account_id"], "source": source(job), "since": job["created_at"]}
    asked = params | {"msisdns": [number[0] for _, number in noted if len(number) == 1]}
    ours = {one["msisdn"] for one in queries.rows(session, _STILL_OURS, asked)}
    suppressions.lift(session, job["account_id"], sorted(ours))
    queries.run(session, _HAND_OVER, asked)
    theirs = [number for _, number in noted if len(number) > 1]
    names = ("msisdns", "reasons", "sources")
    was = {name: [number[place] for number in theirs] for place, name in enumerate(names)}
    back = {one["msisdn"] for one in queries.rows(session, _GIVE_BACK, params | was)}
    return len({seq for seq, number in noted if number[0] in ours | back})


def _undo_unblacklist(session: Any, job: Job, first: int, last: int) -> int:
    noted = _noted(session, job, first, last)
    ways: dict[tuple[str, str], list[int]] = {}
    for _, (msisdn, reason, how) in noted:
        ways.setdefault((reason, how), []).append(msisdn)
    for (reason, how), msisdns in ways.items():
        suppressions.put(session, job["account_id"], msisdns, reason, how)
    return len({seq for seq, _ in noted})


def _ids(session: Any, job: Job, first: int, last: int) -> list[int]:
    return [one["contact_id"] for one in queries.rows(session, _ITEMS, _params(job, first, last))]


def _delete(session: Any, job: Job, first: int, last: int) -> int:
    return trash.throw_away(session, job["account_id"], _ids(session, job, first, last), job["id"])


def _undo_delete(session: Any, job: Job, first: int, last: int) -> int:
    return len(trash.bring_back(session, job["account_id"], _ids(session, job, first, last), job["id"]))


Act = Callable[[Any, Job, int, int], int]

DO: dict[str, Act] = {
    "add_to_groups": _add,
    "remove_from_groups": _remove,
    "blacklist": _blacklist,
    "unblacklist": _unblacklist,
    "delete": _delete,
}
UNDO: dict[str, Act] = {
    "add_to_groups": _undo_add,
    "remove_from_groups": _undo_remove,
    "blacklist": _undo_blacklist,
    "unblacklist": _undo_unblacklist,
    "delete": _undo_delete,
}
