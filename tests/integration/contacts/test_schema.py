"""The migrations make what the models say, and can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from servicekit.database import make_engine
from servicekit.migrate import drift
from services import contacts

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(fresh_database: Callable[[str], str]) -> Iterator[Connection]:
    """A connection to a migrated database."""
    engine = make_engine(fresh_database("contacts"), "test")
    with engine.connect() as connected:
        yield connected
    engine.dispose()


def test_models_and_migrations_agree(connection: Connection) -> None:
    assert drift("contacts", connection) == []


def test_every_revision_can_be_undone(connection: Connection) -> None:
    folder = f"{contacts.__path__[0]}/migrations"
    revisions = ScriptDirectory(folder, version_locations=[f"{folder}/versions"]).walk_revisions()
    with Operations.context(MigrationContext.configure(connection)):
        for revision in revisions:
            revision.module.downgrade()

    assert inspect(connection).get_table_names() == ["alembic_version"]


def test_greek_is_found_whatever_its_case_and_accents(connection: Connection) -> None:
    folded = connection.execute(text("SELECT contacts_fold('ΓΙΏΡΓΟΣ Γιώργος ΑΫΛΟΣ')")).scalar_one()

    assert folded == "γιωργοσ γιωργοσ αυλοσ"
