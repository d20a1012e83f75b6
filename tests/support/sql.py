"""Plain SQL on a database of a test."""

from __future__ import annotations

from typing import Any

import psycopg2


def rows_of(database_url: str, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Rows of ``statement`` on a connection of its own, committed."""
    connection = psycopg2.connect(database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()
