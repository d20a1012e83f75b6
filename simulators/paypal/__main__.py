"""`python -m simulators.paypal`."""

import asyncio
import sys

from simulators import support, web
from simulators.paypal.api import Api
from simulators.paypal.checkout import Checkout
from simulators.paypal.store import Merchant, Store
from simulators.paypal.verify import Signer
from simulators.paypal.webhook import Events
from simulators.webhooks import Manner, Webhooks

NAME = "paypal"
DEFAULT_PORT = 2781


def main() -> int:
    """Run until told to stop; returns the exit status."""
    try:
        merchant = Merchant(
            client_id=support.text("KERYX_PAYPAL_CLIENT_ID", "keryx-laptop"),
            client_secret=support.text("KERYX_PAYPAL_CLIENT_SECRET", "laptop-only"),
            webhook_id=support.text("KERYX_PAYPAL_WEBHOOK_ID", "8PT597110X687430LKGECATA"),
            public_url=support.text("KERYX_PAYPAL_SIM_PUBLIC_URL", ""),
        )
        manner = Manner(
            url=support.text("KERYX_PAYPAL_SIM_WEBHOOK_URL", ""),
            retry_ms=support.number("KERYX_PAYPAL_SIM_RETRY_MS", 500),
        )
        asyncio.run(_serve(merchant, manner))
    except support.CannotStart as error:
        return support.refuse_to_start("keryx paypal simulator", error)
    return 0


async def _serve(merchant: Merchant, manner: Manner) -> None:
    store, webhooks, signer = Store(), Webhooks(manner), Signer(merchant.webhook_id)
    events = Events(webhooks, signer)
    api = Api(merchant, store, events, signer)
    routes = {**api.routes(), **Checkout(store, events).routes(), **webhooks.routes()}
    site = web.Site(NAME, routes, lambda: {**store.counters(), "webhooks_total": webhooks.sent})
    host = support.text("KERYX_PAYPAL_SIM_HOST", "127.0.0.1")
    await web.serve(site, support.port("KERYX_PAYPAL_SIM_PORT", DEFAULT_PORT), "KERYX_PAYPAL_SIM_PORT", host)


if __name__ == "__main__":
    sys.exit(main())
