"""Requests to be left alone, and what an account does with them; read."""

from __future__ import annotations

from typing import Any

from .. import domain, schemas
from ..errors import UnknownOptOut
from . import page, row, rows

_COLUMNS = """
id, msisdn::text AS number, channel, campaign_id, wording AS text, state, automatic, reason, requested_at, decided_at
"""

_LIST = f"""
SELECT {_COLUMNS} FROM opt_outs WHERE account_id = %(account_id)s AND id < %(before)s
    AND (%(state)s::text IS NULL OR state = %(state)s) AND (%(msisdn)s::bigint IS NULL OR msisdn = %(msisdn)s)
ORDER BY id DESC LIMIT %(limit)s
"""

_ONE = f"SELECT {_COLUMNS} FROM opt_outs WHERE account_id = %(account_id)s AND id = %(id)s"

_SETTINGS = "SELECT auto_approve, version FROM opt_out_settings WHERE account_id = %(account_id)s"


def list_opt_outs(
    session: Any, account_id: int, state: str | None, number: str | None, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of requests, newest first, in one state or of one number or all. Raises BadCursor, InvalidFields."""
    wanted = schemas.load(schemas.OptOutFilter, {"state": state, "number": number})
    limit = domain.page_size(limit)
    before = domain.read_cursor(cursor) or domain.MAX_ID
    params = {"account_id": account_id, "state": wanted["state"], "msisdn": wanted["number"]}
    data, following = page(rows(session, _LIST, params | {"before": before, "limit": limit + 1}), limit)
    return {"data": [_shown(one) for one in data], "next_cursor": following}


def opt_out(session: Any, account_id: int, opt_out_id: int) -> dict[str, Any]:
    """One request. Raises UnknownOptOut."""
    found = None
    if domain.is_id(opt_out_id):
        found = row(session, _ONE, {"account_id": account_id, "id": opt_out_id})
    if found is None:
        raise UnknownOptOut("There is no such request.")
    return _shown(found)


def settings(session: Any, account_id: int) -> dict[str, Any]:
    """``{auto_approve, version}``; until somebody changes it requests are approved at once."""
    return row(session, _SETTINGS, {"account_id": account_id}) or {"auto_approve": True, "version": 0}


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    return found | {
        "requested_at": schemas.iso(found["requested_at"]),
        "decided_at": schemas.iso(found["decided_at"]),
    }
