"""The table of all processes of Keryx: what runs, what each is told, who must be ready before whom.

The compose file describes the same table for those with containers; a test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SERVICES = ("accounts", "contacts", "campaigns", "dispatcher", "billing", "notifier")
RELAYED = ("accounts", "contacts", "campaigns", "dispatcher", "billing")


@dataclass(frozen=True)
class Process:
    """One process.

    ``module`` is run with ``python -m``, followed by ``arguments``; ``{NAME}`` in them stands for the
    variable of that name in the process's environment. ``service`` is whose database it may open. ``after``
    names those that are ready before it starts, and stopped only when it is gone. ``port`` is the variable
    that says on which port it answers /readyz; most have none of their own trade, so KERYX_HEALTH_PORT.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    service: str | None = None
    after: tuple[str, ...] = ()
    port: str = "KERYX_HEALTH_PORT"
    env: Mapping[str, str] = field(default_factory=dict)


GUNICORN = (
    "--worker-class=gateway.worker.Worker",
    "--workers=1",
    "--threads=32",
    "--bind={KERYX_HOST}:{KERYX_PORT}",
    "--graceful-timeout=15",
    "--timeout=60",
    "--keep-alive=30",
    "--no-control-socket",
    "gateway.wsgi:app",
)


def _service(name: str, after: tuple[str, ...] = (), env: Mapping[str, str] | None = None) -> Process:
    return Process(name, f"services.{name}.main", service=name, after=after, env=env or {})


def _relay(service: str) -> Process:
    return Process(f"relay-{service}", "servicekit.relay", (service,), service=service, after=(service,))


# Made up, and the same that the simulators have: they open no door. Real ones in the environment go before them.
PAYMENT_CREDENTIALS = {
    "KERYX_VIVA_CLIENT_ID": "keryx-laptop.apps.vivapayments.com",
    "KERYX_VIVA_CLIENT_SECRET": "laptop-only",
    "KERYX_VIVA_MERCHANT_ID": "5f2c1a52-1d7e-4a7c-9d0a-2f6a5d0c7e11",
    "KERYX_VIVA_API_KEY": "laptop-only",
    "KERYX_PAYPAL_CLIENT_ID": "keryx-laptop",
    "KERYX_PAYPAL_CLIENT_SECRET": "laptop-only",
    "KERYX_PAYPAL_WEBHOOK_ID": "8PT597110X687430LKGECATA",
}

# A shop that exists nowhere, with the IBAN of the standard's own example. A real one in the environment goes before it.
SHOP = {
    "KERYX_BANK_IBAN": "GR1601101250000000012300695",
    "KERYX_BANK_HOLDER": "Keryx (laptop)",
    "KERYX_BANK_NAME": "Laptop Bank",
    "KERYX_SELLER_NAME": "Keryx (laptop)",
    "KERYX_SELLER_ADDRESS": "Laptop 1, 10431 Athens",
}

PROCESSES: tuple[Process, ...] = (
    Process("smsc", "simulators.smsc", port="KERYX_SMSC_HTTP_PORT"),
    Process("mailbox", "simulators.mailbox", port="KERYX_MAILBOX_HTTP_PORT"),
    Process("viva", "simulators.viva", port="KERYX_VIVA_SIM_PORT"),
    Process("paypal", "simulators.paypal", port="KERYX_PAYPAL_SIM_PORT"),
    _service("accounts"),
    _service("contacts"),
    _service("campaigns"),
    _service("dispatcher"),
    _service("billing", env=PAYMENT_CREDENTIALS | SHOP),
    _service("notifier", after=("mailbox",)),
    Process("contacts-worker", "services.contacts.worker", service="contacts", after=("contacts",)),
    Process("contacts-exporter", "services.contacts.exporter", service="contacts", after=("contacts",)),
    Process("billing-exporter", "services.billing.exporter", service="billing", after=("billing",)),
    Process("expander", "services.campaigns.expander", service="campaigns", after=("campaigns",)),
    Process("acceptor", "services.dispatcher.acceptor", service="dispatcher", after=("dispatcher",)),
    Process("sender", "services.dispatcher.sender", service="dispatcher", after=("dispatcher", "smsc")),
    Process("exporter", "services.dispatcher.exporter", service="dispatcher", after=("dispatcher",)),
    *(_relay(service) for service in RELAYED),
    Process("gateway", "gunicorn", GUNICORN, after=SERVICES, port="KERYX_PORT"),
)

# They play the world outside, so they get nothing of ours: no broker, no database, no secret.
SIMULATED = frozenset({"smsc", "mailbox", "viva", "paypal"})
