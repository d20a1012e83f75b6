"""The second half of an import: staged rows become contacts, a page and its cursor in one transaction.

What belongs to whom is decided in Python on what one look at the account's numbers says, and written by COPY: one large
statement was as fast, until the statistics of a growing table made it read all numbers of the account for every row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from servicekit import crashpoints, logs

from .. import domain, queries
from ..queries.contacts import owners_of
from ..use_cases import lock_contacts, suppressions
from . import Claim, copying

log = logs.get(__name__)

PAGE_ROWS = 5_000
MAX_GROUPS = 5_000
"""Groups an account may have for an import to still make new ones from a column of group names."""

_ROWS = """
SELECT row_no, verdict, numbers, fields FROM import_rows
WHERE import_id = %(id)s AND row_no > %(after)s AND verdict IN ('accepted', 'updated') ORDER BY row_no LIMIT %(page)s
"""

_NEW_IDS = "SELECT nextval(pg_get_serial_sequence('contacts', 'id')) AS id FROM generate_series(1, %(count)s)"

_COLUMNS = ", ".join(domain.TEXT_FIELDS)
_CONTACTS = f"contacts (id, account_id, {_COLUMNS})"
_PHONES = "phones (account_id, msisdn, contact_id, is_primary)"

_JOIN_GROUPS = """
INSERT INTO group_members (group_id, contact_id)
SELECT * FROM unnest(%(groups)s::bigint[], %(contacts)s::bigint[]) ON CONFLICT DO NOTHING
"""

_MERGED = {
    "fill": "CASE WHEN c.{name} = '' THEN coalesce(n.{name}, '') ELSE c.{name} END",
    "overwrite": "coalesce(n.{name}, c.{name})",
}

_ADVANCE = """
UPDATE imports SET applied_row = %(last_row)s, applied = applied + %(applied)s, accepted = accepted - %(moved)s,
    updated = updated + %(moved)s, attempts = 0, updated_at = now()
WHERE id = %(id)s
"""

_OWN_GROUPS = "SELECT id FROM groups WHERE account_id = %(account_id)s AND id = ANY(%(ids)s)"

_MAKE_GROUPS = """
INSERT INTO groups (account_id, name)
SELECT DISTINCT ON (contacts_fold(n.name)) %(account_id)s, n.name FROM unnest(%(names)s::text[]) n (name)
WHERE (SELECT count(*) FROM groups WHERE account_id = %(account_id)s) < %(most)s
ON CONFLICT (account_id, name_key) DO NOTHING
"""

_FIND_GROUPS = """
SELECT n.name, g.id FROM unnest(%(names)s::text[]) n (name)
JOIN groups g ON g.account_id = %(account_id)s AND g.name_key = contacts_fold(n.name)
"""

_DONE = "UPDATE imports SET state = 'done', updated_at = now() WHERE id = %(id)s"


@dataclass
class _Page:
    """What a page of rows does. ``moved`` rows turned out to be updates that were staged as new, less the reverse."""

    moved: int = 0
    contacts: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    changes: dict[int, dict[str, str]] = field(default_factory=dict)
    members: list[tuple[int, dict[str, str]]] = field(default_factory=list)


def apply(claim: Claim) -> None:
    """Store all staged rows of a running import, then it is done. Raises LostJob and Stopping between two pages."""
    while _apply_page(claim):
        pass
    log.info("import_done", import_id=claim.import_id)


def _apply_page(claim: Claim) -> bool:
    """One page; False when there was none left and the import is done."""
    with claim.connection, claim.connection.cursor() as cursor:
        record = claim.step(cursor, "running")
        params = {"id": claim.import_id, "after": record["applied_row"], "page": PAGE_ROWS}
        rows = queries.rows(cursor, _ROWS, params)
        if not rows:
            queries.run(cursor, _DONE, params)
            return False
        lock_contacts(cursor, record["account_id"])
        page = _decide(cursor, record, rows)
        _store(cursor, record, page)
        if record["blacklist"]:
            numbers = [number for row in rows for number in row["numbers"]]
            suppressions.put(cursor, record["account_id"], numbers, "", f"import {claim.import_id}")
        progress = {"applied": len(rows), "last_row": rows[-1]["row_no"], "moved": page.moved}
        queries.run(cursor, _ADVANCE, progress | {"id": claim.import_id})
        crashpoints.reach("contacts-worker.applied")
    return True


def _decide(cursor: Any, record: dict[str, Any], rows: list[dict[str, Any]]) -> _Page:
    """A row is about the contact that has the first of its numbers that anybody has, or else about a new one.

    Within an import every number is in one row only (``verdicts.Seen``). Two rows may still be about one contact, that
    has both their numbers: the later one overwrites, the earlier one fills.
    """
    account_id, policy = record["account_id"], record["policy"]
    known = owners_of(cursor, account_id, [number for row in rows for number in row["numbers"]])
    fresh_ids = iter([row["id"] for row in queries.rows(cursor, _NEW_IDS, {"count": len(rows)})])
    page = _Page()
    for row in rows:
        contact_id = next((known[number] for number in row["numbers"] if number in known), None)
        page.moved += (contact_id is not None) - (row["verdict"] == "updated")
        if contact_id is None:
            contact_id = next(fresh_ids)
            texts = "\t".join([copying.text(value) for value in domain.text_values(row["fields"])])
            page.contacts.append(f"{contact_id}\t{account_id}\t{texts}")
            page.phones += _phones(account_id, contact_id, row["numbers"], primary=row["numbers"][0])
        elif policy != "skip":
            new = [number for number in row["numbers"] if number not in known]
            page.phones += _phones(account_id, contact_id, new)
            before = page.changes.get(contact_id, {})
            page.changes[contact_id] = (
                before | row["fields"] if policy == "overwrite" else row["fields"] | before
            )
        page.members.append((contact_id, row["fields"]))
    return page


def _phones(
    account_id: int, contact_id: int, numbers: Iterable[int], primary: int | None = None
) -> list[str]:
    return [
        f"{account_id}\t{number}\t{contact_id}\t{'t' if number == primary else 'f'}" for number in numbers
    ]


def _store(cursor: Any, record: dict[str, Any], page: _Page) -> None:
    copying.put(cursor, _CONTACTS, page.contacts)
    copying.put(cursor, _PHONES, page.phones)
    if page.changes:
        _change(cursor, record["policy"], page.changes)
    _join_groups(cursor, record, page.members)


def _change(cursor: Any, policy: str, changes: dict[int, dict[str, str]]) -> None:
    """Merge the file's values into contacts that are there; those that stay as they were are not written."""
    merged = ", ".join(_MERGED[policy].format(name=name) for name in domain.TEXT_FIELDS)
    current = ", ".join(f"c.{name}" for name in domain.TEXT_FIELDS)
    arrays = ", ".join(f"%({name})s::text[]" for name in domain.TEXT_FIELDS)
    sql = f"""
        UPDATE contacts c SET ({_COLUMNS}) = ROW ({merged}), version = c.version + 1, updated_at = now()
        FROM unnest(%(ids)s::bigint[], {arrays}) n (id, {_COLUMNS})
        WHERE c.id = n.id AND ROW ({current}) IS DISTINCT FROM ROW ({merged})
    """
    columns = {name: [values.get(name) for values in changes.values()] for name in domain.TEXT_FIELDS}
    queries.run(cursor, sql, columns | {"ids": list(changes)})


def _join_groups(cursor: Any, record: dict[str, Any], members: list[tuple[int, dict[str, str]]]) -> None:
    """Into the groups of the import, and into those that the row names."""
    account_id = record["account_id"]
    own = queries.rows(cursor, _OWN_GROUPS, {"account_id": account_id, "ids": record["group_ids"]})
    common = [row["id"] for row in own]
    named = _named_groups(cursor, account_id, {fields["group"] for _, fields in members if "group" in fields})
    pairs = {
        (group_id, contact_id)
        for contact_id, fields in members
        for group_id in (*common, *named.get(fields.get("group", ""), ()))
    }
    if pairs:
        groups, contacts = zip(*sorted(pairs), strict=True)
        queries.run(cursor, _JOIN_GROUPS, {"groups": list(groups), "contacts": list(contacts)})


def _named_groups(cursor: Any, account_id: int, texts: set[str]) -> dict[str, list[int]]:
    """The groups that each text of the group column names, made where they are not there."""
    if not texts:
        return {}
    names_of = {text: domain.group_names(text) for text in texts}
    names = sorted({name for named in names_of.values() for name in named})
    params = {"account_id": account_id, "names": names, "most": MAX_GROUPS}
    queries.run(cursor, _MAKE_GROUPS, params)
    ids = {row["name"]: row["id"] for row in queries.rows(cursor, _FIND_GROUPS, params)}
    return {text: [ids[name] for name in named if name in ids] for text, named in names_of.items()}
