"""``/campaigns``."""

from __future__ import annotations

from typing import Any

from contracts.errors import Unavailable
from gateway import auth, etag, spending
from gateway.api.resource import CONDITIONAL, IDEMPOTENT, Resource, no_content
from gateway.clients import services
from gateway.defaults import custom_field_labels, settings_for_sending, with_defaults
from gateway.paging import page_of
from gateway.request import idempotency_key

from .schemas.campaigns import (
    Campaign,
    CampaignChanges,
    CampaignListArgs,
    NewCampaign,
    Preflight,
    Schedule,
    ScheduledCampaign,
)

resource = Resource("campaigns", description="One text to an audience")


def _shown(campaign: dict[str, Any]) -> Any:
    return etag.tagged(_with_money([campaign])[0])


def _with_money(campaigns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Campaigns do not know money; billing does, by reference. A page is one call."""
    references = [f"campaign:{campaign['id']}" for campaign in campaigns]
    try:
        money = services().billing.money_of(references) if references else {}
    except Unavailable:
        money = {}
    return [
        {**campaign, "money": money.get(reference)}
        for campaign, reference in zip(campaigns, references, strict=True)
    ]


@resource.route("/campaigns", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(NewCampaign)
@resource.response(201, Campaign)
def create_campaign(data: dict[str, Any]) -> Any:
    """Make a draft; sender, price class and encoding come from the settings when not given.

    With `template_id` it takes over name, text, encoding, sender, price class and unsubscribe line of the template,
    where they are not given.
    """
    if data["template_id"] is None:
        del data["template_id"]
        wanted = {"unsubscribe": False, **with_defaults(data), "labels": custom_field_labels()}
    else:
        wanted = {**data, "labels": custom_field_labels(), "defaults": settings_for_sending()}
    return _shown(services().campaigns.create(auth.account_id(), wanted, idempotency_key()))


@resource.route("/campaigns")
@resource.arguments(CampaignListArgs, location="query")
@resource.response(200, page_of(Campaign))
def list_campaigns(args: dict[str, Any]) -> Any:
    """Campaigns, newest first."""
    page = services().campaigns.list(auth.account_id(), **args)
    return {**page, "data": _with_money(page["data"])}


@resource.route("/campaigns/<id:campaign_id>")
@resource.response(200, Campaign)
def get_campaign(campaign_id: int) -> Any:
    """One campaign with its counts and money, live."""
    return _shown(services().campaigns.get(auth.account_id(), campaign_id))


@resource.route("/campaigns/<id:campaign_id>", methods=["PATCH"])
@resource.doc(**CONDITIONAL)
@resource.arguments(CampaignChanges)
@resource.response(200, Campaign)
def update_campaign(changes: dict[str, Any], campaign_id: int) -> Any:
    """Change a draft."""
    if "text" in changes:
        changes["labels"] = custom_field_labels()
    found = services().campaigns.update(auth.account_id(), campaign_id, changes, etag.expected_version())
    return _shown(found)


@resource.route("/campaigns/<id:campaign_id>", methods=["DELETE"])
@resource.response(204)
def delete_campaign(campaign_id: int) -> Any:
    """Delete a draft."""
    services().campaigns.delete(auth.account_id(), campaign_id)
    return no_content()


@resource.route("/campaigns/<id:campaign_id>/preflight")
@resource.response(200, Preflight)
def preflight(campaign_id: int) -> Any:
    """What would happen if it started now: recipients, parts, price per class, samples, savings."""
    return services().campaigns.preflight(auth.account_id(), campaign_id)


@resource.route("/campaigns/<id:campaign_id>/start", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.response(200, Campaign)
def start(campaign_id: int) -> Any:
    """Start it now.

    Where a spend limit applies, a campaign whose estimate is more than what is left of the day is 429
    `spend_limit_reached`.
    """
    spending.before_start(campaign_id)
    return _shown(services().campaigns.start(auth.account_id(), campaign_id, idempotency_key()))


@resource.route("/campaigns/<id:campaign_id>/schedule", methods=["POST"])
@resource.arguments(Schedule)
@resource.response(200, ScheduledCampaign)
def schedule(data: dict[str, Any], campaign_id: int) -> Any:
    """Start it at a time; again moves it.

    A campaign whose estimate is more than a spend limit allows for a whole day is 429 `spend_limit_reached`. What is
    more than can be spent now is told in `warnings`: `insufficient_funds`, `spend_limit_reached`, `not_estimated`.
    """
    warnings = spending.before_schedule(campaign_id, data["at"])
    scheduled = services().campaigns.schedule(auth.account_id(), campaign_id, data["at"])
    return _shown({**scheduled, "warnings": warnings})


@resource.route("/campaigns/<id:campaign_id>/unschedule", methods=["POST"])
@resource.response(200, Campaign)
def unschedule(campaign_id: int) -> Any:
    """Make it a draft again, without a time; one that has started is 409 `wrong_state`."""
    return _shown(services().campaigns.unschedule(auth.account_id(), campaign_id))


@resource.route("/campaigns/<id:campaign_id>/pause", methods=["POST"])
@resource.response(200, Campaign)
def pause(campaign_id: int) -> Any:
    """Stop within a second; it can be resumed where it stopped."""
    return _shown(services().campaigns.pause(auth.account_id(), campaign_id))


@resource.route("/campaigns/<id:campaign_id>/resume", methods=["POST"])
@resource.response(200, Campaign)
def resume(campaign_id: int) -> Any:
    """Go on where it was paused."""
    return _shown(services().campaigns.resume(auth.account_id(), campaign_id))


@resource.route("/campaigns/<id:campaign_id>/cancel", methods=["POST"])
@resource.response(200, Campaign)
def cancel(campaign_id: int) -> Any:
    """Stop for good; what was not sent is not charged."""
    return _shown(services().campaigns.cancel(auth.account_id(), campaign_id))
