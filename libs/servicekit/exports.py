"""Exports as jobs: a service is asked for a file here, its exporter writes it (``exporting``), pieces of it are handed out."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from psycopg2.extras import Json
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from contracts.errors import Conflict, Invalid, NotFound

from . import idempotency, settings
from .database import cursor_of

CHANNEL = "exports"
FORMATS = ("xlsx", "csv")
PIECE_OCTETS = 512 * 1024
SWEPT_AT_ONCE = 100

WHY = {
    "no_space": {
        "el": "Δεν υπάρχει χώρος στον διακομιστή για το αρχείο. Περιορίστε το με φίλτρα ή δοκιμάστε αργότερα.",
        "en": "The server has no room for the file. Narrow it down with filters, or try again later.",
    },
    "export_failed": {
        "el": "Το αρχείο δεν μπορεί να γραφτεί με αυτά τα φίλτρα.",
        "en": "The file cannot be written with these filters.",
    },
    "internal_error": {
        "el": "Κάτι πήγε στραβά σε εμάς και το αρχείο δεν γράφτηκε. Δοκιμάστε ξανά.",
        "en": "Something went wrong on our side and the file was not written. Try again.",
    },
}
"""What clients are told of an export that failed, by its code."""

_NAMES = ("id", "what", "format", "state", "total", "written", "size", "error", "created_at", "finished_at")
_SHOWN = f"SELECT {', '.join(_NAMES)} FROM exports WHERE id = %s AND account_id = %s"
_INSERT = (
    "INSERT INTO exports (account_id, what, format, filter, zone) VALUES (%s, %s, %s, %s, %s) RETURNING id"
)
_PIECE = """
SELECT data, (SELECT max(no) FROM export_pieces WHERE export_id = %s) FROM export_pieces WHERE export_id = %s AND no = %s
"""
_LOCK = "SELECT pg_advisory_xact_lock{}(hashtextextended('exports', %s))"
# Those that nobody writes have read nothing yet; a pause after a full disk stays.
_AGAIN = """
UPDATE exports SET state = 'queued', written = 0, attempts = greatest(attempts - 1, 0), owner = NULL, lease_until = NULL
WHERE account_id = %s AND state = 'running'
"""
_SWEEP = """
DELETE FROM exports WHERE id IN (
    SELECT id FROM exports WHERE finished_at < now() - make_interval(secs => %s) ORDER BY id LIMIT %s
    FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True)
class Keeping:
    """From KERYX_EXPORT_DAYS."""

    export_days: float = 7.0
    """How long a written file can be fetched, and how long a failed export is shown."""


@cache
def keeping() -> Keeping:
    """Of this process, read once. Raises BadSetting."""
    return settings.read(Keeping)


def export_tables(metadata: MetaData) -> None:
    """Add the tables of exports to a service's metadata."""
    moment = DateTime(timezone=True)
    Table(
        "exports",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("account_id", BigInteger, nullable=False),
        Column("what", Text, nullable=False),
        Column("format", Text, nullable=False),
        Column("filter", JSONB, nullable=False, server_default=text("'{}'")),
        Column("state", Text, nullable=False, server_default=text("'queued'")),
        Column("total", BigInteger, nullable=False, server_default=text("0")),
        Column("written", BigInteger, nullable=False, server_default=text("0")),
        Column("size", BigInteger),
        Column("error", Text),
        Column("zone", Text, nullable=False, server_default=text("'UTC'")),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("owner", Text),
        Column("lease_until", moment),
        Column("created_at", moment, nullable=False, server_default=text("now()")),
        Column("finished_at", moment),
        Index("exports_account", "account_id", "id"),
    )
    Table(
        "export_pieces",  # the finished file, so that any replica can hand it out
        metadata,
        Column("export_id", BigInteger, ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True),
        Column("no", Integer, primary_key=True, autoincrement=False),
        Column("data", LargeBinary, nullable=False),
    )


def create_export_tables(op: Any) -> None:
    """For an alembic revision: the tables of ``export_tables``."""
    metadata = MetaData()
    export_tables(metadata)
    metadata.create_all(op.get_bind())


def add_attempts(op: Any) -> None:
    """For an alembic revision: what exports did not have at first. Tables made today have it already."""
    op.execute("ALTER TABLE exports ADD COLUMN IF NOT EXISTS zone text NOT NULL DEFAULT 'UTC'")
    op.execute("ALTER TABLE exports ADD COLUMN IF NOT EXISTS attempts integer NOT NULL DEFAULT 0")


def drop_attempts(op: Any) -> None:
    """Undo ``add_attempts``."""
    op.execute("ALTER TABLE exports DROP COLUMN IF EXISTS attempts, DROP COLUMN IF EXISTS zone")


def drop_export_tables(op: Any) -> None:
    """Undo ``create_export_tables``."""
    metadata = MetaData()
    export_tables(metadata)
    metadata.drop_all(op.get_bind())


def create(
    session: Any,
    account_id: int,
    what: str,
    format_: str,
    filters: dict[str, Any],
    key: str | None,
    zone: str = "UTC",
) -> dict[str, Any]:
    """A new export job; the caller has checked ``what`` and ``filters``, which any JSON can be. Times will be in ``zone``.

    Raises Invalid("invalid_fields") for a format that is not written, Conflict("idempotency_key_reused").
    """
    if format_ not in FORMATS:
        raise invalid("/format", f"one of {', '.join(FORMATS)}")
    request = {"what": what, "format": format_, "filter": filters}

    def produce() -> dict[str, Any]:
        cursor = cursor_of(session)
        cursor.execute(_INSERT, (account_id, what, format_, Json(filters), zone))
        export_id = cursor.fetchone()[0]
        cursor.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
        return get(cursor, account_id, export_id)

    answer: dict[str, Any] = idempotency.remember(session, account_id, key, request, produce, "export")
    return answer


def invalid(pointer: str, detail: str) -> Invalid:
    """The refusal of what cannot be exported."""
    error = {"pointer": pointer, "code": "invalid", "detail": detail}
    return Invalid("invalid_fields", "A value is not valid.", [error])


def get(session: Any, account_id: int, export_id: int) -> dict[str, Any]:
    """State and progress (0 to 1), ``rows`` of ``total`` written. Raises NotFound("unknown_export").

    ``failure`` tells in both languages why there is no file, ``expires_at`` until when there is one.
    """
    cursor = cursor_of(session)
    cursor.execute(_SHOWN, (export_id, account_id))
    found = cursor.fetchone()
    if found is None:
        raise _unknown()
    row = dict(zip(_NAMES, found, strict=True))
    total, written, finished_at = row["total"], row.pop("written"), row["finished_at"]
    expires_at = finished_at and finished_at + timedelta(days=keeping().export_days)
    for name, moment in {**row, "expires_at": expires_at}.items():
        if name.endswith("_at"):
            row[name] = moment.isoformat().replace("+00:00", "Z") if moment else None
    error = row["error"]
    row["failure"] = {"code": error, **WHY.get(error, WHY["internal_error"])} if error else None
    done = row["state"] == "done"
    progress = 1.0 if done else round(min(1.0, written / total), 4) if total else 0.0
    return {**row, "progress": progress, "rows": written, "piece_octets": PIECE_OCTETS}


def delete(session: Any, account_id: int, export_id: int) -> None:
    """Remove the file, or end its writing before the next page. Raises NotFound("unknown_export")."""
    cursor = cursor_of(session)
    cursor.execute("DELETE FROM exports WHERE id = %s AND account_id = %s", (export_id, account_id))
    if not cursor.rowcount:
        raise _unknown()


def withdraw(session: Any, account_id: int) -> None:
    """Remove the account's files and have those that are being written begin anew: somebody is erased by this transaction.

    When it has committed no file has what it erased, nor will one that is asked for meanwhile.
    """
    cursor = cursor_of(session)
    cursor.execute(_LOCK.format(""), (account_id,))
    cursor.execute(_AGAIN, (account_id,))
    # Behind it: a file that became ready since is seen by now, one that does later finds its job gone.
    cursor.execute("DELETE FROM exports WHERE account_id = %s AND finished_at IS NOT NULL", (account_id,))


def wait_for_withdrawal(cursor: Any, account_id: int) -> None:
    """Wait for the end of a ``withdraw`` under way, in a transaction with nothing else: between claiming and reading.

    A later one finds the claim, and ends it; what an earlier one erased is not read.
    """
    cursor.execute(_LOCK.format("_shared"), (account_id,))


def sweep(cursor: Any) -> int:
    """Remove files whose time is over, SWEPT_AT_ONCE at most; how many. Another's sweep is no hindrance."""
    cursor.execute(_SWEEP, (keeping().export_days * 86_400, SWEPT_AT_ONCE))
    return int(cursor.rowcount)


def _unknown() -> NotFound:
    return NotFound("unknown_export", "There is no such export.")


def piece(session: Any, account_id: int, export_id: int, offset: int) -> dict[str, Any]:
    """The ``offset``-th piece of the file, and the next offset or None.

    Raises NotFound("unknown_export"), Conflict("export_not_ready").
    """
    export = get(session, account_id, export_id)
    if export["state"] != "done":
        raise Conflict("export_not_ready", f"The export is {export['state']}.")
    cursor = cursor_of(session)
    cursor.execute(_PIECE, (export_id, export_id, offset))
    row = cursor.fetchone()
    data, last = row if row else (b"", offset)
    return {
        "data_b64": base64.b64encode(bytes(data)).decode("ascii"),
        "next_offset": offset + 1 if offset < last else None,
        "filename": f"{export['what']}-{export_id}.{export['format']}",
    }
