"""Whom an unsubscribe link stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import domain, links
from ..errors import UnknownLink
from . import row, value

_FIND = f"""
SELECT account_id, campaign_id, msisdns[%(index)s] AS msisdn FROM link_pages
WHERE snapshot_id = %(snapshot_id)s AND page = %(page)s AND frozen_at > now() - interval '{domain.LINK_MONTHS} months'
"""


@dataclass(frozen=True)
class Recipient:
    """A number to which a campaign of an account went; the pseudonym of one that was erased since."""

    account_id: int
    campaign_id: int
    msisdn: int

    @property
    def is_erased(self) -> bool:
        """Whether ``msisdn`` is a pseudonym: these are negative."""
        return self.msisdn < 0


def key(session: Any) -> bytes:
    """The key of all tokens."""
    return bytes(value(session, "SELECT key FROM link_keys", {}))


def recipient(session: Any, token: Any) -> Recipient:
    """Who got the link with ``token``. Raises UnknownLink when nobody did, or too long ago."""
    place = links.place(key(session), token) if isinstance(token, str) else None
    if place is None or place[1] < 1:
        raise UnknownLink("There is no such link.")
    page, index = divmod(place[1] - 1, domain.LINK_PAGE)
    found = row(session, _FIND, {"snapshot_id": place[0], "page": page, "index": index + 1})
    if found is None or not found["msisdn"]:
        raise UnknownLink("There is no such link.")
    return Recipient(**found)
