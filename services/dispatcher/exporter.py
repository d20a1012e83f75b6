"""The exporter's source: the history of messages, row by row. Run as ``python -m services.dispatcher.exporter``."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from servicekit import exporting

from . import queries
from .domain import State

PAGE = 2_000
HEADERS = (
    "id", "recipient", "sender", "text", "number_of_sms", "encoding", "price_class", "price", "status", "reason",
    "submitted", "final", "campaign", "reference",
)  # fmt: skip
_ROWS = """
SELECT m.id, m.recipient, m.sender, m.text, m.parts, m.encoding, c.price_class, m.parts * m.price, m.state, m.reason,
    m.submitted_at, m.done_at, c.campaign_id, m.reference FROM messages m JOIN chunks c ON c.id = m.chunk_id
"""
_LABELS = {int(state): state.label for state in State}
_COUNT = "SELECT count(*) FROM messages m JOIN chunks c ON c.id = m.chunk_id"


class Messages:
    """All messages that a filter of the history finds."""

    def headers(self, filters: dict[str, Any]) -> tuple[str, ...]:
        """The first row of the file."""
        return HEADERS

    def count(self, cursor: Any, account_id: int, filters: dict[str, Any]) -> int:
        """How many there are now. Raises InvalidFields."""
        where, parameters = queries.search(cursor, account_id, filters)
        cursor.execute(f"{_COUNT} WHERE {' AND '.join(where)}", parameters)
        return int(cursor.fetchone()[0])

    def pages(self, connection: Any, account_id: int, filters: dict[str, Any]) -> Generator[list[list[Any]]]:
        """The rows by id, from a server-side cursor. Raises InvalidFields."""
        with connection, connection.cursor() as plain, connection.cursor(name="export") as cursor:
            where, parameters = queries.search(plain, account_id, filters)
            cursor.itersize = PAGE
            cursor.execute(f"{_ROWS} WHERE {' AND '.join(where)} ORDER BY m.id", parameters)
            while page := cursor.fetchmany(PAGE):
                yield [shown(row) for row in page]


def shown(row: tuple[Any, ...]) -> list[Any]:
    """A row of the database as a row of the file: numbers as text, prices in euro, states by their names."""
    cells = list(row)
    cells[1] = str(cells[1]) if cells[1] > 0 else "erased"
    cells[7] = cells[7] / 1_000_000  # for people to read; all sums are made in the ledger
    cells[8] = _LABELS[cells[8]]
    return cells


if __name__ == "__main__":
    exporting.run("dispatcher", {"messages": Messages()})
