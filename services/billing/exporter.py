"""The exporter's source: the entries of an account's ledger. Run as ``python -m services.billing.exporter``."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from typing import Any

from servicekit import exporting

from . import domain, queries, schemas

PAGE = 1_000
HEADERS = ("id", "time", "kind", "cause", "reason", "holds", "available", "held", "currency")

_COUNT = f"SELECT count(*) FROM entries WHERE {queries.OF_STATEMENT}"


class Ledger:
    """The entries that a statement with the same filters shows, newest first."""

    def headers(self, filters: dict[str, Any]) -> tuple[str, ...]:
        """The first row of the file."""
        return HEADERS

    def count(self, cursor: Any, account_id: int, filters: dict[str, Any]) -> int:
        """How many there are now. Raises InvalidFields."""
        asked = schemas.load(schemas.StatementFilter, account_id=account_id, **filters)
        cursor.execute(_COUNT, asked | {"before": queries.NEWEST})
        return int(cursor.fetchone()[0])

    def pages(self, connection: Any, account_id: int, filters: dict[str, Any]) -> Generator[list[list[Any]]]:
        """The rows, a page of the statement each. What is booked meanwhile is newer than the first page, so left out.

        Raises InvalidFields.
        """
        asked = schemas.load(schemas.StatementFilter, account_id=account_id, **filters)
        before: int | None = None
        while True:
            with connection, connection.cursor() as cursor:
                page = queries.statement(cursor, **asked, before=before, limit=PAGE)
            yield [shown(entry) for entry in page["data"]]
            if page["next_cursor"] is None:
                return
            before = int(page["next_cursor"])


def shown(entry: dict[str, Any]) -> list[Any]:
    """An entry as a row of the file; amounts in euro, for people: all sums are made in the ledger."""
    euro = [entry[name] / 1_000_000 for name in ("available", "held")]
    return [
        entry["id"],
        datetime.fromisoformat(entry["at"]),
        *(entry[name] for name in HEADERS[2:6]),
        *euro,
        domain.CURRENCY,
    ]


if __name__ == "__main__":
    exporting.run("billing", {"ledger": Ledger()})
