"""A migrated accounts database for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from servicekit.database import Database, make_engine


@pytest.fixture
def db(fresh_database: Callable[[str], str]) -> Iterator[Database]:
    """Transactions on an empty accounts database."""
    engine = make_engine(fresh_database("accounts"), "test", pool_size=5)
    yield Database(engine)
    engine.dispose()
