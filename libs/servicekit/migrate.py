"""Migrations of a service's database: run once, under an advisory lock, giving up on locks quickly (DESIGN §4).

``python -m servicekit.migrate <service>…`` or ``all``. Safe beside running code: a revision that cannot get its lock in
LOCK_TIMEOUT fails and is run again, instead of queueing everybody behind it.
"""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, NullPool, create_engine, text

from . import database, settings

LOCK_TIMEOUT = "5s"
LOCK_ID = 7_110_001
SERVICES = ("accounts", "contacts", "campaigns", "dispatcher", "billing", "notifier")


def is_ours(item: Any, name: str | None, kind: str, *_: Any) -> bool:
    """Partitions are made while running and are not in any model; the drift check leaves them out.

    A partition is called ``<table>_p<number>``.
    """
    table = name if kind == "table" else getattr(getattr(item, "table", None), "name", None)
    return not (table and "_p" in table and table.rsplit("_p", 1)[1].isdigit())


def migrate(service: str, url: str) -> None:
    """Bring the database at ``url`` to the newest revision of ``service``. Waits for the database."""
    database.connect_patiently(url, "migrate").close()
    engine = create_engine(
        _sqlalchemy(url), poolclass=NullPool
    )  # closing ends the session, and its lock with it
    with engine.connect() as connection:
        _alone(connection)
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        command.upgrade(configuration(service, connection), "head")
        connection.commit()


def _alone(connection: Connection) -> None:
    """Wait until nobody else migrates. By asking again and again: whoever waits inside a statement holds a snapshot, and
    CREATE INDEX CONCURRENTLY of the one that migrates would wait for that."""
    while not connection.execute(text("SELECT pg_try_advisory_lock(:id)"), {"id": LOCK_ID}).scalar_one():
        connection.rollback()
        time.sleep(0.2)


def configuration(service: str, connection: Connection) -> Config:
    """What alembic's commands need to work on ``service`` by ``connection``."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "alembic_env"))
    config.set_main_option("version_locations", str(_versions(service)))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, metadata=_metadata(service))
    return config


def drift(service: str, connection: Connection) -> list[Any]:
    """What autogenerate would still change after all migrations; empty when models and migrations agree."""
    context = MigrationContext.configure(connection, opts={"include_object": is_ours, "compare_type": True})
    return list(compare_metadata(context, _metadata(service)))


def _metadata(service: str) -> Any:
    return importlib.import_module(f"services.{service}.models").Base.metadata


def _versions(service: str) -> Path:
    module = importlib.import_module(f"services.{service}")
    return Path(str(module.__file__)).parent / "migrations" / "versions"


def _sqlalchemy(url: str) -> str:
    return url.replace("postgres://", "postgresql://", 1).replace(
        "postgresql://", "postgresql+psycopg2://", 1
    )


def main() -> None:
    """Migrate the services named on the command line, each with its own KERYX_DATABASE_URL_<SERVICE>."""
    names = SERVICES if sys.argv[1:] == ["all"] else tuple(sys.argv[1:])
    for service in names:
        migrate(service, settings.database_url(service))
        print(f"{service}: migrated", flush=True)


if __name__ == "__main__":
    main()
