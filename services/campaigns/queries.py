"""The read side of campaigns, and finding what still has to be done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from . import schemas
from .errors import BadCursor, UnknownCampaign
from .models import Campaign

FREEZE_AGAIN_SECONDS = 5

_DUE = text(
    "SELECT id FROM campaigns WHERE state = 'scheduled' AND scheduled_at <= now()"
    " ORDER BY scheduled_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"
)
_UNFROZEN = text(
    "SELECT id FROM campaigns WHERE state = 'running' AND phase = 'freezing' AND snapshot_id IS NULL"
    " AND updated_at < now() - make_interval(secs => :age) ORDER BY id LIMIT 50"
)
_STOPS_TO_TELL = text(
    "SELECT id FROM campaigns WHERE stop_synced_version < version"
    " AND state IN ('running', 'paused', 'cancelled') ORDER BY id LIMIT 50"
)


def now(session: Session) -> datetime:
    """The database's time: the only clock that decides what is due."""
    return session.execute(select(func.now())).scalar_one()


def find(session: Session, account_id: int, campaign_id: int, *, lock: bool = False) -> Campaign:
    """A campaign of the account, locked for a change if asked. Raises UnknownCampaign, also for another's."""
    query = select(Campaign).where(Campaign.id == campaign_id, Campaign.account_id == account_id)
    if lock:
        query = query.with_for_update(key_share=True)
    found = session.scalar(query) if 0 < campaign_id < 2**63 else None
    if found is None:
        raise UnknownCampaign("There is no such campaign.")
    return found


def get(session: Session, account_id: int, campaign_id: int) -> dict[str, Any]:
    """A campaign with its counts. Raises UnknownCampaign."""
    return schemas.campaign(find(session, account_id, campaign_id))


def list_campaigns(
    session: Session, account_id: int, state: str | None, cursor: str | None, limit: int
) -> dict[str, Any]:
    """Campaigns of the account, newest first, ``limit`` (1..500) a page. Raises InvalidFields, BadCursor."""
    schemas.load(schemas.Page, {"state": state, "limit": limit})
    query = select(Campaign).where(Campaign.account_id == account_id)
    if state is not None:
        query = query.where(Campaign.state == state)
    if cursor is not None:
        query = query.where(Campaign.id < _read_cursor(cursor))
    rows = session.scalars(query.order_by(Campaign.id.desc()).limit(limit + 1)).all()
    page = rows[:limit]
    return {
        "data": [schemas.campaign(row) for row in page],
        "next_cursor": str(page[-1].id) if len(rows) > limit else None,
    }


def _read_cursor(cursor: Any) -> int:
    if not (isinstance(cursor, str) and cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise BadCursor("The cursor is not one of ours.")
    return int(cursor)


def claim_due(session: Session) -> Campaign | None:
    """One scheduled campaign whose time has come, locked; those that another replica has are passed over."""
    due = session.execute(_DUE).scalar()
    return session.get(Campaign, due) if due else None


def unfrozen(session: Session) -> list[int]:
    """Running campaigns that got no snapshot within FREEZE_AGAIN_SECONDS of their last change."""
    return list(session.execute(_UNFROZEN, {"age": FREEZE_AGAIN_SECONDS}).scalars())


def stops_to_tell(session: Session) -> list[int]:
    """Campaigns whose pause, resume or cancel the dispatcher has not acknowledged."""
    return list(session.execute(_STOPS_TO_TELL).scalars())
