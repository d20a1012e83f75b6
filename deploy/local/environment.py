"""What each process is told through its environment, and what outsiders are told in ``.run/env``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping

from deploy.local.layout import Layout, write_private
from deploy.local.processes import SIMULATED, Process
from deploy.local.state import State

HOST = "127.0.0.1"
# From our own environment only these go on: a process must not see a database that is not its service's,
# nor depend on what the person at the keyboard happens to have set.
PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "USER")
# Ports of the outside of the stack; KERYX_PORT may be chosen by setting it.
PORT_VARIABLES = (
    "KERYX_PORT",
    "KERYX_SMSC_PORT",
    "KERYX_SMSC_HTTP_PORT",
    "KERYX_SMTP_PORT",
    "KERYX_MAILBOX_HTTP_PORT",
    "KERYX_VIVA_SIM_PORT",
    "KERYX_PAYPAL_SIM_PORT",
)
# Who set these at the keyboard takes real money through a real provider; only billing hears of them.
PAYMENTS = (
    *("KERYX_VIVA_", "KERYX_PAYPAL_", "KERYX_PAYMENTS_URL"),
    *("KERYX_BANK_", "KERYX_SELLER_", "KERYX_ORDER_", "KERYX_VAT_RATE"),
)

Environment = dict[str, str]


def claim_ports(processes: Iterable[Process], state: State) -> None:
    """Before a start: replace the ports that others took meanwhile. KERYX_PORT is what the caller says."""
    if chosen := os.environ.get("KERYX_PORT"):
        state.choose_port("KERYX_PORT", int(chosen))
    for name in (*PORT_VARIABLES, *(f"health:{process.name}" for process in processes)):
        state.port(name)


def outside(state: State) -> Environment:
    """Hosts, ports and URLs of the stack, the same for all its processes."""
    ports = {name: str(state.port(name, taken_by_us=True)) for name in PORT_VARIABLES}
    url = f"http://{HOST}:{ports['KERYX_PORT']}"
    return {
        **ports,
        **_payments(f"{url}/payments", ports),
        "KERYX_HOST": HOST,
        "KERYX_URL": url,
        "KERYX_PUBLIC_HOST": f"{HOST}:{ports['KERYX_PORT']}",
        "KERYX_SMSC_HOST": HOST,
        "KERYX_SMSC_URL": f"http://{HOST}:{ports['KERYX_SMSC_HTTP_PORT']}",
        "KERYX_SMTP_HOST": HOST,
        "KERYX_MAILBOX_HOST": HOST,
        "KERYX_MAILBOX_URL": f"http://{HOST}:{ports['KERYX_MAILBOX_HTTP_PORT']}",
    }


def _payments(ours: str, ports: Mapping[str, str]) -> Environment:
    """Where billing finds the simulated providers, and where they find us: ``ours`` is the gateway's /payments."""
    viva = f"http://{HOST}:{ports['KERYX_VIVA_SIM_PORT']}"
    return {
        "KERYX_PAYMENTS_URL": ours,
        "KERYX_VIVA_ACCOUNTS_URL": viva,
        "KERYX_VIVA_API_URL": viva,
        "KERYX_VIVA_URL": viva,
        "KERYX_VIVA_SIM_WEBHOOK_URL": f"{ours}/viva/webhook",
        "KERYX_VIVA_SIM_SUCCESS_URL": f"{ours}/viva/return",
        "KERYX_VIVA_SIM_FAILURE_URL": f"{ours}/viva/cancel",
        "KERYX_PAYPAL_URL": f"http://{HOST}:{ports['KERYX_PAYPAL_SIM_PORT']}",
        "KERYX_PAYPAL_SIM_WEBHOOK_URL": f"{ours}/paypal/webhook",
    }


def for_process(
    process: Process, shared: Mapping[str, str], world: Mapping[str, str], state: State
) -> Environment:
    """All that ``process`` is told: of the ``world`` only the broker and its own service's database."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment |= {"PYTHONUNBUFFERED": "1", "TZ": "UTC"}
    environment |= {name: value for name, value in os.environ.items() if name.startswith("KERYX_LOG_")}
    environment |= shared
    environment["KERYX_PROCESS"] = process.name
    if process.port == "KERYX_HEALTH_PORT":
        environment["KERYX_HEALTH_PORT"] = str(state.port(f"health:{process.name}", taken_by_us=True))
    if process.name not in SIMULATED:
        environment["KERYX_AMQP_URI"] = world["KERYX_AMQP_URI"]
        environment["KERYX_SECRET_KEY"] = state.password("KERYX_SECRET_KEY")
    if process.service:
        variable = f"KERYX_DATABASE_URL_{process.service.upper()}"
        environment[variable] = world[variable]
    environment |= process.env
    if process.name == "billing":
        environment |= {name: value for name, value in os.environ.items() if name.startswith(PAYMENTS)}
    return environment


def read_env_file(layout: Layout) -> Environment:
    """What ``.run/env`` says; empty when there is none."""
    try:
        lines = layout.env_file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {name: "".join(shlex.split(value)) for name, value in pairs}


def write_env_file(layout: Layout, values: Mapping[str, str]) -> None:
    """Write ``.run/env``, good for ``set -a; . .run/env``."""
    write_private(
        layout.env_file, "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(values.items()))
    )


def health_ports(processes: Iterable[Process], state: State) -> Environment:
    """KERYX_HEALTH_PORT_<PROCESS> of every process that has one: where outsiders find its /metrics."""
    return {
        f"KERYX_HEALTH_PORT_{process.name.upper().replace('-', '_')}": str(
            state.port(f"health:{process.name}", taken_by_us=True)
        )
        for process in processes
        if process.port == "KERYX_HEALTH_PORT"
    }
