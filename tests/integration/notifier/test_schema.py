"""The migrations make what the models say, and can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from servicekit.database import make_engine
from servicekit.migrate import drift
from services import notifier

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(fresh_database: Callable[[str], str]) -> Iterator[Connection]:
    """A connection to a migrated database."""
    engine = make_engine(fresh_database("notifier"), "test")
    with engine.connect() as connected:
        yield connected
    engine.dispose()


def test_models_and_migrations_agree(connection: Connection) -> None:
    assert drift("notifier", connection) == []


def test_every_revision_can_be_undone(connection: Connection) -> None:
    folder = f"{notifier.__path__[0]}/migrations"
    revisions = ScriptDirectory(folder, version_locations=[f"{folder}/versions"]).walk_revisions()
    with Operations.context(MigrationContext.configure(connection)):
        for revision in revisions:
            revision.module.downgrade()

    assert inspect(connection).get_table_names() == ["alembic_version"]
