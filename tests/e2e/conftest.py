"""One stack for all stories: every process, on databases and a virtual host of its own, ended after the last."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.local import worlds
from servicekit import topology
from simulators.mailbox.testing import Mailbox
from simulators.smsc.testing import Smsc
from tests.support import e2e_stack
from tests.support.infra import Infra
from tests.support.waiting import eventually

from .shop import CONNECTOR, WINDOW, Client, Keryx, client

ROUTES = [(price_class, prefix) for price_class in ("normal", "low") for prefix in ("30", "")]


@pytest.fixture(scope="package")
def told(infra: Infra, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a stack that runs for these stories alone."""
    name = f"{infra.world.name}_e2e"
    world = worlds.provision(infra.pair, name)
    try:
        for service, url in world.database_urls.items():
            infra.migrate(service, url)
        topology.declare(world.amqp_uri)
        with e2e_stack.running(world, tmp_path_factory.mktemp("stack")) as told:
            yield told
    finally:
        worlds.drop(infra.pair, name)


@pytest.fixture(scope="package", autouse=True)
def _known_to_all(told: dict[str, str]) -> Iterator[None]:
    """Tests that only need an address and a key find them in the environment."""
    names = ("KERYX_URL", "KERYX_OPERATOR_KEY")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: told[name] for name in names})
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture(scope="package")
def running(told: dict[str, str]) -> Keryx:
    """The stack, with a connector to its simulator that carries everything."""
    mailbox = urlsplit(told["KERYX_MAILBOX_URL"])
    smsc = Smsc(told["KERYX_SMSC_HOST"], int(told["KERYX_SMSC_PORT"]), int(told["KERYX_SMSC_HTTP_PORT"]))
    operator = Client(client(told["KERYX_URL"], told["KERYX_OPERATOR_KEY"]))
    letters = Mailbox(str(mailbox.hostname), 0, int(mailbox.port or 0))
    keryx = Keryx(told["KERYX_URL"], operator, smsc, letters, Path(told["KERYX_RUN_DIR"]))
    login = {"host": smsc.host, "port": smsc.port, "system_id": smsc.system_id, "password": smsc.password}
    operator.post("/operator/connectors", {"name": CONNECTOR, "window": WINDOW, **login}, 201)
    for price_class, prefix in ROUTES:
        operator.post(
            "/operator/routes", {"price_class": price_class, "prefix": prefix, "connector": CONNECTOR}, 201
        )
    keryx.bound()
    return keryx


@pytest.fixture
def keryx(running: Keryx) -> Iterator[Keryx]:
    """The stack with a simulator that behaves well and has seen nothing yet."""
    running.smsc.faults(preset="calm", seed=1)
    running.bound()
    running.smsc.reset()
    yield running
    running.smsc.faults(preset="calm", seed=1)
    eventually(running.at_rest, 30, 0.1, "nothing left over for the next story")
