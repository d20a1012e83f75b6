"""A data plane for each test, on a database, a virtual host and a simulator of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from servicekit.database import Database, make_engine
from simulators.smsc import testing
from tests.integration.dispatcher.following import Contacts, Pair
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


@pytest.fixture(scope="module")
def new_pair(module_database: Callable[[str], str]) -> Iterator[Callable[[], Pair]]:
    """Another account, nothing told of it yet."""
    contacts, dispatcher = (
        Database(make_engine(module_database(name), "test", pool_size=1))
        for name in ("contacts", "dispatcher")
    )
    yield lambda: Pair(Contacts(contacts), dispatcher)
    contacts.engine.dispose()
    dispatcher.engine.dispose()
