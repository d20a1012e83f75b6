"""Everything about a number, handed out."""

from __future__ import annotations

from typing import Any

from servicekit import pseudonyms

from .. import domain, queries, schemas
from ..queries import about as read
from ..queries import contacts
from . import audit


def about(session: Any, account_id: int, number: str) -> dict[str, Any]:
    """All that contacts knows about a number; ``known`` is whether that is anything. Raises UnknownNumber."""
    found = _about(session, account_id, number)
    if found["known"]:
        pseudonym = pseudonyms.of(account_id, int(found["number"]))
        audit.note(session, account_id, "number.disclosed", f"number:{pseudonym}")
    return found


def knows(session: Any, account_id: int, number: str) -> dict[str, Any]:
    """``{number, known}``: whether anything is known about a number, disclosing nothing of it. Raises UnknownNumber."""
    found = _about(session, account_id, number)
    return {name: found[name] for name in ("number", "known")}


def _about(session: Any, account_id: int, number: str) -> dict[str, Any]:
    msisdn = read.msisdn_of(number)
    person = read.person(session, account_id, msisdn)
    own = person | {"msisdns": [msisdn]}
    found = {
        "contact": contacts.get_contact(session, account_id, person["ids"][0]) if person["ids"] else None,
        "deleted_contacts": [
            {"contact": _bare(one["contact"]), "numbers": [str(each) for each in one["numbers"]]}
            for one in queries.rows(session, read.DELETED, own)
        ],
        "consents": _timed(queries.rows(session, read.CONSENTS, own)),
        "blacklist": [
            {name: one[name] for name in ("active", "reason", "source", "at")}
            for one in _timed(queries.rows(session, read.SUPPRESSION, own))
        ],
        "opt_outs": _timed(queries.rows(session, read.OPT_OUTS, own)),
        "audiences": [
            one | {"fields": _named(one["fields"])} for one in _timed(read.audiences(session, own))
        ],
    }
    return {"number": str(msisdn), "known": any(found.values()), **found}


def _bare(contact: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in contact.items() if name != "account_id"}


def _named(fields: list[str] | None) -> dict[str, str] | None:
    """What travelled with a recipient, by name and without what is empty; None for a number without contact."""
    if fields is None:
        return None
    return {name: value for name, value in zip(domain.MEMBER_FIELDS, fields, strict=True) if value}


def _timed(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    times = ("at", "recorded_at", "requested_at", "decided_at", "frozen_at")
    return [one | {name: schemas.iso(one[name]) for name in times if name in one} for one in found]
