"""Connections that wait in a pool: one that the server has ended is replaced before anybody uses it."""

from __future__ import annotations

import select

import pytest

from servicekit.database import Database, cursor_of, make_engine
from tests.integration.servicekit.support import Site


def backend(database: Database) -> int:
    """The pid of the server's side of the connection that the next transaction gets."""
    with database.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def socket_of(database: Database) -> int:
    """The file descriptor of the connection that the next transaction gets."""
    with database.transaction() as session:
        return int(session.connection().connection.dbapi_connection.fileno())  # type: ignore[union-attr]


@pytest.mark.parametrize("times", [1, 2])
def test_a_connection_that_was_cut_off_is_not_used_again(fresh_site: Site, times: int) -> None:
    database = Database(make_engine(fresh_site.database_url, "test", pool_size=1))
    try:
        for _ in range(times):
            before = backend(database)
            assert backend(database) == before
            waiting = socket_of(database)
            with fresh_site.database_away():
                assert select.select([waiting], [], [], 10)[0]
            assert backend(database) != before
    finally:
        database.engine.dispose()
