"""Databases: SQLAlchemy sessions for the control plane, plain psycopg2 connections for the data plane.

Both wait for a database that is not there yet and survive its restart. Every connection names its process in
``application_name`` and gives up on a lock or an idle transaction after a time, so that a stuck one frees the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from . import logs

log = logs.get(__name__)

IDLE_SECONDS = 60
"""How long a transaction may wait for its process before the server ends it and frees its locks."""


def _options(idle_seconds: int) -> str:
    return f"-c lock_timeout=10s -c idle_in_transaction_session_timeout={idle_seconds}s -c timezone=UTC"


def connect(url: str, name: str, *, autocommit: bool = False, idle_seconds: int = IDLE_SECONDS) -> Connection:
    """A psycopg2 connection. Raises psycopg2.OperationalError when the database is not there."""
    connection = psycopg2.connect(
        url,
        application_name=name,
        options=_options(idle_seconds),
        connect_timeout=5,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
    )
    connection.autocommit = autocommit
    return connection


def connect_patiently(
    url: str,
    name: str,
    *,
    autocommit: bool = False,
    idle_seconds: int = IDLE_SECONDS,
    stopping: Callable[[], bool] = lambda: False,
) -> Connection:
    """Like ``connect``, but waits for the database, with a growing pause up to 2 s.

    Raises the last error once ``stopping()`` is true.
    """
    pause = 0.1
    while True:
        try:
            return connect(url, name, autocommit=autocommit, idle_seconds=idle_seconds)
        except psycopg2.OperationalError as error:
            if stopping():
                raise
            log.warning("database_not_there", reason=str(error).strip().splitlines()[0])
            time.sleep(pause)
            pause = min(2.0, pause * 2)


def make_engine(url: str, name: str, pool_size: int = 10) -> Engine:
    """An engine whose connections are checked before use, so that a restarted database is not noticed."""
    engine = create_engine(
        url.replace("postgres://", "postgresql://", 1).replace("postgresql://", "postgresql+psycopg2://", 1),
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        connect_args={"application_name": name, "options": _options(IDLE_SECONDS), "connect_timeout": 5},
    )
    engine.dialect.do_ping = partial(_is_open, engine.dialect.do_ping)  # type: ignore[method-assign]
    return engine


def _is_open(ask: Callable[[Any], bool], connection: Any) -> bool:
    """Whether the server has not hung up, as far as the socket tells: that takes a microsecond.

    By a query it was an eighth of a service's time: each transaction waited for one answer more. A server that ends a
    connection says why before it goes, so whatever it has said makes us ask.
    """
    connection.poll()  # raises when it is gone
    if connection.notices:
        connection.notices.clear()
        return ask(connection)
    return True


class Database:
    """Transactions on one engine."""

    def __init__(self, engine: Engine) -> None:
        """Use ``engine``; nothing is connected yet."""
        self.engine = engine

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits when the block ends and rolls back when it raises."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def is_there(self) -> bool:
        """True when the database answers a query now."""
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
        except Exception:  # noqa: BLE001  a health check: whatever went wrong, the answer is no
            return False
        return True


def cursor_of(session: Session | Any) -> Any:
    """The psycopg2 cursor behind a session's transaction, for plain SQL; a cursor is handed back as it is."""
    if isinstance(session, Session):
        return session.connection().connection.cursor()
    return session
