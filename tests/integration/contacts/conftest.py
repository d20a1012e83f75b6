"""A migrated contacts database for each module; each test has accounts of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from servicekit.database import Database, make_engine
from tests.integration.contacts.support import Running, Worker

_account_ids = itertools.count(1_000)


@pytest.fixture(scope="module")
def database_url(module_database: Callable[[str], str]) -> str:
    """The URL of the module's database."""
    return module_database("contacts")


@pytest.fixture(scope="module")
def db(database_url: str) -> Iterator[Database]:
    """Transactions on the module's database."""
    engine = make_engine(database_url, "test", pool_size=10)
    yield Database(engine)
    engine.dispose()


@pytest.fixture
def account_id() -> int:
    """An account that nobody used before."""
    return next(_account_ids)


@pytest.fixture
def other_account_id() -> int:
    """Another one."""
    return next(_account_ids)


@pytest.fixture(scope="module")
def worker(database_url: str) -> Iterator[Running]:
    """The worker of the module's database, as a process."""
    running = Worker(database_url).start()
    yield running
    running.end()
