"""One action on many contacts: a selection, or all that match a filter."""

from __future__ import annotations

from typing import Any

from .. import domain, queries, schemas
from ..errors import InvalidFields, SelectionTooLarge
from ..queries import contacts as read
from . import groups, lock_contacts, suppressions

_NUMBERS = """
SELECT p.msisdn FROM phones p JOIN contacts c ON c.id = p.contact_id
WHERE c.account_id = %(account_id)s AND c.id = ANY(%(ids)s)
"""

_DELETE = "DELETE FROM contacts WHERE account_id = %(account_id)s AND id = ANY(%(ids)s)"


def bulk(session: Any, account_id: int, action: Any, selection: Any, params: Any) -> dict[str, Any]:
    """Do ``action`` (``domain.BULK_ACTIONS``): ``{matched, changed}``, contacts and what changed for them.

    Blacklisting takes all numbers of a contact. Raises InvalidFields, UnknownGroup, and SelectionTooLarge when
    more than 50,000 contacts match: then nothing is done.
    """
    chosen, wanted = _checked(action, selection, params)
    lock_contacts(session, account_id)
    queries.require_groups(session, account_id, wanted["group_ids"])
    ids = read.selected(session, account_id, chosen, domain.MAX_SELECTION)
    if len(ids) > domain.MAX_SELECTION:
        raise SelectionTooLarge(f"More than {domain.MAX_SELECTION} contacts match; narrow the filter.")
    return {"matched": len(ids), "changed": _act(session, account_id, action, ids, wanted)}


def _checked(action: Any, selection: Any, params: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    if action not in domain.BULK_ACTIONS:
        raise _invalid("/action", "unknown_action", f"one of {', '.join(domain.BULK_ACTIONS)}")
    chosen = schemas.load(schemas.Selection, selection)
    if len(chosen) != 1:
        raise _invalid("/selection", "ids_or_filter", "either ids or filter")
    wanted = schemas.load(schemas.BulkParams, params or {})
    if action.endswith("_groups") and not wanted["group_ids"]:
        raise _invalid("/group_ids", "required", "which groups")
    return chosen, wanted


def _act(session: Any, account_id: int, action: str, ids: list[int], wanted: dict[str, Any]) -> int:
    if action == "add_to_groups":
        return groups.add_to_groups(session, account_id, wanted["group_ids"], ids)
    if action == "remove_from_groups":
        return groups.remove_from_groups(session, account_id, wanted["group_ids"], ids)
    params = {"account_id": account_id, "ids": ids}
    if action == "delete":
        return queries.run(session, _DELETE, params)
    numbers = [found["msisdn"] for found in queries.rows(session, _NUMBERS, params)]
    if action == "blacklist":
        return suppressions.put(session, account_id, numbers, wanted["reason"], "bulk")
    return suppressions.lift(session, account_id, numbers)


def _invalid(pointer: str, code: str, detail: str) -> InvalidFields:
    return InvalidFields(detail, [{"pointer": pointer, "code": code, "detail": detail}])
