"""Groups by their names, made where they are not there: for imports, whose files and callers name them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .. import queries

MAX_GROUPS = 5_000
"""Groups an account may have for more to be made in passing."""

_MAKE = """
INSERT INTO groups (account_id, name)
SELECT DISTINCT ON (contacts_fold(n.name)) %(account_id)s, n.name FROM unnest(%(names)s::text[]) n (name)
WHERE (SELECT count(*) FROM groups WHERE account_id = %(account_id)s) < %(most)s
ON CONFLICT (account_id, name_key) DO NOTHING
"""

_FIND = """
SELECT n.name, g.id FROM unnest(%(names)s::text[]) n (name)
JOIN groups g ON g.account_id = %(account_id)s AND g.name_key = contacts_fold(n.name)
"""


def groups_named(session: Any, account_id: int, names: Collection[str]) -> dict[str, int]:
    """The account's group of each name, whatever its case and accents; new ones are empty.

    A name is left out only when the account has 5,000 groups already. The caller holds ``lock_contacts``.
    """
    if not names:
        return {}
    params = {"account_id": account_id, "names": sorted(names), "most": MAX_GROUPS}
    queries.run(session, _MAKE, params)
    return {row["name"]: row["id"] for row in queries.rows(session, _FIND, params)}
