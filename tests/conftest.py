"""Fixtures for tests on real servers. They are made on demand: unit tests start nothing.

Each process of a run has a world of its own, whether ``make test`` started it or somebody's ``pytest``. Properties are
judged by what they claim and not by how long an example takes: that is the machine's other work as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from deploy.local import layout, testing
from tests.support.infra import Infra

settings.register_profile("keryx", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("keryx")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Who runs what, when several processes share the tests."""
    from tests.support.sharing import ByFile

    return ByFile(config, log)


@pytest.fixture(scope="session")
def infra() -> Iterator[Infra]:
    """PostgreSQL and RabbitMQ with names of this process's own."""
    from servicekit.migrate import migrate

    here = layout.current()
    with testing.test_world(here) as world:
        yield Infra(world, testing.own_pair(here), migrate)


@pytest.fixture
def fresh_database(infra: Infra) -> Iterator[Callable[[str], str]]:
    """``fresh_database("billing")``: URL of an empty, migrated database for this test alone."""
    with ExitStack() as stack:
        yield lambda service: stack.enter_context(infra.database(service))


@pytest.fixture(scope="module")
def module_database(infra: Infra) -> Iterator[Callable[[str], str]]:
    """``module_database("billing")``: URL of a migrated database that the tests of one module share."""
    made: dict[str, str] = {}
    with ExitStack() as stack:

        def database(service: str) -> str:
            if service not in made:
                made[service] = stack.enter_context(infra.database(service))
            return made[service]

        yield database


@pytest.fixture
def fresh_broker(infra: Infra) -> Iterator[str]:
    """AMQP URI of an empty virtual host for this test alone."""
    with infra.virtual_host() as uri:
        yield uri


@pytest.fixture(scope="module")
def module_broker(infra: Infra) -> Iterator[str]:
    """AMQP URI of a virtual host that the tests of one module share."""
    with infra.virtual_host() as uri:
        yield uri
