"""Connectors and routes as data: made and changed by the operator, taken up by senders within two seconds."""

from __future__ import annotations

from typing import Any

from psycopg2.errors import UniqueViolation

from . import secrets
from .errors import (
    ConnectorChanged,
    ConnectorExists,
    InvalidFields,
    RouteExists,
    UnknownConnector,
    UnknownRoute,
)
from .rows import dicts, one

FIELDS = (
    "host", "port", "system_id", "bind", "window", "parts_per_second", "response_timeout", "receipt_ids", "enabled",
)  # fmt: skip
_SHOWN = """
SELECT c.name, c.host, c.port, c.system_id, c.bind, c."window", c.parts_per_second, c.response_timeout, c.receipt_ids,
    c.enabled, c.version, c.created_at, coalesce(b.state, 'down') AS state, b.reason,
    coalesce(b.submits, 0) AS submits, coalesce(b.receipts, 0) AS receipts, coalesce(b.in_flight, 0) AS in_flight
FROM connectors c LEFT JOIN LATERAL (
    SELECT (array_agg(state ORDER BY array_position(ARRAY['up', 'open', 'binding', 'down'], state)))[1] AS state,
        (array_agg(reason ORDER BY updated_at DESC))[1] AS reason, sum(submits_per_second)::int AS submits,
        sum(receipts_per_second)::int AS receipts, sum(in_flight)::int AS in_flight
    FROM binds WHERE connector_id = c.id AND updated_at > now() - interval '10 seconds'
) b ON true
"""


def create(cursor: Any, data: dict[str, Any]) -> dict[str, Any]:
    """A new connector. Raises ConnectorExists, InvalidFields."""
    values = {"name": data["name"], "password": secrets.hide(data["password"]), **_settings(data)}
    try:
        cursor.execute(
            f"INSERT INTO connectors ({', '.join(_quoted(values))}) VALUES ({', '.join(['%s'] * len(values))})",
            list(values.values()),
        )
    except UniqueViolation:
        raise ConnectorExists(f"There is a connector {data['name']!r} already.") from None
    return get(cursor, data["name"])


def get(cursor: Any, name: str) -> dict[str, Any]:
    """A connector with what its binds said in the last ten seconds. Raises UnknownConnector."""
    row = one(cursor, f"{_SHOWN} WHERE c.name = %s", (name,))
    if row is None:
        raise UnknownConnector(f"There is no connector {name!r}.")
    return _shown(row)


def list_all(cursor: Any) -> dict[str, Any]:
    """All connectors by name."""
    return {"data": [_shown(row) for row in dicts(cursor, f"{_SHOWN} ORDER BY c.name")], "next_cursor": None}


def update(cursor: Any, name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Change what ``changes`` names; ``version`` in it must be the current one.

    Raises UnknownConnector, ConnectorChanged, InvalidFields.
    """
    # Of two changes at once one waits here, and is then too late.
    cursor.execute("SELECT FROM connectors WHERE name = %s FOR UPDATE", (name,))
    current = get(cursor, name)
    if changes.get("version") not in (None, current["version"]):
        raise ConnectorChanged("The connector was changed since it was read.")
    values = _settings(changes)
    if changes.get("password") is not None:
        values["password"] = secrets.hide(changes["password"])
    if values:
        cursor.execute(
            f"UPDATE connectors SET {', '.join(f'{column} = %s' for column in _quoted(values))}, version = version + 1"
            " WHERE name = %s",
            [*values.values(), name],
        )
    return get(cursor, name)


def create_route(cursor: Any, data: dict[str, Any]) -> dict[str, Any]:
    """A new way out. Raises InvalidFields for an unknown connector, RouteExists."""
    try:
        cursor.execute(
            "INSERT INTO routes (price_class, prefix, connector_id, priority, weight)"
            " SELECT %s, %s, id, %s, %s FROM connectors WHERE name = %s RETURNING id",
            (
                data["price_class"],
                data.get("prefix", ""),
                data.get("priority", 0),
                data.get("weight", 1),
                data["connector"],
            ),
        )
    except UniqueViolation:
        raise RouteExists("The same price class, prefix and connector are routed already.") from None
    row = cursor.fetchone()
    if row is None:
        error = {
            "pointer": "/connector",
            "code": "unknown_connector",
            "detail": "There is no such connector.",
        }
        raise InvalidFields("A value is not valid.", errors=[error])
    return next(route for route in list_routes(cursor)["data"] if route["id"] == row[0])


def list_routes(cursor: Any) -> dict[str, Any]:
    """All routes."""
    rows = dicts(
        cursor,
        "SELECT r.id, r.price_class, r.prefix, c.name AS connector, r.priority, r.weight, r.created_at FROM routes r"
        " JOIN connectors c ON c.id = r.connector_id ORDER BY r.price_class, r.prefix, r.priority, r.id",
    )
    return {"data": rows, "next_cursor": None}


def delete_route(cursor: Any, route_id: int) -> None:
    """Take a way out of use. Raises UnknownRoute."""
    cursor.execute("DELETE FROM routes WHERE id = %s", (route_id,))
    if not cursor.rowcount:
        raise UnknownRoute("There is no such route.")


def _settings(data: dict[str, Any]) -> dict[str, Any]:
    errors = [
        {"pointer": f"/{name}", "code": "invalid", "detail": "SMPP carries printable ASCII only."}
        for name in ("system_id", "password")
        if not (value := data.get(name) or "").isascii() or not value.isprintable()
    ]
    if errors:
        raise InvalidFields("A value is not valid.", errors=errors)
    return {name: data[name] for name in FIELDS if name in data}


def _quoted(values: dict[str, Any]) -> list[str]:
    return [f'"{name}"' for name in values]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    rates = {
        "submits_per_second": row.pop("submits"),
        "receipts_per_second": row.pop("receipts"),
        "in_flight": row.pop("in_flight"),
    }
    return {**row, "reason": row["reason"] or None, "rates": rates}
