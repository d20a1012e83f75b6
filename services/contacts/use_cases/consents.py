"""Consents: the record on a contact's card of when, how and in what words a number agreed to get messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from servicekit import context

from .. import domain, queries, schemas
from ..errors import InvalidFields, UnknownContact
from ..queries import contacts as read
from . import audit, lock_contacts

_INSERT = """
INSERT INTO consents (account_id, msisdn, how, wording, source, at, actor)
VALUES (%(account_id)s, %(msisdn)s, %(how)s, %(wording)s, %(source)s, coalesce(%(at)s, now()), %(actor)s)
RETURNING id
"""

_COLUMNS = "id, msisdn::text AS number, how, wording, source, at, actor, recorded_at"

_LIST = f"""
SELECT {_COLUMNS} FROM consents
WHERE account_id = %(account_id)s AND id < %(before)s AND msisdn IN (
    SELECT msisdn FROM phones WHERE account_id = %(account_id)s AND contact_id = %(contact_id)s)
ORDER BY id DESC LIMIT %(limit)s
"""

_ONE = f"SELECT {_COLUMNS} FROM consents WHERE id = %(id)s"

_OWN_NUMBERS = """
SELECT msisdn FROM phones WHERE account_id = %(account_id)s AND contact_id = %(contact_id)s ORDER BY is_primary DESC
"""


def record(
    session: Any, account_id: int, msisdn: int, how: str, wording: str, source: str, at: datetime | None
) -> int:
    """Write down that the owner of ``msisdn`` agreed, at ``at`` (None: now); the record's id. It is never changed.

    ``how`` is a word (``sms``, ``form``, ``phone``, ``paper``), ``wording`` what was said or signed, ``source`` where
    that can be looked up (a message's id, a page, a file). The caller has checked the lengths.
    """
    params = {"account_id": account_id, "msisdn": msisdn, "how": how, "wording": wording, "source": source}
    return int(queries.value(session, _INSERT, params | {"at": at, "actor": context.actor()}))


def record_consent(session: Any, account_id: int, contact_id: int, data: Any) -> dict[str, Any]:
    """Write down a consent on a contact's card, of ``number`` or else of its primary one.

    Raises InvalidFields, UnknownContact.
    """
    wanted = schemas.load(schemas.NewConsent, data)
    lock_contacts(session, account_id, shared=True)  # who is being erased has no number in a moment
    params = {"account_id": account_id, "contact_id": contact_id}
    own = [found["msisdn"] for found in queries.rows(session, _OWN_NUMBERS, params)]
    if not own:
        raise UnknownContact("There is no such contact.")
    msisdn = wanted.get("number", own[0])
    if msisdn not in own:
        error = {
            "pointer": "/number",
            "code": "not_of_this_contact",
            "detail": "not a number of this contact",
        }
        raise InvalidFields("The contact does not have this number.", [error])
    _refuse_later(session, wanted["at"])
    words = (wanted["how"], wanted["wording"], wanted["source"])
    consent_id = record(session, account_id, msisdn, *words, wanted["at"])
    audit.note(session, account_id, "consent.recorded", f"contact:{contact_id}", how=wanted["how"])
    found = queries.row(session, _ONE, {"id": consent_id})
    assert found is not None
    return _shown(found)


def _refuse_later(session: Any, at: datetime | None) -> None:
    """Nobody has agreed tomorrow; a few minutes are the caller's clock."""
    if at is not None and queries.value(session, "SELECT %(at)s > now() + interval '5 minutes'", {"at": at}):
        error = {"pointer": "/at", "code": "in_the_future", "detail": "is later than now"}
        raise InvalidFields("A consent is written down after it was given.", [error])


def list_consents(
    session: Any, account_id: int, contact_id: int, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of the consents of a contact's numbers, newest first. Raises UnknownContact, BadCursor."""
    read.get_contact(session, account_id, contact_id)
    limit = domain.page_size(limit)
    params = {"account_id": account_id, "contact_id": contact_id, "limit": limit + 1}
    found = queries.rows(session, _LIST, params | {"before": domain.read_cursor(cursor) or domain.MAX_ID})
    data, following = queries.page(found, limit)
    return {"data": [_shown(one) for one in data], "next_cursor": following}


def _shown(consent: dict[str, Any]) -> dict[str, Any]:
    times = {"at": schemas.iso(consent["at"]), "recorded_at": schemas.iso(consent["recorded_at"])}
    return consent | times
