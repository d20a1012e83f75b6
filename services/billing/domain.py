"""The rules of money, without a database: who may hold what, when a balance is low, what it still buys.

Money is integer micro-euro throughout. A posting is positive when the ledger account it names grows;
customers' money is what we owe them, so a top-up is ``topups −x, available +x`` and all postings of an entry
sum to zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from contracts.tariff import Tariff

CURRENCY = "EUR"
HOME_ZONE = "Europe/Athens"  # where nobody told an account's own
KINDS = ("topup", "hold", "settlement", "release", "payment", "reversal", "correction")
PRICE_CLASSES = ("normal", "low")
TOPUPS, REVENUE, PAYMENTS, VOUCHERS = "topups", "revenue", "payments", "vouchers"
CORRECTIONS = "corrections"
A_GREEK_MOBILE = "306900000000"


def available(account_id: int) -> str:
    """Code of the ledger account with what a customer may spend."""
    return f"{account_id}:available"


def held(account_id: int) -> str:
    """Code of the ledger account with what is set aside for messages on their way."""
    return f"{account_id}:held"


@dataclass(frozen=True)
class Entry:
    """One movement of money of one customer. ``cause`` says what made it and is unique for ever.

    ``postings`` maps codes of ledger accounts to amounts that sum to zero; ``details`` is JSON-able.
    """

    kind: str
    cause: str
    account_id: int
    postings: dict[str, int]
    details: dict[str, object]


class HoldRequest(NamedTuple):
    """Set ``amount`` aside under ``id``; ``reference`` groups holds (a campaign, a direct send).

    ``spender`` is whose spend limit it counts for (``key:<id>``, ``user:<id>``); None: billing finds out.
    """

    id: str
    account_id: int
    amount: int
    reference: str
    spender: str | None = None


WHOLE_ACCOUNT = "account"


@dataclass
class Cap:
    """What ``spender`` (or the whole account) may set aside on ``day``, which ends ``until``, and has by now."""

    account_id: int
    spender: str
    daily: int
    day: date
    until: datetime
    spent: int = 0


def counts_for(cap: Cap, request: HoldRequest) -> bool:
    """Whether the request's money is limited by ``cap``."""
    return cap.account_id == request.account_id and cap.spender in (WHOLE_ACCOUNT, request.spender)


def over_cap(requests: Iterable[HoldRequest], caps: Sequence[Cap]) -> dict[str, Cap]:
    """Ids of the requests that go beyond a limit, with that limit; a smaller one after a refused one may pass."""
    spent = [cap.spent for cap in caps]
    refused: dict[str, Cap] = {}
    for request in {request.id: request for request in requests}.values():
        mine = [index for index, cap in enumerate(caps) if counts_for(cap, request)]
        broken = [caps[index] for index in mine if spent[index] + request.amount > caps[index].daily]
        if request.amount and broken:
            refused[request.id] = max(broken, key=lambda cap: cap.until)
            continue
        for index in mine:
            spent[index] += request.amount
    return refused


@dataclass(frozen=True)
class KnownHold:
    """A hold that exists; ``withdrawn`` when it was taken back as a whole, without account when before it was made."""

    account_id: int | None
    amount: int
    withdrawn: bool


@dataclass(frozen=True)
class Decision:
    """What became of a request. ``code`` None: the money is held; ``new``: it was not before."""

    id: str
    code: str | None = None
    new: bool = False


def decide_holds(
    requests: Sequence[HoldRequest], spendable: Mapping[int, int], known: Mapping[str, KnownHold]
) -> list[Decision]:
    """Decide on each request in its order; one that is too dear does not stop a smaller one after it.

    ``spendable`` is available money plus credit per account; an account that is not there has none. The same
    request again is held and not new; one that differs is refused with a code.
    """
    left, seen = dict(spendable), dict(known)
    decisions = []
    for request in requests:
        earlier = seen.get(request.id)
        if earlier is not None:
            decisions.append(Decision(request.id, _compare(request, earlier)))
        elif request.account_id not in left or left[request.account_id] < request.amount:
            decisions.append(Decision(request.id, "insufficient_funds"))
        else:
            left[request.account_id] -= request.amount
            seen[request.id] = KnownHold(request.account_id, request.amount, withdrawn=False)
            decisions.append(Decision(request.id, new=True))
    return decisions


def _compare(request: HoldRequest, earlier: KnownHold) -> str | None:
    if earlier.account_id is None:
        return "hold_withdrawn"
    if earlier.account_id != request.account_id:
        return "hold_id_taken"
    if earlier.amount != request.amount:
        return "hold_amount_differs"
    return "hold_withdrawn" if earlier.withdrawn else None


def hold_entries(new: Iterable[HoldRequest]) -> list[Entry]:
    """One entry an account for a call's new holds, its cause the first of them (an id is held once, ever)."""
    by_account: dict[int, list[HoldRequest]] = {}
    for request in new:
        by_account.setdefault(request.account_id, []).append(request)
    return [
        Entry(
            "hold",
            f"hold:{requests[0].id}",
            account_id,
            {available(account_id): -total, held(account_id): total},
            {"holds": {request.id: request.amount for request in requests}},
        )
        for account_id, requests in by_account.items()
        if (total := sum(request.amount for request in requests))
    ]


class Settlement(NamedTuple):
    """What a hold's messages cost: ``captured`` is earned, ``released`` goes back. Both are additions."""

    hold_id: str
    account_id: int
    captured: int
    released: int


def sum_settlements(settlements: Iterable[Settlement]) -> list[Settlement]:
    """One settlement a hold, in the order of account and hold; those of no amount are left out.

    Raises ValueError for a negative amount: what was captured or released is never taken back.
    """
    sums: dict[tuple[int, str], tuple[int, int]] = {}
    for item in settlements:
        if item.captured < 0 or item.released < 0:
            raise ValueError(f"hold {item.hold_id!r}: a captured or released amount is negative")
        captured, released = sums.get((item.account_id, item.hold_id), (0, 0))
        sums[item.account_id, item.hold_id] = (captured + item.captured, released + item.released)
    return [
        Settlement(hold_id, account_id, captured, released)
        for (account_id, hold_id), (captured, released) in sorted(sums.items())
        if captured or released
    ]


def settlement_entries(event_id: str, settlements: Iterable[Settlement]) -> list[Entry]:
    """One entry an account for what an event settles, with each hold's share in its details."""
    by_account: dict[int, list[Settlement]] = {}
    for item in settlements:
        by_account.setdefault(item.account_id, []).append(item)
    return [
        Entry(
            "settlement",
            f"settlement:{event_id}:{account_id}",
            account_id,
            _without_zeros(
                {
                    held(account_id): -sum(item.captured + item.released for item in items),
                    available(account_id): sum(item.released for item in items),
                    REVENUE: sum(item.captured for item in items),
                }
            ),
            # ``sales``: this release keeps what was sold beside it, so the two can be compared.
            {
                "event": event_id,
                "holds": {item.hold_id: [item.captured, item.released] for item in items},
                "sales": True,
            },
        )
        for account_id, items in by_account.items()
    ]


def _without_zeros(postings: dict[str, int]) -> dict[str, int]:
    return {code: amount for code, amount in postings.items() if amount}


def topup_entry(account_id: int, amount: int, reason: str, key: str) -> Entry:
    """Money that came in for a customer."""
    postings = {TOPUPS: -amount, available(account_id): amount}
    return Entry("topup", f"topup:{account_id}:{key}", account_id, postings, {"reason": reason})


def correction_entry(account_id: int, amount: int, reason: str, corrects: int | None, key: str) -> Entry:
    """What was booked wrongly is put right by another entry; ``corrects`` is the id of the wrong one."""
    postings = {CORRECTIONS: -amount, available(account_id): amount}
    details: dict[str, object] = {"reason": reason, "corrects": corrects}
    return Entry("correction", f"correction:{account_id}:{key}", account_id, postings, details)


def _source(cause_kind: str) -> str:
    """The system account that a credit of this kind comes from."""
    return VOUCHERS if cause_kind == "voucher" else PAYMENTS


def payment_entry(account_id: int, amount: int, cause_kind: str, cause_id: str) -> Entry:
    """Money that a payment or a voucher brought."""
    postings = {_source(cause_kind): -amount, available(account_id): amount}
    cause = f"payment:{cause_kind}:{cause_id}"
    return Entry("payment", cause, account_id, postings, {"payment": [cause_kind, cause_id]})


def reversal_entry(account_id: int, amount: int, cause_kind: str, cause_id: str, reversal_id: str) -> Entry:
    """Money of a payment that goes back: a refund, or a deposit that was another's."""
    postings = {_source(cause_kind): amount, available(account_id): -amount}
    cause = f"reversal:{cause_kind}:{cause_id}:{reversal_id}"
    details: dict[str, object] = {"payment": [cause_kind, cause_id], "reversal": reversal_id}
    return Entry("reversal", cause, account_id, postings, details)


def release_entry(account_id: int, hold_id: str, amount: int) -> Entry:
    """A hold taken back as a whole."""
    postings = {held(account_id): -amount, available(account_id): amount}
    return Entry("release", f"release:{hold_id}", account_id, postings, {"holds": {hold_id: [0, amount]}})


def is_low(armed: bool, level: int | None, spendable: int) -> bool:
    """True when a notice is due: ``spendable`` is below the level and none was sent since it was armed."""
    return armed and level is not None and spendable < level


def is_armed_after_topup(armed: bool, level: int | None, spendable: int) -> bool:
    """A top-up that brings the balance to its level or above arms the notice; a smaller one does not."""
    return armed or level is None or spendable >= level


def is_armed_at_new_level(armed: bool, level: int | None, spendable: int) -> bool:
    """At or above a new level the notice is armed. An account that never had money stays unarmed."""
    return armed or (level is not None and spendable >= level and spendable > 0)


def messages_left(spendable: int, price: int | None) -> int:
    """How many parts at ``price`` the money pays; 0 when there is no price or it is nothing."""
    return max(0, spendable) // price if price else 0


def price_items(tariff: Tariff, items: Iterable[tuple[str, int]]) -> list[int | None]:
    """The price of each (msisdn, parts): all its parts together, None where the tariff has no price."""
    prices = ((tariff.price(msisdn), parts) for msisdn, parts in items)
    return [None if price is None else price * parts for price, parts in prices]
