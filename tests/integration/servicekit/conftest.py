"""Sites for the toy service: one that lives as long as the session, and fresh ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from servicekit import context
from servicekit.rpcclient import Client
from tests.support.infra import Infra

from .support import Program, Site, site


@dataclass
class Town:
    """Two replicas of the toy and one relay, running."""

    site: Site
    replicas: list[Program]
    relay: Program
    client: Client

    def start_replicas(self) -> None:
        """Have both replicas run."""
        for index, replica in enumerate(self.replicas):
            if replica.process.poll() is not None:
                self.replicas[index] = self.site.start_toy(replica.name, ready=False)
        for replica in self.replicas:
            replica.wait_ready()


@pytest.fixture(scope="session")
def town_(infra: Infra, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The town of this session."""
    with site(infra, tmp_path_factory.mktemp("town")) as made:
        replicas = [made.start_toy(name, ready=False) for name in ("toy-1", "toy-2")]
        town = Town(made, replicas, made.start_relay(), Client(made.amqp_uri))
        town.start_replicas()
        yield town
        town.client.close()


@pytest.fixture
def town(town_: Town) -> Iterator[Town]:
    """The town, whole again after each test."""
    yield town_
    town_.client.close()
    town_.start_replicas()


@pytest.fixture
def fresh_site(infra: Infra, tmp_path: Path) -> Iterator[Site]:
    """Queues and a database for one test, nothing running."""
    with site(infra, tmp_path) as made:
        yield made


@pytest.fixture(autouse=True)
def own_correlation() -> None:
    """No test speaks under another one's correlation id."""
    context.enter(None)
