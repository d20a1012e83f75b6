"""The blacklist: every change has a sequence of its account and is told in the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any

from contracts.events import SuppressionBulkChanged, SuppressionChanged
from servicekit import logs, outbox, pseudonyms
from smstext import Extraction, extract_msisdns

from .. import domain, queries, schemas
from ..errors import InvalidFields, NotSuppressed, TooManyNumbers
from . import audit

log = logs.get(__name__)

MAX_SHOWN = 100

AT_ONCE = 5_000
"""Numbers in a statement: who waits for the database lets others go on, and 50,000 held them up for 0.1 s."""

ERASED_SOURCE = "erased"
"""Of a blacklisting that came back with a number erased by a release that did not write down how it had come there."""

_NEXT = """
INSERT INTO suppression_sequences (account_id, sequence) VALUES (%(account_id)s, 1)
ON CONFLICT (account_id) DO UPDATE SET sequence = suppression_sequences.sequence + 1 RETURNING sequence
"""

_LOCK = """
INSERT INTO suppression_sequences (account_id, sequence) VALUES (%(account_id)s, 0)
ON CONFLICT (account_id) DO UPDATE SET sequence = suppression_sequences.sequence RETURNING sequence
"""

# Whether each number is on the list now; a subselect looks into the key, whatever the statistics say of the account.
_STATE = """
SELECT n.msisdn, EXISTS (
    SELECT FROM suppressions s WHERE s.account_id = %(account_id)s AND s.msisdn = n.msisdn AND s.active
) AS active
FROM unnest(%(msisdns)s::bigint[]) n (msisdn)
"""

_PUT = """
INSERT INTO suppressions (account_id, msisdn, active, reason, source, sequence)
SELECT %(account_id)s, n.msisdn, true, %(reason)s, %(source)s, %(sequence)s FROM unnest(%(msisdns)s::bigint[]) n (msisdn)
ON CONFLICT (account_id, msisdn) DO UPDATE
SET active = true, reason = excluded.reason, source = excluded.source, sequence = excluded.sequence, at = now()
"""

# What its owner asked for and the account now wants as well is the account's: its owner alone may not lift it again.
_TAKE_OVER = """
UPDATE suppressions SET reason = %(reason)s, source = %(source)s
WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s) AND active AND source = ANY(%(own)s)
"""

_SOURCE = """
SELECT source FROM suppressions WHERE account_id = %(account_id)s AND msisdn = %(msisdn)s AND active
"""

_ANY_ERASED = "SELECT EXISTS (SELECT FROM erased_numbers WHERE account_id = %(account_id)s AND opted_out)"
_RETURNED = """
SELECT n.msisdn, e.source FROM unnest(%(msisdns)s::bigint[], %(pseudonyms)s::bigint[]) n (msisdn, pseudonym)
JOIN erased_numbers e ON e.account_id = %(account_id)s AND e.pseudonym = n.pseudonym AND e.opted_out
"""

# What a number said before it was erased: kept, it would be blocked again for ever.
_FORGIVE = """
UPDATE erased_numbers SET opted_out = false, source = ''
WHERE account_id = %(account_id)s AND pseudonym = ANY(%(pseudonyms)s) AND opted_out
"""

_LIFT = """
UPDATE suppressions SET active = false, sequence = %(sequence)s, at = now()
WHERE account_id = %(account_id)s AND msisdn = ANY(%(msisdns)s)
"""


def suppress(session: Any, account_id: int, numbers: Any, reason: str, source: str) -> dict[str, Any]:
    """Blacklist numbers given in any shape: ``{suppressed, known, invalid: [{index, code}, …]}``.

    Invalid ones do not keep the others off the list. Raises TooManyNumbers, and InvalidFields when none is a number.
    """
    if isinstance(numbers, list) and len(numbers) > domain.MAX_SELECTION:
        raise TooManyNumbers(f"At most {domain.MAX_SELECTION} numbers a call.")
    msisdns, invalid = schemas.load_numbers(numbers)
    if not msisdns:
        errors = [
            {"pointer": f"/numbers/{bad['index']}", "code": bad["code"], "detail": "not a mobile number"}
            for bad in invalid[:100]
        ]
        raise InvalidFields("There is no mobile number among them.", errors)
    fields = schemas.load(schemas.SuppressionWords, {"reason": reason, "source": source})
    return _put_asked(session, account_id, msisdns, fields) | {"invalid": invalid}


def suppress_text(
    session: Any,
    account_id: int,
    text: Any,
    reason: str,
    source: str,
    extract: Callable[..., Extraction] = extract_msisdns,
) -> dict[str, Any]:
    """Blacklist the numbers in a pasted text: ``{suppressed, known, invalid: [{line, code}, …]}``, 100 of these at most.

    ``extract`` reads it, before anything is asked of the database.
    Raises TooManyNumbers, and InvalidFields when there is no number in it.
    """
    found = extract(schemas.load(schemas.Paste, {"text": text})["text"], keep=MAX_SHOWN)
    if len(found.accepted) > domain.MAX_SELECTION:
        raise TooManyNumbers(f"At most {domain.MAX_SELECTION} numbers a call.")
    if not found.accepted:
        error = {"pointer": "/text", "code": "no_number", "detail": "no mobile number in it"}
        raise InvalidFields("There is no mobile number in it.", [error])
    fields = schemas.load(schemas.SuppressionWords, {"reason": reason, "source": source})
    msisdns = [int(msisdn) for msisdn in found.accepted]
    invalid = [{"line": one.line, "code": one.reason} for one in found.rejected]
    return _put_asked(session, account_id, msisdns, fields) | {"invalid": invalid}


def lock(session: Any, account_id: int) -> int:
    """Writers of an account's blacklist come one after the other, until the end of the transaction; the last one's sequence."""
    return int(queries.value(session, _LOCK, {"account_id": account_id}))


def source_of(session: Any, account_id: int, msisdn: int) -> str | None:
    """How the number came on the blacklist; None when it is not on it."""
    found: str | None = queries.value(session, _SOURCE, {"account_id": account_id, "msisdn": msisdn})
    return found


def put(session: Any, account_id: int, msisdns: Sequence[int], reason: str, source: str) -> int:
    """Blacklist numbers; returns how many were not already. Tells the new ones, at most 500 an event.

    Those that are on it because their owners asked become the account's when it asks for them (``domain.OWN_SOURCES``).
    """
    lock(session, account_id)
    new = _with_state(session, account_id, msisdns, active=False)
    if source not in domain.OWN_SOURCES and len(new) < len(set(msisdns)):
        words = {"reason": reason, "source": source, "own": list(domain.OWN_SOURCES)}
        for batch in domain.in_batches(sorted(set(msisdns).difference(new)), AT_ONCE):
            known = {"account_id": account_id, "msisdns": list(batch)}
            queries.run(session, _TAKE_OVER, known | words)
    for batch in domain.in_batches(new, domain.MAX_SUPPRESSED_PER_EVENT):
        sequence = queries.value(session, _NEXT, {"account_id": account_id})
        params = {"account_id": account_id, "msisdns": list(batch), "reason": reason, "source": source}
        queries.run(session, _PUT, params | {"sequence": sequence})
        _tell(session, account_id, sequence, len(new), suppressed=batch)
    if new:
        log.info("suppressed", account_id=account_id, count=len(new), source=source)
    return len(new)


def lift(session: Any, account_id: int, msisdns: Sequence[int]) -> int:
    """Take numbers off the blacklist; returns how many were on it. Tells them, at most 500 an event.

    What one of them said before it was erased counts no more either; whoever keeps a copy takes it from the same event.
    """
    lock(session, account_id)
    old = _with_state(session, account_id, msisdns, active=True)
    for batch in domain.in_batches(old, domain.MAX_SUPPRESSED_PER_EVENT):
        sequence = queries.value(session, _NEXT, {"account_id": account_id})
        queries.run(session, _LIFT, {"account_id": account_id, "msisdns": list(batch), "sequence": sequence})
        _tell(session, account_id, sequence, len(old), lifted=batch)
    if params := _pseudonyms(session, account_id, old):
        queries.run(session, _FORGIVE, params)
    if old:
        log.info("unsuppressed", account_id=account_id, count=len(old))
    return len(old)


def revive(
    session: Any, account_id: int, msisdns: Sequence[int], sources: Container[str] | None = None
) -> int:
    """Blacklist again whoever of ``msisdns`` had opted out before being erased, of ``sources`` only if given; how many."""
    params = _pseudonyms(session, account_id, msisdns)
    if params is None:
        return 0
    lock(session, account_id)
    back: dict[str, list[int]] = {}
    for found in queries.rows(session, _RETURNED, params):
        back.setdefault(found["source"] or ERASED_SOURCE, []).append(found["msisdn"])
    wanted = sorted(source for source in back if sources is None or source in sources)
    return sum(put(session, account_id, back[source], "", source) for source in wanted)


def unsuppress(session: Any, account_id: int, msisdn: Any) -> dict[str, Any]:
    """Take one number, in any shape, off the blacklist. Raises NotSuppressed, InvalidFields."""
    msisdns, invalid = schemas.load_numbers([msisdn])
    revive(session, account_id, msisdns)  # erased, it is on the list although the list does not show it
    if invalid or not lift(session, account_id, msisdns):
        raise NotSuppressed("The number is not on the blacklist.")
    audit.note(session, account_id, "blacklist.lifted", "blacklist", lifted=1)
    return {"lifted": 1}


def _put_asked(
    session: Any, account_id: int, msisdns: Sequence[int], fields: dict[str, Any]
) -> dict[str, Any]:
    """Blacklist what one call named, with one entry in the audit for all of it: ``{suppressed, known}``."""
    suppressed = put(session, account_id, msisdns, fields["reason"], fields["source"])
    counts = {"suppressed": suppressed, "known": len(msisdns) - suppressed}
    audit.note(session, account_id, "blacklist.added", "blacklist", source=fields["source"], **counts)
    return counts


def _pseudonyms(session: Any, account_id: int, msisdns: Sequence[int]) -> dict[str, Any] | None:
    """The numbers and their pseudonyms as parameters; None, at once, for an account of which no erased one had opted out."""
    if not msisdns or not queries.value(session, _ANY_ERASED, {"account_id": account_id}):
        return None
    hashed = [pseudonyms.of(account_id, msisdn) for msisdn in msisdns]
    return {"account_id": account_id, "msisdns": list(msisdns), "pseudonyms": hashed}


def _with_state(session: Any, account_id: int, msisdns: Sequence[int], *, active: bool) -> list[int]:
    found: list[int] = []
    for batch in domain.in_batches(sorted(set(msisdns)), AT_ONCE):
        states = queries.rows(session, _STATE, {"account_id": account_id, "msisdns": list(batch)})
        found += [one["msisdn"] for one in states if one["active"] is active]
    return found


def _tell(
    session: Any,
    account_id: int,
    sequence: int,
    changed: int,
    suppressed: Sequence[int] = (),
    lifted: Sequence[int] = (),
) -> None:
    """Tell a batch of a change of ``changed`` numbers; one that takes several events goes where no opt-out waits behind it."""
    told: dict[str, Any] = {
        "account_id": account_id,
        "sequence": sequence,
        "suppressed": [str(msisdn) for msisdn in suppressed],
        "lifted": [str(msisdn) for msisdn in lifted],
    }
    is_bulk = changed > domain.MAX_SUPPRESSED_PER_EVENT
    event = SuppressionBulkChanged(**told) if is_bulk else SuppressionChanged(**told)
    outbox.add(session, event, account_id=account_id)
