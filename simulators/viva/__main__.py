"""`python -m simulators.viva`."""

import asyncio
import sys

from simulators import support, web
from simulators.viva.api import Api
from simulators.viva.checkout import Checkout
from simulators.viva.store import Merchant, Store
from simulators.webhooks import Manner, Webhooks

NAME = "viva"
DEFAULT_PORT = 2780


def main() -> int:
    """Run until told to stop; returns the exit status."""
    try:
        merchant = Merchant(
            client_id=support.text("KERYX_VIVA_CLIENT_ID", "keryx-laptop.apps.vivapayments.com"),
            client_secret=support.text("KERYX_VIVA_CLIENT_SECRET", "laptop-only"),
            merchant_id=support.text("KERYX_VIVA_MERCHANT_ID", "5f2c1a52-1d7e-4a7c-9d0a-2f6a5d0c7e11"),
            api_key=support.text("KERYX_VIVA_API_KEY", "laptop-only"),
            success_url=support.text("KERYX_VIVA_SIM_SUCCESS_URL", ""),
            failure_url=support.text("KERYX_VIVA_SIM_FAILURE_URL", ""),
        )
        manner = Manner(
            url=support.text("KERYX_VIVA_SIM_WEBHOOK_URL", ""),
            retry_ms=support.number("KERYX_VIVA_SIM_RETRY_MS", 500),
        )
        asyncio.run(_serve(merchant, manner))
    except support.CannotStart as error:
        return support.refuse_to_start("keryx viva simulator", error)
    return 0


async def _serve(merchant: Merchant, manner: Manner) -> None:
    store, webhooks = Store(), Webhooks(manner)
    checkout = Checkout(merchant, store, webhooks)
    routes = {**Api(merchant, store, webhooks).routes(), **checkout.routes(), **webhooks.routes()}
    site = web.Site(NAME, routes, lambda: {**store.counters(), "webhooks_total": webhooks.sent})
    host = support.text("KERYX_VIVA_SIM_HOST", "127.0.0.1")
    await web.serve(site, support.port("KERYX_VIVA_SIM_PORT", DEFAULT_PORT), "KERYX_VIVA_SIM_PORT", host)


if __name__ == "__main__":
    sys.exit(main())
