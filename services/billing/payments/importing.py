"""Bank statements taken in: read whole, every line stored once, then each credited or put down for review by itself.

A line is stored before it is decided, so a kill at any moment loses none: whoever comes next goes on (``settle_received``).
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from servicekit import crashpoints, logs
from servicekit.database import Database

from .. import audit
from ..queries import as_time
from . import camt, csvfile, receive, rf
from .errors import BadStatement, StatementTooLarge, UnknownProfile, UnknownStatement
from .lines import Line, earlier_key, without_known
from .models import Payment, Statement, StatementProfile

log = logs.get(__name__)

MAX_BYTES = 4 * 1024 * 1024
PROVIDER = "bank"
_SLICE = 500
_AT_ONCE = 200
"""Lines that the importer waits for: ten seconds on a busy machine. The others wait for ``tidy_orders``, and are shown so."""


def take_in(
    db: Database, data: bytes, format_: str, profile: str | None, filename: str, imported_by: str
) -> dict[str, Any]:
    """Import a statement; what came of its lines. The same or an overlapping one again brings only what is new.

    Raises BadStatement (nothing of it is taken; the refusal is in the audit), StatementTooLarge, UnknownProfile.
    """
    if len(data) > MAX_BYTES:
        raise StatementTooLarge(f"A statement has at most {MAX_BYTES} bytes; export fewer days.")
    try:
        lines = _read(db, data, format_, profile)
    except BadStatement as error:
        with db.transaction() as session:
            audit.note(
                session, "statement_refused", filename=filename, format=format_, why=error.detail[:300]
            )
        raise
    with db.transaction() as session:
        statement = Statement(
            format=format_,
            filename=filename,
            sha256=hashlib.sha256(data).hexdigest(),
            lines=len(lines),
            fresh=0,
            imported_by=imported_by,
        )
        session.add(statement)
        session.flush()
        statement.fresh = _store(session, statement.id, lines)
        audit.note(
            session,
            "statement_imported",
            statement_id=statement.id,
            filename=filename,
            sha256=statement.sha256,
            lines=statement.lines,
            fresh=statement.fresh,
        )
    crashpoints.reach("billing.statement_stored")
    settle_received(db, _AT_ONCE)
    with db.transaction() as session:
        return shown(session, statement.id)


def _read(db: Database, data: bytes, format_: str, profile: str | None) -> list[Line]:
    if format_ == "camt053":
        return camt.read(data)
    with db.transaction() as session:
        found = session.get(StatementProfile, profile or "")
    if found is None:
        raise UnknownProfile("There is no CSV profile of that name.")
    return csvfile.read(data, csvfile.CsvProfile(**found.definition))


def _store(session: Any, statement_id: int, lines: list[Line]) -> int:
    """Store what was never seen; how many that were."""
    fresh, lines = 0, _without_known(session, lines)
    for start in range(0, len(lines), _SLICE):
        rows = [_row(statement_id, line) for line in lines[start : start + _SLICE]]
        made = session.execute(
            insert(Payment)
            .values(rows)
            .on_conflict_do_nothing(constraint="payments_once")
            .returning(Payment.id)
        )
        fresh += len(made.fetchall())
    return fresh


def _without_known(session: Any, lines: list[Line]) -> list[Line]:
    """The lines but those that an earlier release stored, by keys of its own."""
    keys = [key for line in lines if (key := earlier_key(line))]
    rows = session.execute(
        select(Payment.transaction_id, Payment.payer, Payment.remittance).where(
            Payment.provider == PROVIDER, Payment.transaction_id.in_(keys)
        )
    )
    return without_known(lines, {key: (payer, text) for key, payer, text in rows})


def _row(statement_id: int, line: Line) -> dict[str, Any]:
    state, reason = _first_state(line)
    orders = line.orders
    return {
        "provider": PROVIDER,
        "transaction_id": line.key,
        "order_reference": rf.reference(orders[0]) if len(orders) == 1 else None,
        "statement_id": statement_id,
        "state": state,
        "reason": reason,
        "amount_cents": line.cents,
        "currency": line.currency,
        "payer": line.payer,
        "remittance": line.text,
        "booked_on": line.booked_on,
    }


def _first_state(line: Line) -> tuple[str, str | None]:
    """Ordinary debits are kept and passed over; what undoes a payment, or may, is for a person to see."""
    if line.reversal:
        return "review", "reversed_by_bank"
    if line.cents <= 0:
        return ("review", "debit_with_reference") if line.orders else ("ignored", None)
    return ("review", "several_references") if len(line.orders) > 1 else ("received", None)


def settle_received(db: Database, most: int = 5_000) -> int:
    """Decide lines that are stored and not decided, each in its own transaction; how many. Safe beside other replicas."""
    last, settled = 0, 0
    while settled < most:
        with db.transaction() as session:
            row = session.scalar(
                select(Payment)
                .where(Payment.state == "received", Payment.id > last)
                .order_by(Payment.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            if row is None:
                return settled
            last = row.id
            _settle(session, row)
        settled += 1
        crashpoints.reach("billing.line_settled")
    return settled


def _settle(session: Any, row: Payment) -> None:
    if row.order_reference is None:
        receive.put_to_review(session, row, None, "no_reference")
        return
    order_id = rf.order_ids(row.order_reference)[0]
    receive.settle(session, row, order_id, row.order_reference)


def shown(session: Any, statement_id: int) -> dict[str, Any]:
    """A statement with what came of the lines that it was first to bring."""
    statement = session.get(Statement, statement_id)
    counted = session.execute(
        select(Payment.state, func.count())
        .where(Payment.statement_id == statement_id)
        .group_by(Payment.state)
    )
    counts = dict(counted.all())
    return {
        "id": statement.id,
        "filename": statement.filename,
        "format": statement.format,
        "lines": statement.lines,
        "duplicates": statement.lines - statement.fresh,
        "credited": counts.get("credited", 0),
        "review": counts.get("review", 0),
        "ignored": counts.get("ignored", 0),
        "waiting": counts.get("received", 0),
        "dismissed": counts.get("dismissed", 0),
        "created_at": as_time(statement.created_at),
    }


def one(session: Any, statement_id: int) -> dict[str, Any]:
    """One import. Raises UnknownStatement."""
    if session.get(Statement, statement_id) is None:
        raise UnknownStatement("There is no such statement.")
    return shown(session, statement_id)


def page(session: Any, before: int | None, limit: int) -> dict[str, Any]:
    """Imports, newest first."""
    wanted = select(Statement.id).order_by(Statement.id.desc()).limit(limit + 1)
    if before is not None:
        wanted = wanted.where(Statement.id < before)
    ids = session.scalars(wanted).all()
    data = [shown(session, statement_id) for statement_id in ids[:limit]]
    return {"data": data, "next_cursor": str(data[-1]["id"]) if len(ids) > limit else None}


def put_profile(session: Any, name: str, definition: dict[str, Any]) -> dict[str, Any]:
    """Say how a bank's CSV is read, by a name."""
    row = insert(StatementProfile).values(name=name, definition=definition)
    session.execute(
        row.on_conflict_do_update(
            index_elements=["name"], set_={"definition": row.excluded.definition, "updated_at": func.now()}
        )
    )
    audit.note(session, "statement_profile_set", name=name, definition=definition)
    return {"name": name, **definition}


def profiles(session: Any) -> dict[str, Any]:
    """All CSV profiles."""
    rows = session.scalars(select(StatementProfile).order_by(StatementProfile.name)).all()
    return {"data": [{"name": row.name, **row.definition} for row in rows], "next_cursor": None}
