"""The tables of campaigns are what the migrations make."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from servicekit.database import make_engine
from servicekit.migrate import drift

pytestmark = pytest.mark.integration


def test_migrations_and_models_agree(fresh_database: Callable[[str], str]) -> None:
    engine = make_engine(fresh_database("campaigns"), "test")
    with engine.connect() as connection:
        assert drift("campaigns", connection) == []
    engine.dispose()
