"""Billing profiles: who an account's receipts are made out to. Kept here and not in accounts, because the tax of an order
is reckoned from it in the order's own transaction, and what stands on a receipt must be what was taxed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from servicekit.database import cursor_of

from .. import audit
from ..errors import InvalidFields
from . import countries, tax
from .errors import ProfileChanged
from .models import BillingProfile

FIELDS = ("name", "address", "city", "postcode", "country", "vat_number", "tax_office", "email")


def get(session: Any, account_id: int) -> dict[str, Any]:
    """The profile with its ``version``; where none was written, a private person in Greece (version 0)."""
    found = session.get(BillingProfile, account_id)
    if found is not None:
        return _shown(found)
    nothing = {
        "address": "",
        "city": "",
        "postcode": "",
        "vat_number": None,
        "tax_office": None,
        "email": None,
    }
    return {"name": _name_of(session, account_id), **nothing, "country": tax.HOME, "version": 0}


def put(session: Any, account_id: int, wanted: dict[str, Any], version: int | None) -> dict[str, Any]:
    """Replace the profile. Orders keep the one they were made with.

    Raises ProfileChanged when ``version`` is not the current one (None: whatever it is), InvalidFields for a VAT number
    that is not of the country's form.
    """
    cursor_of(session).execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('billing_profile', %s))", (account_id,)
    )  # a row that is not there yet cannot be locked
    profile = session.scalar(
        select(BillingProfile).where(BillingProfile.account_id == account_id).with_for_update()
    )
    if version is not None and version != (profile.version if profile else 0):
        raise ProfileChanged("The billing profile was changed since it was read.")
    values = {**wanted, "vat_number": _vat_number(wanted)}
    if profile is None:
        profile = BillingProfile(account_id=account_id, version=0)
        session.add(profile)
    for name in FIELDS:
        setattr(profile, name, values[name])
    profile.version += 1
    profile.updated_at = func.now()
    session.flush()
    audit.note(
        session,
        "billing_profile_changed",
        account_id,
        country=profile.country,
        vat_number=profile.vat_number,
        version=profile.version,
    )
    return _shown(profile)


def locale_of(session: Any, account_id: int) -> str:
    """The account's language as last told; Greek before that."""
    cursor = cursor_of(session)
    cursor.execute("SELECT locale FROM accounts WHERE account_id = %s", (account_id,))
    row = cursor.fetchone()
    return str(row[0]) if row else "el"


def _vat_number(wanted: dict[str, Any]) -> str | None:
    if not wanted["vat_number"]:
        return None
    try:
        return tax.vat_number(wanted["vat_number"], wanted["country"])
    except tax.BadVatNumber as error:
        fault = {"pointer": "/vat_number", "code": "invalid_vat_number", "detail": str(error)}
        raise InvalidFields("The VAT number is not valid.", [fault]) from None


def _name_of(session: Any, account_id: int) -> str:
    cursor = cursor_of(session)
    cursor.execute("SELECT name FROM accounts WHERE account_id = %s", (account_id,))
    row = cursor.fetchone()
    return str(row[0]) if row else ""


def _shown(profile: BillingProfile) -> dict[str, Any]:
    shown = {name: getattr(profile, name) for name in FIELDS}
    return {**shown, "country": countries.usual(profile.country), "version": profile.version}
