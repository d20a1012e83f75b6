"""Spend limits where a campaign is started: whoever starts it spends, and hears at once when it would be too much."""

from __future__ import annotations

from gateway import auth
from gateway.clients import services


def before_campaign(campaign_id: int, *, starts_now: bool) -> None:
    """Have the campaign's holds count for the caller's limit. What starts now is estimated and compared, too.

    Raises TooMany("spend_limit_reached"), NotFound. What slips through (two starts at once, a campaign that grew) is
    stopped by its holds: it is paused with that code.
    """
    account_id, billing = auth.account_id(), services().billing
    campaign = services().campaigns.get(account_id, campaign_id)
    left = billing.begin_spending(account_id, f"campaign:{campaign_id}")["left"]
    if left is None or not starts_now or campaign["state"] not in ("draft", "scheduled"):
        return
    price = services().campaigns.preflight(account_id, campaign_id)["price"][campaign["price_class"]]
    billing.check_spending(account_id, price or 0)
