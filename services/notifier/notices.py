"""Notices: what happened in an account, kept for its people to see when they come. Texts are made when they are read,
in the language of the account as it is then.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from contracts.events import BalanceLow, ImportFinished, OptOutRequested
from servicekit.database import cursor_of

from . import domain, erasing
from .errors import BadCursor, UnknownNotice

KEEP_DAYS = 400
MAX_PAGE = 500
MAX_ID = 2**63 - 1
FORGET_AT_ONCE = 5_000

_COLUMNS = "id, kind, data, created_at, read_at"

_LIST = f"""
SELECT {_COLUMNS} FROM notices WHERE account_id = %s AND id < %s AND (NOT %s OR read_at IS NULL) ORDER BY id DESC LIMIT %s
"""

_READ = f"""
UPDATE notices SET read_at = coalesce(read_at, now()) WHERE account_id = %s AND id = %s RETURNING {_COLUMNS}
"""

_READ_ALL = "UPDATE notices SET read_at = now() WHERE account_id = %s AND id <= %s AND read_at IS NULL"

_UNREAD = "SELECT count(*) FROM notices WHERE account_id = %s AND read_at IS NULL"

_FORGET = """
DELETE FROM notices WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM notices WHERE created_at < now() - make_interval(days => %s) LIMIT %s))
"""

_IMPORT_COUNTS = ("rows", "accepted", "updated", "duplicates", "rejected", "stored")

Data = dict[str, Any]


def keep_opt_out(session: Any, event: OptOutRequested, asked_at: str) -> None:
    """Somebody asked at ``asked_at`` (ISO 8601) to be left alone. Without the number if it was erased since."""
    subject = {"subject_id": event.opt_out_id, "campaign_id": event.campaign_id, "asked_at": asked_at}
    if not erasing.is_erased(session, event.account_id, event.number, asked_at):
        subject["number"] = event.number
    _keep(session, event.account_id, "opt_out", {**subject, "channel": event.channel, "state": event.state})


def keep_balance_low(session: Any, event: BalanceLow) -> None:
    """The balance fell below its level."""
    _keep(session, event.account_id, "balance_low", {"available": event.available, "level": event.level})


def keep_import(session: Any, event: ImportFinished) -> None:
    """An import is over, whatever became of it."""
    counts = {name: getattr(event, name) for name in _IMPORT_COUNTS}
    subject = {"subject_id": event.import_id, "filename": event.filename, "state": event.state}
    _keep(session, event.account_id, "import", subject | counts)


def _keep(session: Any, account_id: int, kind: str, data: Data) -> None:
    sql = "INSERT INTO notices (account_id, kind, data) VALUES (%s, %s, %s::jsonb)"
    cursor_of(session).execute(sql, (account_id, kind, orjson.dumps(data).decode()))


def notices(
    session: Any, account_id: int, locale: str, unread: bool, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of notices, newest first, all or the unread: ``{data, next_cursor}``. Raises BadCursor."""
    limit = max(1, min(int(limit), MAX_PAGE))
    database = cursor_of(session)
    database.execute(_LIST, (account_id, _before(cursor), unread, limit + 1))
    found = database.fetchall()
    following = str(found[limit - 1][0]) if len(found) > limit else None
    return {"data": [_shown(row, locale) for row in found[:limit]], "next_cursor": following}


def unread_count(session: Any, account_id: int) -> dict[str, int]:
    """``{unread}``."""
    database = cursor_of(session)
    database.execute(_UNREAD, (account_id,))
    return {"unread": int(database.fetchone()[0])}


def read_notice(session: Any, account_id: int, notice_id: int, locale: str) -> dict[str, Any]:
    """One notice, read from now on; one read before keeps its time. Raises UnknownNotice."""
    database = cursor_of(session)
    database.execute(_READ, (account_id, min(int(notice_id), MAX_ID)))
    row = database.fetchone()
    if row is None:
        raise UnknownNotice("There is no such notice.")
    return _shown(row, locale)


def read_notices(session: Any, account_id: int, until: int | None) -> dict[str, int]:
    """All notices read, or those up to the id ``until``, the newest that was shown: ``{read}``, how many were not."""
    database = cursor_of(session)
    database.execute(_READ_ALL, (account_id, MAX_ID if until is None else min(int(until), MAX_ID)))
    return {"read": int(database.rowcount)}


def forget_old(session: Any) -> int:
    """Drop up to FORGET_AT_ONCE notices older than KEEP_DAYS; returns how many."""
    database = cursor_of(session)
    database.execute(_FORGET, (KEEP_DAYS, FORGET_AT_ONCE))
    return int(database.rowcount)


def _before(cursor: str | None) -> int:
    if cursor is None:
        return MAX_ID
    if not (isinstance(cursor, str) and cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise BadCursor("The cursor is not one of ours.")
    return int(cursor)


def _shown(row: tuple[Any, ...], locale: str) -> dict[str, Any]:
    notice_id, kind, data, created_at, read_at = row
    title, text = _WORDS[kind](data, domain.locale_of(locale))
    return {
        "id": notice_id,
        "kind": kind,
        "title": title,
        "text": text,
        "subject_id": data.get("subject_id"),
        "created_at": _iso(created_at),
        "read_at": _iso(read_at) if read_at else None,
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_WAYS = {
    "el": {"link": "με τον σύνδεσμο ενός μηνύματος", "keyword": "απαντώντας σε μήνυμα"},
    "en": {"link": "by the link in a message", "keyword": "by answering a message"},
}
_OPT_OUT = {
    ("el", "approved"): (
        "Διαγραφή παραλήπτη",
        "Ο αριθμός +{number} ζήτησε, {way}, να μη λαμβάνει άλλα μηνύματα. Μπήκε στη λίστα αποκλεισμού.",
    ),
    ("el", "pending"): (
        "Αίτημα διαγραφής",
        "Ο αριθμός +{number} ζήτησε, {way}, να μη λαμβάνει άλλα μηνύματα. Το αίτημα περιμένει την έγκρισή σας.",
    ),
    ("en", "approved"): (
        "A recipient unsubscribed",
        "The number +{number} asked, {way}, to get no more messages. It is on the blacklist now.",
    ),
    ("en", "pending"): (
        "Request to unsubscribe",
        "The number +{number} asked, {way}, to get no more messages. The request waits for your approval.",
    ),
}
_ERASED = {
    "el": "Ένας παραλήπτης ζήτησε, {way}, να μη λαμβάνει άλλα μηνύματα. Ο αριθμός του έχει διαγραφεί από τα στοιχεία σας.",
    "en": "A recipient asked, {way}, to get no more messages. The number has been erased since.",
}
_BALANCE_LOW = {
    "el": ("Χαμηλό υπόλοιπο", "Το διαθέσιμο υπόλοιπο έπεσε στα {available}, κάτω από το όριο των {level}."),
    "en": ("Low balance", "The available balance fell to {available}, below the level of {level}."),
}
_IMPORT = {
    ("el", "done"): (
        "Η εισαγωγή τελείωσε",
        "Εισαγωγή {what}, {rows} γραμμές: {accepted} νέες, {updated} γνωστές, {duplicates} διπλές, {rejected} απορρίφθηκαν.",
    ),
    ("el", "failed"): (
        "Η εισαγωγή απέτυχε",
        "Εισαγωγή {what}: δεν ολοκληρώθηκε. Αποθηκευμένες γραμμές: {stored}. Η αιτία φαίνεται στην εισαγωγή.",
    ),
    ("el", "cancelled"): (
        "Η εισαγωγή ακυρώθηκε",
        "Εισαγωγή {what}: ακυρώθηκε. Αποθηκευμένες γραμμές, που παραμένουν: {stored} από {rows}.",
    ),
    ("en", "done"): (
        "An import is done",
        "Import of {what}, {rows} rows: {accepted} new, {updated} known, {duplicates} duplicates, {rejected} rejected.",
    ),
    ("en", "failed"): (
        "An import failed",
        "Import of {what}: it was not completed. Rows stored: {stored}. The import says why.",
    ),
    ("en", "cancelled"): (
        "An import was cancelled",
        "Import of {what}: it was cancelled. Rows stored, which stay: {stored} of {rows}.",
    ),
}
_PASTE = {"el": "επικολλημένων αριθμών", "en": "pasted numbers"}
_FILE = {"el": "του αρχείου «{}»", "en": "the file “{}”"}


def _opt_out_words(data: Data, locale: str) -> tuple[str, str]:
    title, text = _OPT_OUT[locale, data["state"]]
    number, way = data.get("number"), _WAYS[locale][data["channel"]]
    return title, text.format(number=number, way=way) if number else _ERASED[locale].format(way=way)


def _balance_words(data: Data, locale: str) -> tuple[str, str]:
    title, text = _BALANCE_LOW[locale]
    amounts = {name: domain.money(data[name], locale) for name in ("available", "level")}
    return title, text.format(**amounts)


def _import_words(data: Data, locale: str) -> tuple[str, str]:
    title, text = _IMPORT[locale, data["state"]]
    filename = domain.one_line(data["filename"])
    what = _FILE[locale].format(filename) if filename else _PASTE[locale]
    counts = {name: domain.number(data[name], locale) for name in _IMPORT_COUNTS}
    return title, text.format(what=what, **counts)


_WORDS: dict[str, Callable[[Data, str], tuple[str, str]]] = {
    "opt_out": _opt_out_words,
    "balance_low": _balance_words,
    "import": _import_words,
}
"""What each kind of notice says; a test makes one of each kind in each language."""
