"""The migrations make what the models say, and can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg2
import pytest
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from servicekit.database import make_engine
from servicekit.migrate import configuration, drift, migrate
from services import contacts
from services.contacts import schemas
from services.contacts.jobs import sorting
from services.contacts.queries import search

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


def test_contacts_of_a_release_without_search_entries_are_found_at_once_and_sorted_in(
    fresh_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "WINDOW", 0)
    url = fresh_database("contacts")
    engine = make_engine(url, "test")
    with engine.connect() as connection:
        command.downgrade(configuration("contacts", connection), "0013")
        connection.execute(text("INSERT INTO contacts (account_id, first_name) VALUES (7, 'Ζηνοβία')"))
        connection.commit()
    engine.dispose()

    migrate("contacts", url)

    wanted = schemas.load(schemas.Listing, {"search": "ζηνοβια"})
    worker = psycopg2.connect(url)
    with worker.cursor() as cursor:
        before, _ = search.page_ids(cursor, 7, wanted, None, 50)
    worker.rollback()
    assert len(before) == 1
    assert sorting.sort_in(worker)
    with worker.cursor() as cursor:
        cursor.execute("SELECT contact_id, (SELECT count(*) FROM search_changes) FROM search_entries")
        assert cursor.fetchall() == [(before[0], 0)]
        assert search.page_ids(cursor, 7, wanted, None, 50)[0] == before
    worker.close()
