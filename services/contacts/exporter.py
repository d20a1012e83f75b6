"""The exporter's source: contacts, one a row. Run as ``python -m services.contacts.exporter``."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from servicekit import exporting

from . import queries, schemas
from .queries import search

PAGE = 2_000
HEADERS = (
    "id", "number", "other_numbers", "title", "first_name", "last_name", "email", "custom1", "custom2", "custom3", "custom4",
    "vocative", "note", "groups", "blacklisted", "created",
)  # fmt: skip

# A subselect for each: always a look into a key, whatever the statistics say of the account.
_ROWS = """
SELECT c.id, (SELECT p.msisdn::text FROM phones p WHERE p.contact_id = c.id AND p.is_primary),
    (SELECT string_agg(p.msisdn::text, ', ' ORDER BY p.msisdn) FROM phones p
        WHERE p.contact_id = c.id AND NOT p.is_primary),
    c.title, c.first_name, c.last_name, c.email, c.custom1, c.custom2, c.custom3, c.custom4, c.vocative, c.note,
    (SELECT string_agg(g.name, '; ' ORDER BY g.name) FROM group_members m JOIN groups g ON g.id = m.group_id
        WHERE m.contact_id = c.id),
    CASE WHEN EXISTS (SELECT FROM phones p JOIN suppressions s ON s.account_id = p.account_id AND s.msisdn = p.msisdn
        WHERE p.contact_id = c.id AND s.active) THEN 'yes' ELSE 'no' END, c.created_at
FROM contacts c
"""


class Contacts:
    """The contacts of a checked ``schemas.ExportSelection``."""

    def headers(self, filters: dict[str, Any]) -> list[str]:
        """The first row: the names of the API, the account's own names for its fields, where it has some."""
        labels: dict[str, str] = filters.get("labels") or {}
        return [labels.get(name) or name for name in HEADERS]

    def count(self, cursor: Any, account_id: int, filters: dict[str, Any]) -> int:
        """How many there are now. Raises UnknownGroup."""
        where, params = _where(cursor, account_id, filters)
        return int(queries.value(cursor, f"SELECT count(*) FROM contacts c WHERE {where}", params))

    def pages(self, connection: Any, account_id: int, filters: dict[str, Any]) -> Generator[list[Any]]:
        """The rows by id, from a server-side cursor. Raises UnknownGroup."""
        with connection, connection.cursor() as cursor:
            where, params = _where(cursor, account_id, filters)
            with connection.cursor(name="export") as rows:
                rows.itersize = PAGE
                rows.execute(f"{_ROWS} WHERE {where} ORDER BY c.id", params)
                while page := rows.fetchmany(PAGE):
                    yield page


def _where(cursor: Any, account_id: int, filters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    chosen = schemas.load(schemas.ExportSelection, filters)
    asked = search.conditions(cursor, account_id, chosen)
    if chosen["ids"] is None:
        return asked.everything, asked.params
    return f"{asked.everything} AND c.id = ANY(%(ids)s)", asked.params | {"ids": chosen["ids"]}


def main() -> None:
    """Run the exporter."""
    exporting.run("contacts", {"contacts": Contacts()})


if __name__ == "__main__":
    main()
