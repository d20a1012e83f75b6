"""A number and its contact erased; who had opted out, or does so by an old link, stays so: as a keyed hash.

Every change of that hash holds the lock of the account's blacklist and is told with its sequence, so that whoever keeps a
copy can tell what came before from what came after.
"""

from __future__ import annotations

from typing import Any

from contracts.events import NumbersErased
from servicekit import exports, logs, outbox, pseudonyms

from .. import domain, queries
from ..queries import about as read
from ..queries.contacts import owners_of
from . import audit, lock_contacts, suppressions

log = logs.get(__name__)

# Who freezes an audience of the account has it shared (jobs.freezing): no snapshot has somebody who was just erased.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('erasing', %(account_id)s))"

# A campaign under way finds "no number" at that place and goes on with the next one (queries.audiences); the link in what was
# sent finds the pseudonym (queries.links). An audience that still waits is frozen without the number.
_ERASE = (
    "DELETE FROM contacts WHERE account_id = %(account_id)s AND id = ANY(%(ids)s)",
    "DELETE FROM search_entries WHERE account_id = %(account_id)s AND contact_id = ANY(%(ids)s || %(deleted_ids)s::bigint[])",
    "DELETE FROM trash WHERE account_id = %(account_id)s AND contact_id = ANY(%(deleted_ids)s)",
    """UPDATE bulk_items SET before = NULL WHERE before ? 'numbers' AND contact_id = ANY(%(ids)s || %(deleted_ids)s::bigint[])
    AND job_id IN (SELECT id FROM bulk_jobs WHERE account_id = %(account_id)s AND NOT purged)""",
    # Of contacts that had the number when it was blacklisted and gave it up since.
    """UPDATE bulk_items SET before = jsonb_build_object('numbers', (
        SELECT coalesce(jsonb_agg(n), '[]') FROM jsonb_array_elements(before->'numbers') n
        WHERE n->0 <> ALL(%(as_json)s::jsonb[])))
    WHERE before @> ANY(%(as_before)s::jsonb[])
    AND job_id IN (SELECT id FROM bulk_jobs WHERE account_id = %(account_id)s AND NOT purged)""",
    "DELETE FROM consents WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s)",
    "DELETE FROM opt_outs WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s)",
    "DELETE FROM suppressions WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s)",
    # Of files as they were written; nobody needs them once it is over.
    """UPDATE imports SET preview = '[]', columns = (
        SELECT coalesce(jsonb_agg(jsonb_set(c, '{samples}', '[]') ORDER BY n), '[]')
        FROM jsonb_array_elements(columns) WITH ORDINALITY u (c, n))
    WHERE account_id = %(account_id)s AND (preview <> '[]' OR columns <> '[]') AND state IN ('done', 'failed', 'cancelled')""",
    # What a request repeated under its key is answered: still the same contact, which is gone.
    """UPDATE idempotency_keys SET response = jsonb_build_object('id', response->'id', 'version', response->'version')
    WHERE account_id = %(account_id)s AND response @> ANY(%(as_answers)s::jsonb[])""",
    """UPDATE snapshot_members m SET msisdn = 0, fields = NULL, contact_id = NULL
    FROM unnest(%(snapshots)s::bigint[], %(ordinals)s::int[]) p (snapshot_id, ordinal)
    WHERE m.snapshot_id = p.snapshot_id AND m.ordinal = p.ordinal""",
    """UPDATE snapshot_members SET msisdn = 0, fields = NULL, contact_id = NULL
    WHERE snapshot_id = ANY(%(unlinked)s) AND msisdn = ANY(%(msisdns)s)""",
    """UPDATE snapshots s SET audience = jsonb_set(s.audience, '{numbers}', coalesce(
        (SELECT jsonb_agg(n) FROM jsonb_array_elements(s.audience->'numbers') n WHERE n <> ALL(%(as_json)s::jsonb[])), '[]'))
    WHERE s.account_id = %(account_id)s AND EXISTS (
        SELECT FROM jsonb_array_elements(s.audience->'numbers') n WHERE n = ANY(%(as_json)s::jsonb[]))""",
    """UPDATE link_pages l SET msisdns = ARRAY(
        SELECT coalesce(e.pseudonym, u.msisdn) FROM unnest(l.msisdns) WITH ORDINALITY u (msisdn, ordinal)
        LEFT JOIN unnest(%(msisdns)s::bigint[], %(pseudonyms)s::bigint[]) e (msisdn, pseudonym) ON e.msisdn = u.msisdn
        ORDER BY u.ordinal)
    FROM (SELECT DISTINCT * FROM unnest(%(snapshots)s::bigint[], %(pages)s::int[])) p (snapshot_id, page)
    WHERE l.snapshot_id = p.snapshot_id AND l.page = p.page""",
)

# Looked for in the pages of links, at 0.25 s a million recipients; in the snapshots it was 1.7.
_PLACES = f"""
SELECT l.snapshot_id, l.page, l.page * {domain.LINK_PAGE} + u.place AS ordinal
FROM link_pages l, unnest(l.msisdns) WITH ORDINALITY u (msisdn, place)
WHERE l.account_id = %(account_id)s AND l.msisdns && %(msisdns)s::bigint[] AND u.msisdn = ANY(%(msisdns)s)
"""

# Snapshots so old that their links have gone.
_UNLINKED = """
SELECT s.id FROM snapshots s
WHERE s.account_id = %(account_id)s AND NOT EXISTS (SELECT FROM link_pages l WHERE l.snapshot_id = s.id)
"""

# What the account wanted it stays the one to lift, whatever the owner asked for besides.
_KEEP = """
INSERT INTO erased_numbers (account_id, pseudonym, opted_out, source)
VALUES (%(account_id)s, %(pseudonym)s, %(source)s IS NOT NULL, coalesce(%(source)s, ''))
ON CONFLICT (account_id, pseudonym) DO UPDATE
SET opted_out = erased_numbers.opted_out OR excluded.opted_out, erased_at = now(),
    source = CASE WHEN excluded.opted_out AND (NOT erased_numbers.opted_out OR erased_numbers.source = ANY(%(own)s))
        THEN excluded.source ELSE erased_numbers.source END
RETURNING opted_out
"""

_OPT_OUT = """
INSERT INTO erased_numbers (account_id, pseudonym, opted_out, source) VALUES (%(account_id)s, %(pseudonym)s, true, 'link')
ON CONFLICT (account_id, pseudonym) DO UPDATE SET opted_out = true, source = 'link' WHERE NOT erased_numbers.opted_out
"""

_HAS_OPTED_OUT = """
SELECT opted_out FROM erased_numbers WHERE account_id = %(account_id)s AND pseudonym = %(pseudonym)s
"""


def erase(session: Any, account_id: int, number: str) -> dict[str, Any]:
    """Erase a number: its contact with all numbers of it, also a deleted or merged one, its consents, requests, blacklisting.

    What opted out is kept as a pseudonym. The history of messages follows by NumbersErased: ``{numbers, opted_out}``.
    Raises UnknownNumber.
    """
    queries.value(session, _LOCK, {"account_id": account_id})
    expected = _whom(session, account_id, read.msisdn_of(number))
    places = _places(session, expected)  # takes its time, in which others may still write
    lock_contacts(session, account_id)
    sequence = suppressions.lock(session, account_id)
    params = _whom(session, account_id, read.msisdn_of(number))
    params |= places if params["msisdns"] == expected["msisdns"] else _places(session, params)
    wishes = _wishes(session, params)
    for statement in _ERASE:
        queries.run(session, statement, params)
    exports.withdraw(session, account_id)
    out = []
    for msisdn, pseudonym in zip(params["msisdns"], params["pseudonyms"], strict=True):
        kept = {"account_id": account_id, "pseudonym": pseudonym, "source": wishes.get(msisdn)}
        if queries.value(session, _KEEP, kept | {"own": list(domain.OWN_SOURCES)}):
            out.append(str(msisdn))
        audit.note(session, account_id, "number.erased", f"number:{pseudonym}")
    numbers = [str(one) for one in params["msisdns"]]
    event = NumbersErased(account_id, numbers, out, sequence=sequence)
    outbox.add(session, event, account_id=account_id)
    return {"numbers": len(numbers), "opted_out": len(out)}


def has_opted_out(session: Any, account_id: int, pseudonym: int) -> bool:
    """Whether nothing may be sent to an erased number, should it come again."""
    return bool(queries.value(session, _HAS_OPTED_OUT, {"account_id": account_id, "pseudonym": pseudonym}))


def opt_out(session: Any, account_id: int, pseudonym: int) -> None:
    """The owner of an erased number asks by an old link to be left alone: at once, for there is nobody left to decide about.

    Whoever checks what is sent is told the pseudonym. Asked again, nothing changes.
    """
    sequence = suppressions.lock(session, account_id)
    if queries.run(session, _OPT_OUT, {"account_id": account_id, "pseudonym": pseudonym}):
        event = NumbersErased(account_id, [], opted_out_since=[str(pseudonym)], sequence=sequence)
        outbox.add(session, event, account_id=account_id)
        audit.note(session, account_id, "number.opted_out", f"number:{pseudonym}")
        log.info("erased_number_opted_out", account_id=account_id)


def _wishes(session: Any, params: dict[str, Any]) -> dict[int, str]:
    """Which of the numbers are on the blacklist, or asked to be and wait for the account's word; and how that came about."""
    waiting = {one["msisdn"]: one["channel"] for one in queries.rows(session, read.PENDING, params)}
    listed = queries.rows(session, read.SUPPRESSION, params)
    return waiting | {one["msisdn"]: one["source"] for one in listed if one["active"]}


def _whom(session: Any, account_id: int, msisdn: int) -> dict[str, Any]:
    """Which contacts, deleted contacts and numbers go with ``msisdn``, as parameters of the statements.

    A deleted contact's number that somebody else has by now stays his.
    """
    params = read.person(session, account_id, msisdn)
    deleted = queries.rows(session, read.DELETED, params)
    once = {each for one in deleted for each in one["numbers"]}
    holders = owners_of(session, account_id, sorted(once))
    free = {each for each in once if holders.get(each, 0) in {0, *params["ids"]}}
    msisdns = sorted({*params["msisdns"], *free})
    return params | {
        "msisdns": msisdns,
        "pseudonyms": [pseudonyms.of(account_id, one) for one in msisdns],
        "as_json": [str(one) for one in msisdns],
        "as_before": [queries.json({"numbers": [[one]]}) for one in msisdns],
        "as_answers": [queries.json({"numbers": [{"number": str(one)}]}) for one in msisdns],
        "deleted_ids": [one["contact_id"] for one in deleted],
    }


def _places(session: Any, params: dict[str, Any]) -> dict[str, list[int]]:
    """Where the numbers stand among recipients; they stay there while the account's erasing is locked."""
    found = queries.rows(session, _PLACES, params)
    names = {"snapshots": "snapshot_id", "pages": "page", "ordinals": "ordinal"}
    places = {name: [int(one[column]) for one in found] for name, column in names.items()}
    return places | {"unlinked": [one["id"] for one in queries.rows(session, _UNLINKED, params)]}
