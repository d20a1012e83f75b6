"""Money given back by the operator. The credit is held first, so that nobody spends it meanwhile; it leaves the balance when
the provider took the refund, and is free again when it refused. What is not known is left in doubt for a person to settle.
Only the call that made a refund asks the provider, once: whoever repeats it under its key is told how it stands.

Bank deposits are given back by a transfer that the operator makes; such a refund is done at once.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from servicekit import crashpoints, idempotency, logs
from servicekit.database import Database, cursor_of

from .. import audit, ledger, use_cases
from ..domain import HoldRequest
from ..errors import Spent
from ..orders import domain, paying
from ..orders.errors import UnknownOrder
from ..orders.models import Order
from ..queries import as_time
from .errors import NothingToRefund, RefundInProgress, UnknownRefund
from .models import Payment, Refund
from .port import ProviderDown, ProviderRefused
from .registry import Registry

log = logs.get(__name__)

UNSETTLED = ("requested", "in_doubt")


def refund(
    db: Database, registry: Registry, order_id: int, amount_cents: int | None, reason: str, key: str | None
) -> dict[str, Any]:
    """Give ``amount_cents`` (None: all that is left) of a paid order back; once per ``key``. The refund as it is then.

    Repeated under its key it is not sent again: it is ``requested`` as long as the first call waits for the provider or
    was killed, until ``doubt_abandoned``. Raises UnknownOrder, NothingToRefund, RefundInProgress, Spent when the account
    has the credit no more, MethodNotOffered when the provider is not configured any more.
    """
    with db.transaction() as session:
        refund_id, is_new = _request(session, registry, order_id, amount_cents, reason, key)
        row, payment = _with_payment(session, refund_id)
        to_ask = is_new and payment.provider != "bank"
        if is_new and not to_ask:
            finish(session, row, None)
    if to_ask:
        _ask_provider(db, registry, refund_id, payment, row.amount_cents)
    with db.transaction() as session:
        return shown(_locked(session, refund_id))


def _request(
    session: Any, registry: Registry, order_id: int, amount_cents: int | None, reason: str, key: str | None
) -> tuple[int, bool]:
    """The refund's id, and whether it was made now and not by an earlier call under the same key."""
    fresh: list[int] = []

    def produce() -> dict[str, int]:
        fresh.append(_make(session, registry, order_id, amount_cents, reason).id)
        return {"id": fresh[0]}

    request = {"order_id": order_id, "amount_cents": amount_cents, "reason": reason}
    made = idempotency.remember(session, 0, key, request, produce, operation="billing.refund")
    return int(made["id"]), bool(fresh)


def _make(session: Any, registry: Registry, order_id: int, amount_cents: int | None, reason: str) -> Refund:
    order = paying.locked(session, order_id)
    if order is None:
        raise UnknownOrder("There is no such order.")
    payment = _payment_of(session, order)
    if payment.provider != "bank":
        registry.get(payment.provider)
    _refuse_another(session, order_id)
    wanted = _left(order) if amount_cents is None else amount_cents
    _refuse_more_than_left(order, wanted)
    row = Refund(
        order_id=order_id,
        payment_id=payment.id,
        amount_cents=wanted,
        credit=_share(order, wanted).credit,
        state="requested",
        reason=reason,
    )
    session.add(row)
    session.flush()
    if row.credit and not _hold(session, order, row, _hold_ids(row)[0]):
        raise Spent("The account has spent what is to be given back.")
    audit.note(
        session, "refund_requested", order.account_id, order_id=order_id, refund_id=row.id, cents=wanted
    )
    return row


def _ask_provider(db: Database, registry: Registry, refund_id: int, payment: Payment, cents: int) -> None:
    provider = registry.get(payment.provider)
    crashpoints.reach("billing.refund_requested")
    try:
        taken = provider.refund(payment.transaction_id, cents, payment.currency, f"refund-{refund_id}")
    except ProviderRefused as error:
        with db.transaction() as session:
            fail(session, _locked(session, refund_id), error.detail)
    except ProviderDown as error:
        with db.transaction() as session:
            _doubt(session, _locked(session, refund_id), error.detail)
    else:
        crashpoints.reach("billing.refund_taken")
        with db.transaction() as session:
            finish(session, _locked(session, refund_id), taken.refund_id)


def finish(session: Any, row: Refund, provider_refund_id: str | None) -> None:
    """The money is back with the payer: take its credit, book it, write the credit note; again changes nothing.

    One that was settled as failed is in doubt again. Raises NothingToRefund when other refunds took what is left of the
    order, Spent when the account has the credit of such a late one no more.
    """
    if row.state == "failed":
        _taken_late(session, row, provider_refund_id)
        return
    if row.state not in UNSETTLED:
        return
    order = _order(session, row)
    _refuse_more_than_left(order, row.amount_cents)
    payment = session.get(Payment, row.payment_id)
    share = _share(order, row.amount_cents)
    row.state, row.decided_at = "done", func.now()
    row.provider_refund_id = provider_refund_id or row.provider_refund_id
    session.flush()
    _let_go(session, row)
    if row.credit:
        ledger.reverse_payment(
            session, order.account_id, row.credit, *paying.cause_of(payment), f"refund:{row.id}"
        )
    audit.note(
        session, "refunded", order.account_id, order_id=order.id, refund_id=row.id, cents=row.amount_cents
    )
    paying.give_back(session, order, share)
    log.info("refunded", account_id=order.account_id, order_id=order.id, refund_id=row.id)


def fail(session: Any, row: Refund, why: str) -> None:
    """The money was not given back: its credit may be spent again."""
    if row.state not in UNSETTLED:
        return
    order = _order(session, row)
    row.state, row.error, row.decided_at = "failed", why[:500], func.now()
    session.flush()
    _let_go(session, row)
    audit.note(session, "refund_failed", order.account_id, order_id=order.id, refund_id=row.id, why=why[:500])


def resolve(session: Any, refund_id: int, refunded: bool) -> dict[str, Any]:
    """A person looked at the provider's own pages and says what became of a refund in doubt. Raises UnknownRefund."""
    row = session.scalar(select(Refund).where(Refund.id == refund_id))
    if row is None or row.state != "in_doubt":
        raise UnknownRefund("There is no such refund in doubt.")
    row = _locked(session, refund_id)
    if refunded:
        finish(session, row, None)
    else:
        fail(session, row, "not refunded, says the operator")
    return shown(row)


def doubt_abandoned(session: Any) -> int:
    """Refunds whose process was killed while it asked the provider: nobody knows. Returns how many."""
    cursor = cursor_of(session)
    cursor.execute(
        "UPDATE refunds SET state = 'in_doubt', error = 'no answer kept' WHERE id IN ("
        " SELECT id FROM refunds WHERE state = 'requested' AND created_at < now() - interval '2 minutes'"
        " FOR UPDATE SKIP LOCKED) RETURNING id, order_id"
    )
    rows = cursor.fetchall()
    for refund_id, order_id in rows:
        audit.note(session, "refund_in_doubt", order_id=order_id, refund_id=refund_id)
    return len(rows)


def _doubt(session: Any, row: Refund, why: str) -> None:
    if row.state == "requested":
        row.state, row.error = "in_doubt", why[:500]
        session.flush()
        audit.note(session, "refund_in_doubt", order_id=row.order_id, refund_id=row.id)


def _taken_late(session: Any, row: Refund, provider_refund_id: str | None) -> None:
    """The provider took what counts as failed: a person looks. Its credit is held again, unless it was spent meanwhile."""
    order = _order(session, row)
    row.state, row.error, row.decided_at = "in_doubt", "taken by the provider after it had failed", None
    row.provider_refund_id = provider_refund_id
    session.flush()
    held = not row.credit or _hold(session, order, row, _hold_ids(row)[1])
    audit.note(session, "refund_taken_late", order.account_id, order_id=order.id, refund_id=row.id, held=held)
    log.error("refund_taken_late", order_id=order.id, refund_id=row.id, held=held)


def _payment_of(session: Any, order: Order) -> Payment:
    payment = session.scalar(
        select(Payment).where(Payment.order_id == order.id, Payment.state == "credited").limit(1)
    )
    if payment is None or order.state not in ("paid", "partly_refunded"):
        raise NothingToRefund("The order has no payment to give back.")
    found: Payment = payment
    return found


def _refuse_another(session: Any, order_id: int) -> None:
    if session.scalar(
        select(Refund.id).where(Refund.order_id == order_id, Refund.state.in_(UNSETTLED)).limit(1)
    ):
        raise RefundInProgress("Another refund of this order is not settled yet.")


def _hold(session: Any, order: Order, row: Refund, hold_id: str) -> bool:
    request = HoldRequest(hold_id, order.account_id, row.credit, f"refund:{order.id}")
    (result,) = use_cases.hold(session, [request])
    return bool(result["ok"])


def _hold_ids(row: Refund) -> tuple[str, str]:
    """What its credit is held under: at first, and when it is taken after it had failed, since no hold comes back."""
    return f"refund:{row.id}", f"refund:{row.id}:late"


def _let_go(session: Any, row: Refund) -> None:
    for hold_id in ledger.known_holds(session, _hold_ids(row)):
        use_cases.release_hold(session, hold_id)


def _left(order: Order) -> int:
    return order.gross_cents - order.refunded_cents


def _refuse_more_than_left(order: Order, cents: int) -> None:
    if not 0 < cents <= _left(order):
        raise NothingToRefund(f"Of this order {_left(order)} cents are left to give back.")


def _share(order: Order, cents: int) -> domain.Share:
    return domain.refund_share(paying.amounts_of(order), order.credit, order.refunded_cents, cents)


def _order(session: Any, row: Refund) -> Order:
    order = paying.locked(session, row.order_id)
    if order is None:
        raise UnknownOrder("There is no such order.")
    return order


def _with_payment(session: Any, refund_id: int) -> tuple[Refund, Payment]:
    row = _locked(session, refund_id)
    payment: Payment = session.scalar(select(Payment).where(Payment.id == row.payment_id))
    return row, payment


def _locked(session: Any, refund_id: int) -> Refund:
    """The refund, its order locked before it: the order of locks everywhere."""
    order_id = session.scalar(select(Refund.order_id).where(Refund.id == refund_id))
    paying.locked(session, order_id)
    row: Refund = session.scalar(
        select(Refund)
        .where(Refund.id == refund_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return row


def shown(row: Refund) -> dict[str, Any]:
    """A refund as an order and the operator show it."""
    return {
        "id": row.id,
        "order_id": row.order_id,
        "amount_cents": row.amount_cents,
        "state": row.state,
        "reason": row.reason,
        "error": row.error,
        "created_at": as_time(row.created_at),
    }
