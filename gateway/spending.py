"""Money where a campaign is started or scheduled: who does it spends, and hears at once when it would be too much."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.errors import RETRY_AT, TooMany, Unavailable
from gateway import auth
from gateway.clients import services
from gateway.fields import money_text

_NOT_STARTED = ("draft", "scheduled")


def before_start(campaign_id: int) -> None:
    """Have the campaign's holds count for the caller's limit, and compare its estimate with what is left of the day.

    Raises TooMany("spend_limit_reached"), NotFound. What slips through (two starts at once, a campaign that grew) is
    stopped by its holds: it is paused with that code.
    """
    account_id, billing = auth.account_id(), services().billing
    campaign = services().campaigns.get(account_id, campaign_id)
    left = billing.begin_spending(account_id, f"campaign:{campaign_id}")["left"]
    if left is not None and campaign["state"] in _NOT_STARTED:
        billing.check_spending(account_id, _estimate(campaign)[0])


def before_schedule(campaign_id: int, at: str | None) -> list[dict[str, Any]]:
    """The same for a campaign that starts ``at`` (None: at the time it has): what could come in its way, as warnings.

    What will be spent and topped up until then nobody knows. Refused is only what no day can pay, as limit and prices
    are now: raises TooMany("spend_limit_reached"), NotFound. When it cannot be estimated it is scheduled all the same.
    """
    account_id, billing = auth.account_id(), services().billing
    campaign = services().campaigns.get(account_id, campaign_id)
    may = billing.begin_spending(account_id, f"campaign:{campaign_id}")
    if campaign["state"] not in _NOT_STARTED:
        return []
    try:
        price, least = _estimate(campaign)
    except Unavailable:
        return [
            _warning("not_estimated", "It could not be estimated just now; look at the pre-flight later.")
        ]
    if may["daily"] is not None and least > may["daily"]:
        raise _never(price, may)
    return _warnings(price, may, at or campaign["scheduled_at"])


def _estimate(campaign: dict[str, Any]) -> tuple[int, int]:
    """What the campaign would cost now, and the least of it that the margin of its estimate leaves, in micro-euro."""
    found = services().campaigns.preflight(auth.account_id(), campaign["id"])
    price = found["price"][campaign["price_class"]] or 0
    return price, round(price * (1 - (found.get("margin_percent") or 0) / 100))


def _never(price: int, may: dict[str, Any]) -> TooMany:
    detail = (
        f"The campaign costs about {money_text(price)} EUR, more than the {money_text(may['daily'])} EUR that may be"
        " spent in a whole day: it could not start on any. Raise the limit or lessen the audience."
    )
    return TooMany("spend_limit_reached", detail, [{"pointer": "", "code": RETRY_AT, "detail": may["until"]}])


def _warnings(price: int, may: dict[str, Any], at: str | None) -> list[dict[str, Any]]:
    found = []
    if price > may["spendable"]:
        detail = (
            f"It costs about {money_text(price)} EUR; {money_text(may['spendable'])} EUR can be spent now."
        )
        found.append(_warning("insufficient_funds", detail))
    is_today = at and may["until"] and datetime.fromisoformat(at) < datetime.fromisoformat(may["until"])
    if is_today and price > may["left"]:
        detail = (
            f"It costs about {money_text(price)} EUR; {money_text(may['left'])} EUR may be spent on that day."
        )
        found.append(_warning("spend_limit_reached", detail))
    return found


def _warning(code: str, detail: str) -> dict[str, Any]:
    return {"code": code, "count": None, "detail": detail}
