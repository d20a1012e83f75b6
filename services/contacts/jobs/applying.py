"""The second half of an import: staged rows become contacts, a page and its cursor in one transaction, two pages at a time.

What belongs to whom is decided in Python on what one look at the account's numbers says, and written by COPY: one large
statement was as fast, until the statistics of a growing table made it read all numbers of the account for every row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, NamedTuple

from servicekit import context, crashpoints, logs

from .. import domain, queries
from ..importing.pages import Page, fields_of, line_of
from ..queries.contacts import owners_of
from ..use_cases import import_ends, lock_contacts, suppressions
from ..use_cases.naming import groups_named
from . import Claim, LostJob, copying, stored
from .turns import Turns

log = logs.get(__name__)

# The sequence by its name: asking the catalogue for it cost 4 µs a row.
_NEW_IDS = "SELECT nextval('contacts_id_seq') FROM generate_series(1, %(count)s)"

_COLUMNS = ", ".join(domain.TEXT_FIELDS)
_CONTACTS = f"contacts (id, account_id, {_COLUMNS})"
_PHONES = "phones (account_id, msisdn, contact_id, is_primary)"
_MEMBERS = "group_members (group_id, contact_id)"

_HELD = """
SELECT n.id, (SELECT count(*) FROM phones p WHERE p.contact_id = n.id) AS numbers FROM unnest(%(ids)s::bigint[]) n (id)
"""

_JOIN_GROUPS = """
INSERT INTO group_members (group_id, contact_id)
SELECT * FROM unnest(%(groups)s::bigint[], %(contacts)s::bigint[]) ON CONFLICT DO NOTHING
"""

# A table of the session, empty again after each commit: as arrays in a statement the texts took twice as long.
_CHANGES = f"""
CREATE TEMPORARY TABLE IF NOT EXISTS import_changes (id bigint, {", ".join(f"{name} text" for name in domain.TEXT_FIELDS)})
ON COMMIT DELETE ROWS
"""
_CHANGED = f"import_changes (id, {_COLUMNS})"

# By the key of contacts, whatever the statistics of a growing table say.
_BY_KEY = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"

_MERGED = {
    "fill": "CASE WHEN c.{name} = '' THEN n.{name} ELSE c.{name} END",
    "overwrite": "CASE WHEN n.{name} = '' THEN c.{name} ELSE n.{name} END",
}

_ADVANCE = """
UPDATE imports SET applied_row = %(last_row)s, applied = applied + %(applied)s, accepted = accepted - %(moved)s,
    updated = updated + %(moved)s, attempts = 0, updated_at = now()
WHERE id = %(id)s
"""

_OWN_GROUPS = "SELECT id FROM groups WHERE account_id = %(account_id)s AND id = ANY(%(ids)s)"

_DONE = "UPDATE imports SET state = 'done', updated_at = now() WHERE id = %(id)s"


class _Known(NamedTuple):
    """An accepted row about a contact that is there: the contact, the row's line of texts, its numbers nobody has."""

    contact_id: int
    line: str
    new_numbers: list[int]


def apply(claim: Claim) -> None:
    """Store all staged rows of a running import, then it is done. Raises LostJob and Stopping between two pages.

    Two pages are stored at a time, on a connection each, and committed in the order of the file: PostgreSQL works a page
    off on one core. The cursor stays what it was, the last row up to which everything is stored.
    """
    with claim.connection, claim.connection.cursor() as cursor:
        record = claim.begin(cursor, "running")
        ends = stored.ends(cursor, claim.import_id, record["applied_row"])
    context.correlation_id()  # one for both threads
    work, streams = _Work(claim, record, ends, Turns()), (claim.connection, claim.beside)
    with ThreadPoolExecutor(len(streams), "import-pages") as pool:
        tasks = [
            pool.submit(copy_context().run, _apply_pages, work, connection, range(n, len(ends), len(streams)))
            for n, connection in enumerate(streams)
        ]
    failed = [outcome for outcome in (task.result() for task in tasks) if outcome is not None]
    if failed:
        raise min(failed, key=lambda failure: failure[0])[1]  # those of later pages follow from it
    _finish(claim)


class _Work(NamedTuple):
    """An import that is being stored: its row as it was at the start, the last row of each page that is left."""

    claim: Claim
    record: dict[str, Any]
    ends: list[int]
    turns: Turns


def _apply_pages(work: _Work, connection: Any, places: Iterable[int]) -> tuple[int, BaseException] | None:
    """Pages one after the other; where and why it ended early."""
    for place in places:
        try:
            work.claim.go_on()
            _apply_page(work, connection, place)
        except BaseException as failure:  # noqa: BLE001  raised by ``apply``, once the other thread is over as well
            work.turns.give_up(place)
            return place, failure
    return None


def _apply_page(work: _Work, connection: Any, place: int) -> None:
    """Store one page and move the cursor, in one transaction that commits after those of the pages before."""
    claim, record, turns = work.claim, work.record, work.turns
    account_id, after = record["account_id"], (work.ends[place - 1] if place else record["applied_row"])
    with connection, connection.cursor() as cursor:
        found = stored.page_of(cursor, claim.import_id, work.ends[place])
        page = found.page
        # In order: a writer that waits for this lock lets nobody by, and would come between a page and the one after
        # it, which holds the lock already and waits for the page to be committed.
        turns.wait("begin", place)
        lock_contacts(cursor, account_id, shared=True)
        ids = _new_ids(cursor, len(page.numbers))
        turns.passed("begin", place)
        owners = _store(cursor, work, place, page, ids)
        turns.wait("commit", place)
        suppressions.revive(cursor, account_id, page.all_numbers)
        if record["blacklist"]:
            suppressions.put(cursor, account_id, page.all_numbers, "", f"import {claim.import_id}")
        if claim.step(cursor, "running")["applied_row"] != after:
            raise LostJob(f"import {claim.import_id}: somebody else stored a page")
        progress = {"applied": len(page.numbers), "moved": len(owners) - found.updated}
        queries.run(cursor, _ADVANCE, progress | {"id": claim.import_id, "last_row": page.last_row})
        crashpoints.reach("contacts-worker.applied")
    turns.passed("commit", place)


def _finish(claim: Claim) -> None:
    with claim.connection, claim.connection.cursor() as cursor:
        record = claim.begin(cursor, "running")
        queries.run(cursor, _DONE, {"id": claim.import_id})
        import_ends.tell(cursor, record, "done")
    log.info("import_done", import_id=claim.import_id)


def _store(cursor: Any, work: _Work, place: int, page: Page, ids: list[int]) -> dict[int, int]:
    """Store the page's rows; which of them were about contacts that were there (``Page.owners``).

    Within an import every number is in one row only (``verdicts.Seen``), so new contacts of two pages never meet. Two rows
    may still be about one contact, that has both their numbers (the later one overwrites, the earlier one fills), or name
    one group: such a page waits for those before it.
    """
    record = work.record
    account_id = record["account_id"]
    known = owners_of(cursor, account_id, page.all_numbers)
    owners = page.owners(known)
    if owners or page.groups:
        work.turns.wait("commit", place)
    contacts = {index: id for index, id in enumerate(ids) if index not in owners}
    lines, further = page.lines, dict(page.more)
    copying.put(cursor, _CONTACTS, [f"{id}\t{account_id}\t{lines[index]}" for index, id in contacts.items()])
    copying.put(
        cursor, _PHONES, [f"{account_id}\t{page.numbers[index]}\t{id}\tt" for index, id in contacts.items()]
    )
    more = [(id, number) for index, id in contacts.items() if index in further for number in further[index]]
    if record["policy"] != "skip" and owners:
        there = [
            _Known(owner, lines[index], _unknown(page.numbers[index], further.get(index, ()), known))
            for index, owner in sorted(owners.items())
        ]
        more += _with_room(cursor, there)
        _change(cursor, record["policy"], there)
    copying.put(cursor, _PHONES, [f"{account_id}\t{number}\t{id}\tf" for id, number in more])
    _join_groups(cursor, record, page, contacts, owners)
    return owners


def _new_ids(cursor: Any, count: int) -> list[int]:
    cursor.execute(_NEW_IDS, {"count": count})
    return [id for (id,) in cursor.fetchall()]


def _unknown(first: int, further: Iterable[int], known: Mapping[int, int]) -> list[int]:
    return [number for number in (first, *further) if number not in known]


def _with_room(cursor: Any, there: Iterable[_Known]) -> list[tuple[int, int]]:
    """(contact, number) for each number that a contact gets: as many as it may have, in the order of the file."""
    wanted = [(one.contact_id, number) for one in there for number in one.new_numbers]
    ids = sorted({contact_id for contact_id, _ in wanted})
    held = queries.rows(cursor, _HELD, {"ids": ids}) if ids else []
    room = {one["id"]: domain.MAX_NUMBERS_PER_CONTACT - one["numbers"] for one in held}
    taken: list[tuple[int, int]] = []
    for contact_id, number in wanted:
        if room[contact_id] > 0:
            room[contact_id] -= 1
            taken.append((contact_id, number))
    if len(taken) < len(wanted):
        log.info("import_numbers_left_out", count=len(wanted) - len(taken))
    return taken


def _change(cursor: Any, policy: str, there: list[_Known]) -> None:
    """Merge the file's values into contacts that are there; those that stay as they were are not written."""
    changes: dict[int, str] = {}
    for contact_id, line, _ in there:
        before = changes.get(contact_id)
        changes[contact_id] = line if before is None else _merged(policy, before, line)
    merged = ", ".join(_MERGED[policy].format(name=name) for name in domain.TEXT_FIELDS)
    current = ", ".join(f"c.{name}" for name in domain.TEXT_FIELDS)
    cursor.execute(_CHANGES)
    copying.put(cursor, _CHANGED, [f"{contact_id}\t{line}" for contact_id, line in changes.items()])
    cursor.execute(_BY_KEY)
    cursor.execute(f"""
        UPDATE contacts c SET ({_COLUMNS}) = ROW ({merged}), version = c.version + 1, updated_at = now()
        FROM import_changes n WHERE c.id = n.id AND ROW ({current}) IS DISTINCT FROM ROW ({merged})
    """)


def _merged(policy: str, before: str, line: str) -> str:
    """Two lines about one contact as one."""
    first, second = fields_of(before), fields_of(line)
    return line_of(first | second if policy == "overwrite" else second | first)


def _join_groups(
    cursor: Any, record: dict[str, Any], page: Page, new: Mapping[int, int], owners: Mapping[int, int]
) -> None:
    """Into the groups of the import, and into those that the row names. New contacts are in none yet: no conflict."""
    account_id = record["account_id"]
    own = queries.rows(cursor, _OWN_GROUPS, {"account_id": account_id, "ids": record["group_ids"]})
    common = [row["id"] for row in own]
    named = _named_groups(cursor, account_id, {text for _, text in page.groups})
    pairs = [(group_id, contact_id) for group_id in common for contact_id in new.values()]
    joining = {(group_id, contact_id) for group_id in common for contact_id in owners.values()}
    for index, text in page.groups:
        groups = [group_id for group_id in named[text] if group_id not in common]
        if index in new:
            pairs += [(group_id, new[index]) for group_id in groups]
        else:
            joining.update((group_id, owners[index]) for group_id in groups)
    copying.put(cursor, _MEMBERS, [f"{group_id}\t{contact_id}" for group_id, contact_id in pairs])
    if joining:
        group_ids, contact_ids = zip(*sorted(joining), strict=True)
        queries.run(cursor, _JOIN_GROUPS, {"groups": list(group_ids), "contacts": list(contact_ids)})


def _named_groups(cursor: Any, account_id: int, texts: set[str]) -> dict[str, list[int]]:
    """The groups that each text of the group column names, made where they are not there."""
    names_of = {text: domain.group_names(text) for text in texts}
    ids = groups_named(cursor, account_id, {name for named in names_of.values() for name in named})
    return {text: [ids[name] for name in named if name in ids] for text, named in names_of.items()}
