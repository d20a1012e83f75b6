"""Sends what is queued, at least once, from any number of replicas.

A claim is an UPDATE by the database's clock with SKIP LOCKED: it counts the attempt and keeps the row out of
others' sight for LEASE; whoever is killed meanwhile is replaced after it. The outcome counts only for the
attempt it belongs to. Killed between the server's 250 and the commit, an e-mail goes twice, with the same
Message-ID: never not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from servicekit import crashpoints, logs
from servicekit.database import Database, cursor_of

from . import domain, metrics
from .domain import Attachment, Content
from .mailer import Mailer, NotSent

log = logs.get(__name__)

# Longer than one conversation of SMTP commands that each take their whole time-out.
LEASE = timedelta(minutes=5)
MOST_A_TURN = 50


@dataclass(frozen=True)
class Claimed:
    """An e-mail that is ours to send until the lease is over."""

    id: int
    account_id: int
    kind: str
    recipient: str
    message_id: str
    attempt: int
    content: Content


CLAIM = """
UPDATE emails SET attempts = attempts + 1, next_attempt_at = now() + %s
WHERE id = (
    SELECT id FROM emails
    WHERE state = 'queued' AND next_attempt_at <= now() AND attempts < %s
    ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id, account_id, kind, recipient, message_id, attempts, subject, body_text, body_html,
    attachment_name, attachment
"""

GIVE_UP = """
UPDATE emails SET state = 'failed', last_error = coalesce(last_error, 'no outcome of the last attempt')
WHERE state = 'queued' AND next_attempt_at <= now() AND attempts >= %s RETURNING kind
"""


def send_due(db: Database, mailer: Mailer) -> int:
    """Send what is due, at most MOST_A_TURN; returns how many attempts were made."""
    _give_up_the_lost(db)
    made = 0
    while made < MOST_A_TURN and (email := claim(db)) is not None:
        _attempt(db, mailer, email)
        made += 1
    _measure(db)
    return made


def claim(db: Database) -> Claimed | None:
    """Take the e-mail that is due longest, or None."""
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute(CLAIM, (LEASE, domain.MAX_ATTEMPTS))
        row = cursor.fetchone()
    if row is None:
        return None
    return Claimed(
        id=row[0],
        account_id=row[1],
        kind=row[2],
        recipient=row[3],
        message_id=row[4],
        attempt=row[5],
        content=Content(row[6], row[7], row[8], Attachment(row[9], bytes(row[10])) if row[9] else None),
    )


def _attempt(db: Database, mailer: Mailer, email: Claimed) -> None:
    try:
        mailer.send(email.recipient, email.message_id, email.content)
    except NotSent as error:
        _put_back(db, email, error)
    else:
        crashpoints.reach("notifier.handed")
        _conclude(db, email, "sent", None)
        log.info("email_sent", email_id=email.id, account_id=email.account_id, kind=email.kind)


def _put_back(db: Database, email: Claimed, error: NotSent) -> None:
    pause = None if error.final else domain.pause_after(email.attempt)
    values = {
        "email_id": email.id,
        "account_id": email.account_id,
        "kind": email.kind,
        "attempt": email.attempt,
    }
    log.debug("email_refused", **values, reason=error.reason)
    if pause is None:
        log.error("email_failed", **values)
        _conclude(db, email, "failed", error.reason)
        return
    log.warning("email_delayed", **values, seconds=pause.total_seconds())
    metrics.emails.labels(email.kind, "delayed").inc()
    with db.transaction() as session:
        cursor_of(session).execute(
            "UPDATE emails SET next_attempt_at = now() + %s, last_error = %s"
            " WHERE id = %s AND attempts = %s AND state = 'queued'",
            (pause, error.reason, email.id, email.attempt),
        )


def _conclude(db: Database, email: Claimed, state: str, error: str | None) -> None:
    with db.transaction() as session:
        cursor_of(session).execute(
            "UPDATE emails SET state = %(state)s, last_error = %(error)s,"
            " sent_at = CASE WHEN %(state)s = 'sent' THEN now() END"
            " WHERE id = %(id)s AND attempts = %(attempt)s AND state = 'queued'",
            {"state": state, "error": error, "id": email.id, "attempt": email.attempt},
        )
    metrics.emails.labels(email.kind, state).inc()


def _give_up_the_lost(db: Database) -> None:
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute(GIVE_UP, (domain.MAX_ATTEMPTS,))
        for (kind,) in cursor.fetchall():
            metrics.emails.labels(kind, "failed").inc()


def _measure(db: Database) -> None:
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute("SELECT state, count(*) FROM emails WHERE state <> 'sent' GROUP BY state")
        counts = dict(cursor.fetchall())
    for state in ("queued", "failed"):
        metrics.emails_open.labels(state).set(counts.get(state, 0))
