"""What a filter asks of contacts, as SQL: to be tested on each of them, or to fetch those that match.

Words and digits are looked for in ``search_entries``, which follows the contacts (``jobs.sorting``). Contacts that a statement
has changed since are noted in ``search_changes`` and read themselves, so an answer is always that of the contacts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import domain
from . import require_groups

CONTACT_NAME_KEY = 'contacts_name_key(c.last_name, c.first_name) COLLATE "C"'

# Seen from the few that are blacklisted when fetching, from each contact when testing.
_IS_BLACKLISTED = """EXISTS (
    SELECT FROM phones p JOIN suppressions s ON s.account_id = p.account_id AND s.msisdn = p.msisdn AND s.active
    WHERE p.contact_id = c.id)"""
_THE_BLACKLISTED = """c.id IN (
    SELECT p.contact_id FROM suppressions s JOIN phones p ON p.account_id = s.account_id AND p.msisdn = s.msisdn
    WHERE s.account_id = %(account_id)s AND s.active)"""

_IN_GROUP = "EXISTS (SELECT FROM group_members m WHERE m.group_id = %(group_id)s AND m.contact_id = c.id)"
_THE_GROUP = "c.id IN (SELECT m.contact_id FROM group_members m WHERE m.group_id = %(group_id)s)"

# No EXISTS: that may be planned as one look at the numbers of all accounts.
_HAS_DIGITS = """coalesce(
    (SELECT true FROM phones p WHERE p.contact_id = c.id AND {in_number} LIMIT 1), false)"""

_CHANGED = """(SELECT coalesce(range_agg(int8range(first_id, last_id, '[]')), int8multirange()) FROM search_changes
    WHERE account_id = %(account_id)s)"""

# OFFSET 0 keeps each range of changed contacts a walk along the index, whatever the statistics of a growing table say.
_ENTRIES = f"""
    SELECT c.contact_id AS id, c.name_key, c.created_at FROM search_entries c
    WHERE c.account_id = %(account_id)s AND {{in_entries}} AND NOT c.contact_id <@ {_CHANGED}
    UNION ALL
    SELECT c.id, {CONTACT_NAME_KEY}, c.created_at FROM unnest({_CHANGED}) r
    CROSS JOIN LATERAL ({{changed}}) found
    CROSS JOIN LATERAL (SELECT c.* FROM contacts c WHERE c.id = found.id OFFSET 0) c"""
_CHANGED_WORDS = """
    SELECT c.id FROM contacts c
    WHERE c.account_id = %(account_id)s AND c.id >= lower(r) AND c.id < upper(r) AND {words}"""
_CHANGED_DIGITS = """
    SELECT p.contact_id FROM phones p WHERE p.contact_id >= lower(r) AND p.contact_id < upper(r)
        AND p.account_id = %(account_id)s AND {in_number}"""


@dataclass
class Conditions:
    """What a filter asks of contacts ``c``. ``tests`` but for the words; ``fetching`` are the same, seen from what is rare."""

    tests: list[str] = field(default_factory=list)
    fetching: list[str] = field(default_factory=list)
    bounds: list[str] = field(default_factory=list)
    words: str = ""
    entries: str = ""
    """A SELECT of id, name_key and created_at of all contacts that have the words; empty when none are asked for."""
    params: dict[str, Any] = field(default_factory=dict)

    def add(self, test: str, fetching: str | None = None) -> None:
        """Both forms of one condition."""
        self.tests.append(test)
        self.fetching.append(fetching or test)

    @property
    def everything(self) -> str:
        """For a WHERE that takes all that match."""
        found = [f"c.id IN (SELECT id FROM ({self.entries}) f)"] if self.entries else []
        return " AND ".join(["c.account_id = %(account_id)s", *self.bounds, *self.fetching, *found])


def conditions(session: Any, account_id: int, wanted: Mapping[str, Any]) -> Conditions:
    """What a checked ``schemas.Filter`` asks for. Raises UnknownGroup."""
    found = Conditions(params={"account_id": account_id})
    if wanted["group_id"] is not None:
        require_groups(session, account_id, [wanted["group_id"]])
        found.params["group_id"] = wanted["group_id"]
        found.add(_IN_GROUP, _THE_GROUP)
    if wanted["search"]:
        _add_search(found, wanted["search"])
    if wanted["blacklisted"] is not None:
        if wanted["blacklisted"]:
            found.add(_IS_BLACKLISTED, _THE_BLACKLISTED)
        else:
            found.add(f"NOT {_IS_BLACKLISTED}")
    for name, sign in (("created_from", ">="), ("created_until", "<")):
        if wanted[name] is not None:
            found.bounds.append(f"c.created_at {sign} %({name})s")
            found.params[name] = wanted[name]
    return found


def _add_search(found: Conditions, term: str) -> None:
    words = domain.search_words(term)
    patterns = {f"word_{n}": domain.like(word) for n, word in enumerate(words) if len(word) >= 3}
    starts = {f"word_{n}": domain.like(word)[1:] for n, word in enumerate(words) if len(word) < 3}
    found.params.update(patterns | starts)
    tests = [f"c.search LIKE contacts_fold(%({name})s)" for name in patterns]
    # Too short for a trigram: looked for where a word begins, which the index can find.
    tests += [
        f"(c.search LIKE contacts_fold(%({name})s) OR c.search LIKE '%% ' || contacts_fold(%({name})s))"
        for name in starts
    ]
    found.words = in_entries = " AND ".join(tests) or "false"
    changed = [_CHANGED_WORDS.format(words=found.words)]
    digits = {f"digits_{n}": f"%{one}%" for n, one in enumerate(domain.digits_within(term))}
    if digits:
        found.params.update(digits)
        in_entries = f"({found.words} OR {_like('c.digits', digits)})"
        in_number = _like("p.msisdn::text", digits)
        changed.append(_CHANGED_DIGITS.format(in_number=in_number))
        found.words = f"({found.words} OR {_HAS_DIGITS.format(in_number=in_number)})"
    found.entries = _ENTRIES.format(in_entries=in_entries, changed=" UNION ".join(changed) + " OFFSET 0")


def _like(column: str, names: Iterable[str]) -> str:
    """One for each pattern: no index knows LIKE ANY."""
    return "(" + " OR ".join(f"{column} LIKE %({name})s" for name in names) + ")"
