"""A data plane for each test, on a database, a virtual host and a simulator of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from simulators.smsc import testing
from tests.integration.dispatcher.tables import Tables
from tests.support.dataplane import Dataplane, dataplane


@pytest.fixture
def plane(fresh_database: Callable[[str], str], fresh_broker: str) -> Iterator[Dataplane]:
    """Nothing started yet but the simulator."""
    with testing.running(seed=7) as smsc, dataplane(fresh_database("dispatcher"), fresh_broker, smsc) as it:
        yield it


@pytest.fixture
def tables(fresh_database: Callable[[str], str]) -> Iterator[Tables]:
    """The dispatcher's tables, and no process."""
    it = Tables(fresh_database("dispatcher"))
    yield it
    it.close()
