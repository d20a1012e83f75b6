"""A migrated billing database. The ledger cannot be emptied, so each test has accounts of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from servicekit.database import Database, make_engine

_account_ids = itertools.count(1_000)


@pytest.fixture(scope="module")
def db(module_database: Callable[[str], str]) -> Iterator[Database]:
    """Transactions on a billing database that one module shares."""
    engine = make_engine(module_database("billing"), "test", pool_size=30)
    yield Database(engine)
    engine.dispose()


@pytest.fixture
def account_id() -> int:
    """An account that nobody used before."""
    return next(_account_ids)


@pytest.fixture
def new_account_id() -> Callable[[], int]:
    """As many such accounts as are called for."""
    return lambda: next(_account_ids)
