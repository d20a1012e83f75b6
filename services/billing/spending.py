"""Spend limits: how much an account, or one of its users or keys, may set aside in a day of its time zone.

What counts is what was set aside that day less what came back of it. A limit's row is locked while a hold is decided, so
that any number of callers together stay within it; accounts without limits pay one look into an empty index.
Money is micro-euro. A spender is ``key:<id>``, ``user:<id>``, or ``account`` for all of them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from servicekit import context
from servicekit.database import cursor_of

from . import audit, domain, metrics, use_cases
from .domain import Cap, HoldRequest
from .errors import LimitChanged, SpendLimitReached, UnknownSpendLimit
from .queries import as_time

ACCOUNT = domain.WHOLE_ACCOUNT
KEPT_DAYS = 7

_LIMITS = """
SELECT l.account_id, l.spender, l.daily, d.today, (d.today + 1)::timestamp AT TIME ZONE d.zone
FROM spend_limits l LEFT JOIN accounts a USING (account_id),
    LATERAL (SELECT coalesce(a.timezone, 'Europe/Athens') AS zone,
        (now() AT TIME ZONE coalesce(a.timezone, 'Europe/Athens'))::date AS today) d
WHERE l.account_id = ANY(%s) ORDER BY l.account_id, l.spender
"""
_SPENT = "SELECT amount FROM spend_days WHERE account_id = %s AND spender = %s AND day = %s"
_SUM = """
SELECT coalesce(sum(h.amount - h.released), 0)::bigint FROM spend_items i JOIN holds h USING (id)
WHERE i.account_id = %s AND i.day = %s AND %s IN (i.spender, 'account')
"""
_KEEP_SUM = """
INSERT INTO spend_days (account_id, spender, day, amount) VALUES (%s, %s, %s, %s)
ON CONFLICT (account_id, spender, day) DO UPDATE SET amount = excluded.amount
"""
_KEEP_ITEMS = """
INSERT INTO spend_items (id, account_id, spender, day)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::date[]) ON CONFLICT DO NOTHING
"""


def hold(session: Any, requests: Sequence[HoldRequest]) -> list[dict[str, Any]]:
    """``use_cases.hold`` within the limits; the rest is refused with ``spend_limit_reached`` and ``until``, a time.

    A hold that was made before is answered as before, whatever was spent since.
    """
    caps = _caps(session, {request.account_id for request in requests})
    if not caps:
        return use_cases.hold(session, requests)
    requests = _with_spenders(session, requests)
    known = _known(session, requests)
    fresh = [request for request in requests if request.id not in known]
    refused = domain.over_cap(fresh, caps)
    if refused:
        _count_again(session, caps)
        refused = domain.over_cap(fresh, caps)
    allowed = [request for request in requests if request.id not in refused]
    results = {result["id"]: result for result in use_cases.hold(session, allowed)} if allowed else {}
    _keep(session, [request for request in fresh if results.get(request.id, {}).get("ok")], caps)
    for _ in refused:
        metrics.holds.labels(SpendLimitReached.code).inc()
    return [results.get(request.id) or _refusal(request.id, refused[request.id]) for request in requests]


def _refusal(hold_id: str, cap: Cap) -> dict[str, Any]:
    return {"id": hold_id, "ok": False, "code": SpendLimitReached.code, "until": as_time(cap.until)}


def _caps(session: Any, account_ids: Iterable[int]) -> list[Cap]:
    """The limits of these accounts, locked, each with what is spent today."""
    cursor = cursor_of(session)
    cursor.execute(f"{_LIMITS} FOR UPDATE OF l", (sorted(account_ids),))
    caps = [Cap(*row) for row in cursor.fetchall()]
    for cap in caps:
        cursor.execute(_SPENT, (cap.account_id, cap.spender, cap.day))
        row = cursor.fetchone()
        if row:
            cap.spent = row[0]
        else:
            _count_again(session, [cap])
    return caps


def _count_again(session: Any, caps: Iterable[Cap]) -> None:
    """Sum up what really counts, so that what came back can be spent again. Under the limits' locks."""
    cursor = cursor_of(session)
    for cap in caps:
        cap.spent = _sum(session, cap)
        cursor.execute(_KEEP_SUM, (cap.account_id, cap.spender, cap.day, cap.spent))


def _sum(session: Any, cap: Cap) -> int:
    cursor = cursor_of(session)
    cursor.execute(_SUM, (cap.account_id, cap.day, cap.spender))
    return int(cursor.fetchone()[0])


def _looked_at(session: Any, account_id: int) -> list[Cap]:
    """The same without locks, to be shown: the sums as they are now."""
    cursor = cursor_of(session)
    cursor.execute(_LIMITS, ([account_id],))
    caps = [Cap(*row) for row in cursor.fetchall()]
    for cap in caps:
        cap.spent = _sum(session, cap)
    return caps


def _with_spenders(session: Any, requests: Sequence[HoldRequest]) -> list[HoldRequest]:
    """Each with who spends: as it says, or who started what its reference names, or who is calling."""
    cursor = cursor_of(session)
    cursor.execute(
        "SELECT account_id, reference, spender FROM spend_references WHERE account_id = ANY(%s) AND reference = ANY(%s)",
        (
            list({request.account_id for request in requests}),
            list({request.reference for request in requests}),
        ),
    )
    started = {(row[0], row[1]): row[2] for row in cursor.fetchall()}
    return [
        request._replace(
            spender=request.spender or started.get((request.account_id, request.reference)) or context.actor()
        )
        for request in requests
    ]


def _known(session: Any, requests: Sequence[HoldRequest]) -> set[str]:
    cursor = cursor_of(session)
    cursor.execute("SELECT id FROM holds WHERE id = ANY(%s)", ([request.id for request in requests],))
    return {row[0] for row in cursor.fetchall()}


def _keep(session: Any, made: Sequence[HoldRequest], caps: Sequence[Cap]) -> None:
    """Count what was held now. Under the limits' locks."""
    days = {cap.account_id: cap.day for cap in caps}
    made = [request for request in made if request.account_id in days]
    if not made:
        return
    cursor = cursor_of(session)
    cursor.execute(
        _KEEP_ITEMS,
        (
            [request.id for request in made],
            [request.account_id for request in made],
            [request.spender or "" for request in made],
            [days[request.account_id] for request in made],
        ),
    )
    for cap in caps:
        if added := sum(request.amount for request in made if domain.counts_for(cap, request)):
            cursor.execute(
                "UPDATE spend_days SET amount = amount + %s WHERE account_id = %s AND spender = %s AND day = %s",
                (added, cap.account_id, cap.spender, cap.day),
            )


def begin(session: Any, account_id: int, reference: str) -> dict[str, Any]:
    """Remember that the caller spends what will be held under ``reference``, and tell what it may.

    ``left`` is what it may today, which ends at ``until``, ``daily`` the least of the limits that apply: all three None
    where none does. ``spendable`` is the balance with the credit limit.
    """
    spender, cursor = context.actor(), cursor_of(session)
    cursor.execute(
        "INSERT INTO spend_references (account_id, reference, spender) VALUES (%s, %s, %s)"
        " ON CONFLICT (account_id, reference) DO UPDATE SET spender = excluded.spender",
        (account_id, reference, spender),
    )
    caps = _of(_looked_at(session, account_id), spender)
    cursor.execute("SELECT available + credit_limit FROM balances WHERE account_id = %s", (account_id,))
    (spendable,) = cursor.fetchone() or (0,)
    return {
        "left": min((max(0, cap.daily - cap.spent) for cap in caps), default=None),
        "daily": min((cap.daily for cap in caps), default=None),
        "until": as_time(caps[0].until) if caps else None,
        "spendable": spendable,
    }


def check(session: Any, account_id: int, amount: int) -> None:
    """Raises SpendLimitReached when the caller may not spend ``amount`` today. It sets nothing aside: a hold does."""
    for cap in _of(_looked_at(session, account_id), context.actor()):
        if cap.spent + amount > cap.daily:
            raise SpendLimitReached.until(as_time(cap.until))


def _of(caps: Iterable[Cap], spender: str) -> list[Cap]:
    return [cap for cap in caps if cap.spender in (ACCOUNT, spender)]


def limits(session: Any, account_id: int) -> list[dict[str, Any]]:
    """The account's limits with what is spent today."""
    return [_shown(cap) for cap in _looked_at(session, account_id)]


def set_limit(
    session: Any, account_id: int, spender: str, daily: int | None, expected: int | None
) -> dict[str, Any] | None:
    """Let the spender set aside ``daily`` micro-euro a day; None takes the limit away.

    Counts from now on, and what was held today while any limit of the account stood, this one or another.

    Raises LimitChanged when the limit is not ``expected`` (None: whatever it is), UnknownSpendLimit when there is none
    to take away.
    """
    cursor = cursor_of(session)
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('spend_limit', %s))", (account_id,))
    cursor.execute(
        "SELECT daily FROM spend_limits WHERE account_id = %s AND spender = %s FOR UPDATE",
        (account_id, spender),
    )
    row = cursor.fetchone()
    before = row[0] if row else None
    if expected is not None and expected != before:
        raise LimitChanged("The spend limit was changed since it was read.")
    if daily is None and before is None:
        raise UnknownSpendLimit("There is no such spend limit.")
    if daily is None:
        cursor.execute(
            "DELETE FROM spend_limits WHERE account_id = %s AND spender = %s", (account_id, spender)
        )
    else:
        if before is None:  # the sum is that of the day's earlier limit, and what was held since is not in it
            cursor.execute(
                "DELETE FROM spend_days WHERE account_id = %s AND spender = %s", (account_id, spender)
            )
        cursor.execute(
            "INSERT INTO spend_limits (account_id, spender, daily) VALUES (%s, %s, %s)"
            " ON CONFLICT (account_id, spender) DO UPDATE SET daily = excluded.daily",
            (account_id, spender, daily),
        )
    audit.note(session, "spend_limit_set", account_id, spender=spender, before=before, after=daily)
    return next((one for one in limits(session, account_id) if one["spender"] == spender), None)


def forget_old(session: Any) -> None:
    """Drop what was counted on days that are over, a bounded number at a time."""
    cursor = cursor_of(session)
    for table in ("spend_items", "spend_days"):
        cursor.execute(
            f"DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table}"
            " WHERE day < (now() - make_interval(days => %s))::date LIMIT 10000)",
            (KEPT_DAYS,),
        )


def _shown(cap: Cap) -> dict[str, Any]:
    return {
        "spender": cap.spender,
        "daily": cap.daily,
        "version": cap.daily,
        "spent": cap.spent,
        "until": as_time(cap.until),
        "currency": domain.CURRENCY,
    }
