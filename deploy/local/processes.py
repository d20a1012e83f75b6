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
    "--worker-class=gthread",
    "--workers=1",
    "--threads=16",
    "--bind={KERYX_HOST}:{KERYX_PORT}",
    "--graceful-timeout=15",
    "--timeout=60",
    "--keep-alive=30",
    "--no-control-socket",
    "gateway.wsgi:app",
)


def _service(name: str, after: tuple[str, ...] = ()) -> Process:
    return Process(name, f"services.{name}.main", service=name, after=after)


def _relay(service: str) -> Process:
    return Process(f"relay-{service}", "servicekit.relay", (service,), service=service, after=(service,))


PROCESSES: tuple[Process, ...] = (
    Process("smsc", "simulators.smsc", port="KERYX_SMSC_HTTP_PORT"),
    Process("mailbox", "simulators.mailbox", port="KERYX_MAILBOX_HTTP_PORT"),
    _service("accounts"),
    _service("contacts"),
    _service("campaigns"),
    _service("dispatcher"),
    _service("billing"),
    _service("notifier", after=("mailbox",)),
    Process("contacts-worker", "services.contacts.worker", service="contacts", after=("contacts",)),
    Process("expander", "services.campaigns.expander", service="campaigns", after=("campaigns",)),
    Process("acceptor", "services.dispatcher.acceptor", service="dispatcher", after=("dispatcher",)),
    Process("sender", "services.dispatcher.sender", service="dispatcher", after=("dispatcher", "smsc")),
    Process("exporter", "services.dispatcher.exporter", service="dispatcher", after=("dispatcher",)),
    *(_relay(service) for service in RELAYED),
    Process("gateway", "gunicorn", GUNICORN, after=SERVICES, port="KERYX_PORT"),
)

# They play the world outside, so they get nothing of ours: no broker, no database, no secret.
SIMULATED = frozenset({"smsc", "mailbox"})
