"""What campaigns can be asked to do. Each takes the session of the caller's transaction first.

What a change owes to other services afterwards is in ``intents``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session

from contracts.events import AudienceFrozen
from servicekit import context, idempotency, logs
from servicekit.database import cursor_of

from . import domain, progress, queries, schemas, templates
from .errors import CampaignChanged
from .models import Campaign

log = logs.get(__name__)


def create(
    session: Session, account_id: int, data: dict[str, Any], idempotency_key: str | None
) -> dict[str, Any]:
    """A new draft. With ``template_id`` it takes over what the template has and ``data`` does not say.

    What neither says comes from ``data["defaults"]``, the account's settings. Raises InvalidFields, UnknownTemplate,
    Conflict("idempotency_key_reused").
    """
    if not isinstance(data, dict):
        schemas.refuse("", "invalid", "An object is expected.")

    def produce() -> dict[str, Any]:
        template_id = data.get("template_id")
        taken = templates.use(session, account_id, template_id) if template_id is not None else {}
        own = {name: value for name, value in data.items() if name not in ("template_id", "defaults")}
        wanted = schemas.load(schemas.Settings, {**data.get("defaults", {}), **taken, **own})
        _refuse_past(session, wanted["scheduled_at"], "/scheduled_at")
        campaign = Campaign(
            account_id=account_id,
            correlation_id=context.correlation_id(),
            template_id=template_id,
            **wanted,
        )
        session.add(campaign)
        session.flush()
        return schemas.campaign(campaign)

    answer: dict[str, Any] = idempotency.remember(
        session, account_id, idempotency_key, data, produce, operation="create"
    )
    return answer


def update(
    session: Session, account_id: int, campaign_id: int, changes: dict[str, Any], version: int | None
) -> dict[str, Any]:
    """Change what ``changes`` names, while nothing was sent. ``version`` None changes whatever is there.

    Raises UnknownCampaign, WrongState, CampaignChanged, InvalidFields.
    """
    campaign = queries.find(session, account_id, campaign_id, lock=True)
    domain.next_state("edit", campaign.state)
    if version is not None and version != campaign.version:
        raise CampaignChanged("The campaign was changed since it was read.")
    if not isinstance(changes, dict):
        schemas.refuse("", "invalid", "An object is expected.")
    current = {name: getattr(campaign, name) for name in schemas.SETTINGS}
    current["scheduled_at"] = schemas.iso(campaign.scheduled_at)
    wanted = schemas.load(schemas.Settings, {**current, **changes})
    if "scheduled_at" in changes:
        _refuse_past(session, wanted["scheduled_at"], "/scheduled_at")
    if campaign.state == "scheduled" and wanted["scheduled_at"] is None:
        schemas.refuse("/scheduled_at", "required", "A scheduled campaign has a time.")
    for name, value in wanted.items():
        setattr(campaign, name, value)
    _changed(campaign)
    return _shown(session, campaign)


def delete(session: Session, account_id: int, campaign_id: int) -> None:
    """Remove a draft. Raises UnknownCampaign, WrongState."""
    campaign = queries.find(session, account_id, campaign_id, lock=True)
    domain.next_state("delete", campaign.state)
    session.delete(campaign)


def schedule(session: Session, account_id: int, campaign_id: int, at: str | None) -> dict[str, Any]:
    """Have it start ``at`` (RFC 3339 with a zone; None: the time it has). Again moves it.

    Raises UnknownCampaign, WrongState, EmptyAudience, InvalidFields.
    """
    campaign = queries.find(session, account_id, campaign_id, lock=True)
    state = domain.next_state("schedule", campaign.state)
    domain.require_somebody(campaign.audience)
    moment = schemas.load(schemas.When, {"at": at})["at"] or campaign.scheduled_at
    if moment is None:
        schemas.refuse("/at", "required", "A time is needed.")
    _refuse_past(session, moment, "/at")
    campaign.scheduled_at = moment
    campaign.correlation_id = context.correlation_id()
    _enter(campaign, state)
    return _shown(session, campaign)


def unschedule(session: Session, account_id: int, campaign_id: int) -> dict[str, Any]:
    """Make a draft of a scheduled campaign again: it starts when it is told to. Raises UnknownCampaign, WrongState."""
    campaign = queries.find(session, account_id, campaign_id, lock=True)
    state = domain.next_state("unschedule", campaign.state)
    if state != campaign.state:
        campaign.scheduled_at = None
        _enter(campaign, state)
    return _shown(session, campaign)


def start(session: Session, account_id: int, campaign_id: int, idempotency_key: str | None = None) -> None:
    """Run it from now on, beginning with freezing its audience. Raises UnknownCampaign, WrongState, EmptyAudience."""

    def produce() -> dict[str, Any]:
        campaign = queries.find(session, account_id, campaign_id, lock=True)
        domain.next_state("start", campaign.state)
        domain.require_somebody(campaign.audience)
        campaign.correlation_id = context.correlation_id()
        _start(session, campaign)
        return {"id": campaign_id}

    request = {"campaign_id": campaign_id}
    idempotency.remember(session, account_id, idempotency_key, request, produce, operation="start")


def start_one_due(session: Session) -> int | None:
    """Start one scheduled campaign whose time has come; returns its id, None when there is none."""
    campaign = queries.claim_due(session)
    if campaign is None:
        return None
    _start(session, campaign)
    log.info("started_on_schedule", campaign_id=campaign.id, account_id=campaign.account_id)
    return campaign.id


def _start(session: Session, campaign: Campaign) -> None:
    _enter(campaign, domain.next_state("start", campaign.state))
    campaign.started_at = func.now()
    campaign.stop_synced_version = campaign.version  # the dispatcher lets pass what it was not told to stop
    session.flush()


def pause(session: Session, account_id: int, campaign_id: int) -> None:
    """Let nothing more leave, until ``resume``. Raises UnknownCampaign, WrongState."""
    campaign = queries.find(session, account_id, campaign_id, lock=True)
    state = domain.next_state("pause", campaign.state)
    if campaign.pause_reason != domain.BY_USER:
        _enter(campaign, state, domain.BY_USER)
    session.flush()


def resume(session: Session, account_id: int, campaign_id: int) -> None:
    """Go on where it stopped. Raises UnknownCampaign, WrongState."""
    campaign = queries.find(session, account_id, campaign_id, lock=True)
    state = domain.next_state("resume", campaign.state)
    if state != campaign.state:
        _enter(campaign, state)
        session.flush()
        progress.wake(cursor_of(session))


def cancel(session: Session, account_id: int, campaign_id: int) -> None:
    """Stop for good: what has not left never will. Raises UnknownCampaign, WrongState."""
    campaign = queries.find(session, account_id, campaign_id, lock=True)
    state = domain.next_state("cancel", campaign.state)
    if state == campaign.state:
        return
    campaign.unsent += campaign.recipients - campaign.cursor
    _enter(campaign, state)
    if campaign.started_at is None:
        campaign.stop_synced_version = campaign.version  # nothing ever left, so there is nothing to stop
    session.flush()
    progress.settle(cursor_of(session), campaign.id)
    progress.wake(cursor_of(session))


def audience_frozen(session: Session, event: AudienceFrozen) -> None:
    """The snapshot stands: expand it, or finish at once when nobody is in it; pause when it failed.

    What does not wait for it (cancelled meanwhile, told before) is left alone.
    """
    campaign = session.get(Campaign, event.campaign_id, with_for_update={"key_share": True})
    if campaign is None or campaign.account_id != event.account_id or campaign.phase != "freezing":
        log.info("snapshot_not_awaited", campaign_id=event.campaign_id, snapshot_id=event.snapshot_id)
        return
    cursor = cursor_of(session)
    if event.failed:
        campaign.snapshot_id = None
        session.flush()
        progress.pause_by_itself(cursor, campaign.id, event.failed)
        return
    campaign.snapshot_id, campaign.recipients = event.snapshot_id, event.recipients
    campaign.duplicates, campaign.suppressed = event.duplicates, event.suppressed
    campaign.phase = "expanding"
    session.flush()
    if event.recipients == 0:
        progress.finish_expanding(cursor, campaign.id)
    progress.wake(cursor)


def _enter(campaign: Campaign, state: str, reason: str | None = None) -> None:
    campaign.state, campaign.phase = state, domain.phase_in(state, campaign.phase)
    campaign.pause_reason = reason
    _changed(campaign)


def _changed(campaign: Campaign) -> None:
    campaign.version += 1
    campaign.updated_at = func.now()


def _shown(session: Session, campaign: Campaign) -> dict[str, Any]:
    session.flush()
    return schemas.campaign(campaign)


def _refuse_past(session: Session, moment: datetime | None, pointer: str) -> None:
    if moment is not None and moment <= queries.now(session):
        schemas.refuse(pointer, "in_the_past", "The time has passed already.")
