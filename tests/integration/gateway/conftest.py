"""A gateway under gunicorn with accounts and billing behind it, and keys for both scopes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from servicekit import topology
from servicekit.database import Database, make_engine
from services.accounts import bootstrap
from tests.integration.gateway.processes import Launcher

CACHE_SECONDS = 0.3


@dataclass
class World:
    """What runs, and who may call it."""

    launcher: Launcher
    url: str
    operator: httpx.Client
    client: httpx.Client
    account_id: str

    def with_key(self, key: str) -> httpx.Client:
        """Calls with another key."""
        return caller(self.url, key)


def caller(url: str, key: str | None) -> httpx.Client:
    """A client of the gateway at ``url``."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=f"{url}/api/v1/", headers=headers, timeout=40)


MAX_UPLOAD_BYTES = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def launcher(
    module_database: Callable[[str], str], module_broker: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Launcher]:
    """Starts processes; ends them after the module."""
    topology.declare(module_broker)
    urls = {f"KERYX_DATABASE_URL_{name.upper()}": module_database(name) for name in ("accounts", "billing")}
    environment = {
        "KERYX_AMQP_URI": module_broker,
        "KERYX_AUTH_CACHE_SECONDS": str(CACHE_SECONDS),
        "KERYX_RPC_TIMEOUT": "3",
        **urls,
    }
    made = Launcher(environment, tmp_path_factory.mktemp("gateway"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def world(launcher: Launcher) -> Iterator[World]:
    """Accounts, billing and the gateway, running."""
    engine = make_engine(launcher.environment["KERYX_DATABASE_URL_ACCOUNTS"], "test", pool_size=1)
    with Database(engine).transaction() as session:
        first = bootstrap.run(session, None, None)
    engine.dispose()
    launcher.service("accounts")
    launcher.service("billing", probe="books")
    gateway = launcher.gateway(KERYX_MAX_UPLOAD_BYTES=str(MAX_UPLOAD_BYTES))
    with (
        caller(gateway.url, first["operator_key"]) as operator,
        caller(gateway.url, first["api_key"]) as client,
    ):
        yield World(launcher, gateway.url, operator, client, first["account_id"])
