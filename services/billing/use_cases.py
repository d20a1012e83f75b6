"""What billing does: plain functions, each in its caller's transaction. Money is integer micro-euro."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from contracts.events import AccountChanged, BalanceLow, ChunkProgress, Sale
from servicekit import idempotency, logs, outbox
from servicekit.database import cursor_of

from . import audit, domain, ledger, metrics, queries
from .domain import HoldRequest, Settlement
from .errors import HoldInUse, InvalidFields, KeyReused
from .margin import sales

log = logs.get(__name__)


def topup(session: Any, account_id: int, amount: int, reason: str, key: str | None) -> dict[str, Any]:
    """Add ``amount`` to what the account may spend. The same ``key`` again adds nothing, answers the same."""

    def produce() -> dict[str, Any]:
        before = ledger.lock_opened(session, account_id)
        entry = domain.topup_entry(account_id, amount, reason, key or uuid4().hex)
        if ledger.is_posted(session, entry.cause):
            raise KeyReused("This Idempotency-Key was used for a top-up before.")
        now = ledger.post(session, [entry])[account_id]
        if not before.armed and domain.is_armed_after_topup(False, now.low_level, now.available):
            ledger.set_armed(session, account_id, True)
        audit.note(session, "topped_up", account_id, amount=amount, reason=reason)
        metrics.money.labels("topped_up").inc(amount)
        log.info("topped_up", account_id=account_id, amount=amount)
        return {
            "account_id": account_id,
            "amount": amount,
            "available": now.available,
            "currency": domain.CURRENCY,
        }

    request = {"account_id": account_id, "amount": amount, "reason": reason}
    return dict(idempotency.remember(session, account_id, key, request, produce, operation="billing.topup"))


def hold(session: Any, requests: Sequence[HoldRequest]) -> list[dict[str, Any]]:
    """Set money aside, each request by itself, in order; one ledger entry an account. Again changes nothing.

    Results are ``{"id", "ok"}`` with a ``code`` where not ok: insufficient_funds, hold_amount_differs,
    hold_id_taken, hold_withdrawn.
    """
    balances = ledger.lock(session, (request.account_id for request in requests))
    known = ledger.known_holds(session, (request.id for request in requests))
    spendable = {account_id: balance.spendable for account_id, balance in balances.items()}
    decisions = domain.decide_holds(requests, spendable, known)
    asked = [request for request, decision in zip(requests, decisions, strict=True) if decision.new]
    stored = ledger.add_holds(session, asked)
    made = [request for request in asked if request.id in stored]
    for balance in ledger.post(session, domain.hold_entries(made)).values():
        _tell_if_low(session, balance)
    lost = {request.id for request in asked} - stored
    results = [_as_result(decision, decision.id in lost) for decision in decisions]
    for result in results:
        metrics.holds.labels(result.get("code", "held")).inc()
    return results


def _as_result(decision: domain.Decision, lost: bool) -> dict[str, Any]:
    code = "hold_id_taken" if lost else decision.code
    return {"id": decision.id, "ok": True} if code is None else {"id": decision.id, "ok": False, "code": code}


def release_hold(session: Any, hold_id: str) -> dict[str, Any]:
    """Take a hold back as a whole, for what was never accepted; again changes nothing.

    An id that is not held is closed: should its hold still be on its way, it is refused. Raises HoldInUse when
    something of the hold was captured or released by an outcome.
    """
    if ledger.close_id(session, hold_id):
        return {"id": hold_id, "released": 0}
    cursor = cursor_of(session)
    cursor.execute("SELECT account_id FROM holds WHERE id = %s", (hold_id,))
    account_id = cursor.fetchone()[0]
    ledger.lock(session, [] if account_id is None else [account_id])
    cursor.execute("SELECT amount, captured + released, withdrawn_at FROM holds WHERE id = %s", (hold_id,))
    amount, settled, withdrawn_at = cursor.fetchone()
    if withdrawn_at is None and settled:
        raise HoldInUse("part of the hold was captured or released already")
    if withdrawn_at is None:
        ledger.withdraw_hold(session, hold_id)
        if amount:
            ledger.post(session, [domain.release_entry(account_id, hold_id, amount)])
            metrics.money.labels("released").inc(amount)
    return {"id": hold_id, "released": amount}


def settle(
    session: Any,
    event_id: str,
    chunks: Sequence[ChunkProgress],
    told: Iterable[Sale] = (),
    zone: str = domain.HOME_ZONE,
) -> None:
    """Capture and release what the dispatcher committed, one entry an account. The inbox makes it once.

    What was captured is booked as sold beside it, by the day in ``zone`` and, so far as ``told`` says, by who took it.

    Raises UnknownHold, OverSettled (nothing of the event takes effect) or ValueError for a negative amount:
    the event ends among the dead letters, where somebody must look, and is never bent to fit.
    """
    settlements = domain.sum_settlements(
        Settlement(chunk.hold_id, chunk.account_id, chunk.captured, chunk.released) for chunk in chunks
    )
    sold = sales.of_event(chunks, told)
    if not settlements and not sold:
        return
    accounts = {item.account_id for item in settlements} | {one.account_id for one in sold}
    ledger.lock(session, accounts)
    if settlements:
        ledger.settle_holds(session, settlements)
        ledger.post(session, domain.settlement_entries(event_id, settlements))
    sales.book(session, sold, zone)
    metrics.money.labels("captured").inc(sum(item.captured for item in settlements))
    metrics.money.labels("released").inc(sum(item.released for item in settlements))


def apply_account_change(session: Any, event: AccountChanged) -> None:
    """Keep what the low-balance notice needs; judge another level at once. Older versions change nothing."""
    balance = ledger.lock_opened(session, event.account_id)
    if not queries.save_account(session, event):
        return
    if event.low_balance_level != balance.low_level:
        _set_level(session, balance, event.low_balance_level)


def _set_level(session: Any, balance: ledger.Balance, level: int | None) -> None:
    armed = domain.is_armed_at_new_level(balance.armed, level, balance.available)
    ledger.set_low_level(session, balance.account_id, level)
    ledger.set_armed(session, balance.account_id, armed)
    _tell_if_low(session, ledger.lock(session, [balance.account_id])[balance.account_id])


def _tell_if_low(session: Any, balance: ledger.Balance) -> None:
    """Tell of a crossing, once; the lock on the balance makes it so."""
    if balance.low_level is None or not domain.is_low(balance.armed, balance.low_level, balance.available):
        return
    ledger.set_armed(session, balance.account_id, False)
    event = BalanceLow(
        account_id=balance.account_id,
        **queries.account(session, balance.account_id),
        available=balance.available,
        level=balance.low_level,
        currency=domain.CURRENCY,
        remaining=queries.remaining(session, balance.account_id, balance.spendable),
    )
    outbox.add(session, event, balance.account_id)
    metrics.low_balances.inc()
    log.info(
        "balance_low", account_id=balance.account_id, available=balance.available, level=balance.low_level
    )


def refuse_past(session: Any, valid_from: datetime | None) -> None:
    """Raises InvalidFields for a moment that has passed: what held then is history, and bills were made by it."""
    cursor = cursor_of(session)
    cursor.execute("SELECT %s::timestamptz < now()", (valid_from,))
    if cursor.fetchone()[0]:
        wrong = {"pointer": "/valid_from", "code": "in_the_past", "detail": "This time has passed already."}
        raise InvalidFields("Prices begin now or later.", [wrong])


def set_prices(
    session: Any,
    price_class: str,
    prices: Sequence[tuple[str, int | None]],
    account_id: int | None,
    valid_from: datetime | None,
) -> dict[str, Any]:
    """Add prices to everybody's list or to an account's own, valid from a moment on (None: now).

    A price of None ends what was said before: the account falls back to everybody's price, everybody to no
    price.
    """
    cursor_of(session).execute(
        "INSERT INTO prices (account_id, price_class, prefix, price, valid_from)"
        " SELECT %s, %s, prefix, price, coalesce(%s, now())"
        " FROM unnest(%s::text[], %s::bigint[]) AS p (prefix, price)"
        " ON CONFLICT (account_id, price_class, prefix, valid_from) DO UPDATE SET price = excluded.price",
        (
            account_id,
            price_class,
            valid_from,
            [prefix for prefix, _ in prices],
            [price for _, price in prices],
        ),
    )
    shown = dict(prices)
    since = None if valid_from is None else queries.as_time(valid_from)
    audit.note(session, "prices_set", account_id, price_class=price_class, valid_from=since, prices=shown)
    log.info("prices_set", account_id=account_id, price_class=price_class, count=len(prices))
    return {"changed": len(prices)}


def quote(
    session: Any, account_id: int, price_class: str, items: Sequence[tuple[str, int]]
) -> dict[str, Any]:
    """What (msisdn, parts) cost the account now: ``prices`` of whole items, None where there is none."""
    prices = domain.price_items(queries.tariff(session, account_id, price_class), items)
    return {"total": sum(price or 0 for price in prices), "prices": prices, "currency": domain.CURRENCY}
