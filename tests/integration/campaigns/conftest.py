"""Campaigns on a migrated database of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from servicekit.database import Database, make_engine
from tests.integration.campaigns.support import Campaigns


@pytest.fixture
def campaigns(fresh_database: Callable[[str], str]) -> Iterator[Campaigns]:
    """The use cases on an empty database."""
    engine = make_engine(fresh_database("campaigns"), "test")
    yield Campaigns(Database(engine))
    engine.dispose()
