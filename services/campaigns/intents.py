"""What a committed change still owes to other services: the snapshot of its audience, the stop of its sending.

Each is written in the row before it is asked for, and a timer asks again until it is answered; contacts freezes a
campaign once, and the dispatcher ignores an older version, so asking twice does no harm.
"""

from __future__ import annotations

from typing import Any

from psycopg2.extras import Json

from contracts.errors import KeryxError, Unavailable, Unexpected
from servicekit import logs
from servicekit.database import Database, cursor_of

from . import domain, progress, queries, use_cases
from .errors import NoPrices
from .models import Campaign

log = logs.get(__name__)

_KEEP_TARIFF = "UPDATE campaigns SET tariff = %s WHERE id = %s AND tariff IS NULL AND phase = 'freezing'"
_KEEP_SNAPSHOT = (
    "UPDATE campaigns SET snapshot_id = %s WHERE id = %s AND phase = 'freezing' AND state = 'running'"
)
_TOLD = """
UPDATE campaigns SET stop_synced_version = %s WHERE id = %s AND stop_synced_version < %s
"""


def start_due(db: Database, billing: Any, contacts: Any) -> None:
    """Start every scheduled campaign whose time has come. Safe with several replicas: each is started once."""
    while True:
        with db.transaction() as session:
            campaign_id = use_cases.start_one_due(session)
        if campaign_id is None:
            return
        freeze(db, billing, contacts, campaign_id)


def freeze_again(db: Database, billing: Any, contacts: Any) -> None:
    """Ask again for the snapshots that did not come: somebody was away, or stopped between the two steps."""
    with db.transaction() as session:
        waiting = queries.unfrozen(session)
    for campaign_id in waiting:
        freeze(db, billing, contacts, campaign_id)


def freeze(db: Database, billing: Any, contacts: Any, campaign_id: int) -> None:
    """Freeze prices and audience of a running campaign that has none yet.

    When a service is away it is left to the timer; when one refuses, the campaign is paused with that code, and so is one
    with nobody in its audience.
    """
    with db.transaction() as session:
        campaign = session.get(Campaign, campaign_id)
    if campaign is None or campaign.state != "running" or campaign.phase != "freezing":
        return
    if campaign.snapshot_id is not None:
        return
    try:
        domain.require_somebody(campaign.audience)
        _freeze_prices(db, billing, campaign)
        answer = contacts.freeze_audience(
            account_id=campaign.account_id, campaign_id=campaign_id, audience=campaign.audience
        )
        _execute(db, _KEEP_SNAPSHOT, (answer["snapshot_id"], campaign_id))
    except (Unavailable, Unexpected) as error:
        log.warning("freeze_put_off", campaign_id=campaign_id, code=error.code)
    except KeryxError as error:
        log.warning("freeze_refused", campaign_id=campaign_id, code=error.code)
        with db.transaction() as session:
            progress.pause_by_itself(cursor_of(session), campaign_id, error.code)


def _freeze_prices(db: Database, billing: Any, campaign: Campaign) -> None:
    if campaign.tariff is None:
        tariff = billing.tariff(account_id=campaign.account_id, price_class=campaign.price_class)
        if not tariff["prices"]:
            raise NoPrices("There is no price in this class.")
        _execute(db, _KEEP_TARIFF, (Json(tariff), campaign.id))


def tell_stops(db: Database, dispatcher: Any) -> None:
    """Tell the dispatcher what it has not acknowledged yet."""
    with db.transaction() as session:
        waiting = queries.stops_to_tell(session)
    for campaign_id in waiting:
        tell_stop(db, dispatcher, campaign_id)


def tell_stop(db: Database, dispatcher: Any, campaign_id: int) -> None:
    """Tell the dispatcher whether the campaign may send; left to the timer when it does not answer."""
    with db.transaction() as session:
        campaign = session.get(Campaign, campaign_id)
    if campaign is None or campaign.stop_synced_version >= campaign.version or campaign.state == "finished":
        return
    try:
        dispatcher.set_stop(campaign_id=campaign_id, version=campaign.version, state=campaign.state)
    except KeryxError as error:
        log.warning("stop_put_off", campaign_id=campaign_id, state=campaign.state, code=error.code)
        return
    _execute(db, _TOLD, (campaign.version, campaign_id, campaign.version))


def _execute(db: Database, statement: str, arguments: tuple[Any, ...]) -> None:
    with db.transaction() as session:
        cursor_of(session).execute(statement, arguments)
