"""Migrations: from nothing to now and back, once, however many try."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import psycopg2
import pytest
from alembic import command
from psycopg2 import sql
from sqlalchemy import NullPool, create_engine, inspect

from deploy.local import worlds
from servicekit import migrate
from tests.support.infra import Infra

pytestmark = pytest.mark.integration


@pytest.fixture
def empty_database(infra: Infra) -> Iterator[Callable[[str], str]]:
    """``empty_database("billing")``: URL of a database with nothing in it."""
    with ExitStack() as stack:
        yield lambda service: stack.enter_context(_empty(infra, service))


@contextmanager
def _empty(infra: Infra, service: str) -> Iterator[str]:
    owner = f"{infra.world.name}_{service}"
    name = f"{owner}_empty"
    with worlds.administering(infra.world.admin_url) as cursor:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 OWNER {}")
        cursor.execute(statement.format(sql.Identifier(name), sql.Identifier(owner)))
    try:
        yield urlsplit(infra.world.database_urls[service])._replace(path=f"/{name}").geturl()
    finally:
        with worlds.administering(infra.world.admin_url) as cursor:
            worlds.drop_database(cursor, name)


@pytest.mark.parametrize("service", migrate.SERVICES)
def test_a_service_goes_from_nothing_to_its_models_and_back(
    service: str, empty_database: Callable[[str], str]
) -> None:
    url = empty_database(service)
    migrate.migrate(service, url)
    migrate.migrate(service, url)

    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://"), poolclass=NullPool)
    with engine.connect() as connection:
        assert migrate.drift(service, connection) == []
        connection.rollback()
        command.downgrade(migrate.configuration(service, connection), "base")
        connection.commit()
        assert inspect(connection).get_table_names() == ["alembic_version"]
        left = connection.exec_driver_sql(
            "SELECT proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'"
            " UNION ALL SELECT typname FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace"
            " WHERE nspname = 'public' AND typtype = 'e'"
            " UNION ALL SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname = 'public' AND relkind IN ('S', 'v', 'm')"
        ).fetchall()
        assert left == []

    migrate.migrate(service, url)


def test_several_who_migrate_at_once_do_it_once(empty_database: Callable[[str], str]) -> None:
    url = empty_database("notifier")
    failures: list[BaseException] = []

    def attempt() -> None:
        try:
            migrate.migrate("notifier", url)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=attempt) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM alembic_version")
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        assert cursor.fetchone() == (0,)
    connection.close()


def test_a_migration_that_fails_lets_go_of_its_lock(
    empty_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = empty_database("notifier")

    def fail(*_: object) -> None:
        raise RuntimeError("half way")

    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", fail)
        with pytest.raises(RuntimeError, match="half way"):
            migrate.migrate("notifier", url)

    migrate.migrate("notifier", url)
