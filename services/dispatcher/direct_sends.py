"""Direct sends: requests with one message or many, accepted when the answer comes back (DESIGN §3.4).

Order of things: what is asked is checked and priced, the intent is committed, the price is held, and then messages, orders
and the answer under its idempotency key are one transaction. Killed before that last one, the sweep gives the
hold back; killed after it, a repetition under the same key gets the answer that was stored.

Requests that arrive together are accepted together: messages of one account, class and kind share a hold, a chunk and a batch.
One by one, an SMS cost 40 transactions and 14 messages through the broker (docs/performance.md).
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Any

from contracts.errors import RETRY_AT, Conflict, InsufficientFunds, Invalid, KeryxError, TooMany
from contracts.events import ChunkProgress
from contracts.tariff import Tariff
from servicekit import crashpoints, idempotency
from servicekit.idempotency import Asked

from . import progress
from .accepting import Incoming, Ways, accept, by_arrays
from .direct import Checked, check
from .direct_groups import Call, Group, Request, grouped, one_a_key, split
from .domain import State

MAX_MESSAGES = 1_000
VALIDITY_SECONDS = 172_800
# Held, split and held again, stored: each gives up after 10 s. Whoever is slower finds its intent gone, and sends nothing.
INTENT_SECONDS = 45
OPERATION = "accept"
REMEMBERED_SECONDS = 1.0


class Remembered:
    """Tariffs and ways, read at most once in REMEMBERED_SECONDS: a new price counts from then on, here and in its quote."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._known: dict[Any, tuple[float, Any]] = {}

    def get(self, what: Any, read: Callable[[], Any]) -> Any:
        """What ``read()`` said lately under the name ``what``."""
        now = time.monotonic()
        known = self._known.get(what)
        if known is None or known[0] < now:
            if len(self._known) > 10_000:
                self._known.clear()
            known = self._known[what] = (now + REMEMBERED_SECONDS, read())
        return known[1]


class Accepting:
    """Accepts requests. ``transaction()`` opens one on the dispatcher's database; prices and holds are asked of ``billing``."""

    def __init__(
        self,
        transaction: Callable[[], Any],
        cursor_of: Callable[[Any], Any],
        billing: Any,
        remembered: Remembered | None = None,
    ) -> None:
        """Nothing is done yet."""
        self._transaction, self._cursor_of, self._billing = transaction, cursor_of, billing
        self._remembered = remembered or Remembered()

    def accept(self, request: Request) -> dict[str, Any]:
        """The answer for each message of one request in its place: an id and a state, or an error.

        Raises Invalid("messages_refused") when all or nothing was asked and one is wrong, InsufficientFunds, Conflict
        for a key used otherwise, TooMany("spend_limit_reached"), Unavailable when billing does not answer, or when a request
        without a key is delivered again.
        """
        answer = self.accept_all([request])[0]
        if isinstance(answer, KeryxError):
            raise answer
        return answer

    def accept_all(self, requests: Sequence[Request]) -> list[dict[str, Any] | KeryxError]:
        """The answer to each request in its place, or the error that ``accept`` would raise.

        Each is accepted wholly or not at all, whatever becomes of the others. Raises only what concerns all: Unavailable.
        """
        answers: dict[int, dict[str, Any] | KeryxError] = {}
        rest = dict(enumerate(requests))
        while rest:  # once, unless a key came twice: the second is then a repetition of the first
            call = Call(one_a_key(rest))
            self._accept(call)
            answers.update(call.answers)
            rest = {place: one for place, one in rest.items() if place not in answers}
        return [answers[place] for place in range(len(requests))]

    def _accept(self, call: Call) -> None:
        self._recall(call)
        self._check(call)
        together, alone = grouped(call)
        self._hold_and_store(call, together, leaving=alone.keys())
        for place, groups in alone.items():
            one = Call({place: call.requests[place]}, wrong=call.wrong, good=call.good)
            try:
                self._hold_and_store(one, groups)
            except KeryxError as error:
                one.refuse({place}, error)
            call.answers.update(one.answers)

    def _recall(self, call: Call) -> None:
        keyed = call.keyed()
        if keyed:
            with self._transaction() as session:
                self._take_known(call, keyed, session, lock=False)

    def _take_known(self, call: Call, keyed: list[tuple[int, Asked]], session: Any, lock: bool) -> None:
        known = idempotency.recall_all(session, [one for _, one in keyed], OPERATION, lock)
        call.answers.update(
            {place: answer for (place, _), answer in zip(keyed, known, strict=True) if answer is not None}
        )

    def _check(self, call: Call) -> None:
        for place, request in call.open().items():
            try:
                if request.key is None:
                    idempotency.refuse_redelivered()
                call.good[place], call.wrong[place] = self._checked(request)
            except KeryxError as error:
                call.answers[place] = error

    def _checked(self, request: Request) -> tuple[list[Checked], dict[int, dict[str, Any]]]:
        if not 1 <= len(request.messages) <= MAX_MESSAGES:
            raise Invalid("too_many_messages", f"A request has 1 to {MAX_MESSAGES} messages.")
        tariffs = {
            name: self._tariff(request.account_id, name)
            for name in {str(m.get("price_class") or "normal") for m in request.messages}
        }
        good, wrong = check(request.messages, tariffs)
        if wrong and request.all_or_nothing:
            errors = [{"pointer": f"/messages/{n}", **answer["error"]} for n, answer in wrong.items()]
            raise Invalid("messages_refused", "Nothing was sent, because not all could be.", errors)
        return good, wrong

    def _tariff(self, account_id: int, price_class: str) -> Tariff:
        tariff: Tariff = self._remembered.get(
            (account_id, price_class),
            lambda: Tariff.from_data(self._billing.tariff(account_id=account_id, price_class=price_class)),
        )
        return tariff

    def _hold_and_store(self, call: Call, groups: list[Group], leaving: Collection[int] = ()) -> None:
        held = self._hold(call, groups)
        crashpoints.reach("dispatcher.held")
        if call.open().keys() - leaving:
            self._store(call, held, leaving)

    def _hold(self, call: Call, groups: list[Group]) -> list[Group]:
        """Those of the groups whose price is held; requests of the others have their answer."""
        if not groups:
            return []
        with self._transaction() as session:
            self._cursor_of(session).execute(
                "INSERT INTO direct_sends (hold_id, account_id) SELECT * FROM unnest(%s::text[], %s::bigint[])"
                " ON CONFLICT (hold_id) DO UPDATE SET asked_at = now()",
                ([group.hold_id for group in groups], [group.account_id for group in groups]),
            )
        results = self._billing.hold(
            holds=[
                {
                    "id": group.hold_id, "account_id": group.account_id, "amount": group.amount,
                    "reference": f"direct:{group.hold_id}", "spender": _spender(call, group),
                }
                for group in groups
            ]
        )["results"]  # fmt: skip
        held, singles = self._judge(call, groups, results)
        return held + self._hold(call, singles)

    def _judge(
        self, call: Call, groups: list[Group], results: list[dict[str, Any]]
    ) -> tuple[list[Group], list[Group]]:
        """What is held, and what is to be tried again one request at a time."""
        held: list[Group] = []
        singles: list[Group] = []
        refused: list[Group] = []
        for group, result in zip(groups, results, strict=True):
            if result["ok"]:
                held.append(group)
                continue
            refused.append(group)
            if len(group.places()) > 1:  # what is too dear for all may do for some of them
                singles += split(call, group)
            else:
                call.refuse(group.places(), _refusal(result))
        # A request that was refused one of its holds gives the others back now; killed here, the sweep does.
        lost = [group for group in held if group.places() <= call.answers.keys()]
        for group in lost:
            self._billing.release_hold(hold_id=group.hold_id)
        self._forget_intents([*refused, *lost])
        return [group for group in held if group not in lost], singles

    def _forget_intents(self, groups: list[Group]) -> None:
        """Nothing is held for these. An id that others may be asking for is left to the sweep, which closes it."""
        ids = [group.hold_id for group in groups if not group.shared]
        if ids:
            with self._transaction() as session:
                self._cursor_of(session).execute("DELETE FROM direct_sends WHERE hold_id = ANY(%s)", (ids,))

    def _store(self, call: Call, groups: list[Group], leaving: Collection[int]) -> None:
        with self._transaction() as session:
            cursor = self._cursor_of(session)
            keyed = [(place, one) for place, one in call.keyed() if place not in leaving]
            if keyed:
                self._take_known(call, keyed, session, lock=True)
            accepted: defaultdict[int, dict[int, dict[str, Any]]] = defaultdict(dict)
            ways = self._remembered.get("ways", lambda: Ways.load(cursor))
            for group in _still_ours(cursor, call, groups):
                _accept_group(cursor, call, group, ways, accepted)
            fresh = {
                place: {**call.wrong[place], **accepted[place]}
                for place in call.open()
                if place not in leaving
            }
            for place, answers in fresh.items():
                call.answers[place] = {"data": [answers[index] for index in range(len(answers))]}
            stored = [(one, call.answers[place]) for place, one in keyed if place in fresh]
            if stored:
                idempotency.store_all(session, stored, OPERATION)


def _spender(call: Call, group: Group) -> str | None:
    """Whose money it is within the account, for its spend limit; the requests of a group have the same."""
    return call.requests[group.members[0][0]].actor or None


def _refusal(result: dict[str, Any]) -> KeryxError:
    code = result["code"]
    if code == "spend_limit_reached":
        wait = {"pointer": "", "code": RETRY_AT, "detail": result["until"]}
        return TooMany(
            code, f"The spend limit of the day is reached; it begins anew at {result['until']}.", [wait]
        )
    if code == "hold_amount_differs":
        return Conflict("idempotency_key_reused", "This Idempotency-Key was used for a different request.")
    if code == "hold_withdrawn":
        return _too_old()
    return InsufficientFunds("insufficient_funds", "The balance does not cover these messages.")


def _too_old() -> Conflict:
    return Conflict("request_too_old", "This request was given up meanwhile; send it again under a new key.")


def _still_ours(cursor: Any, call: Call, groups: list[Group]) -> list[Group]:
    """Take the intents away; those of the groups that the sweep has not given up.

    A single request that lost one of several groups fails as a whole: raises Conflict.
    """
    cursor.execute(
        "DELETE FROM direct_sends WHERE hold_id = ANY(%s) RETURNING hold_id", ([g.hold_id for g in groups],)
    )
    ours = {row[0] for row in cursor.fetchall()}
    for group in groups:
        if group.hold_id not in ours:
            if len(groups) > len(call.requests):
                raise _too_old()
            call.refuse(group.places(), _too_old())
    return [group for group in groups if group.hold_id in ours]


def _accept_group(
    cursor: Any, call: Call, group: Group, ways: Ways, accepted: dict[int, dict[int, dict[str, Any]]]
) -> None:
    """Accept what of the group has no answer; the price of what was answered elsewhere meanwhile goes back.

    Not so that of a hold that is shared: whoever answered accepted under this very hold.
    """
    members = [(place, one) for place, one in group.members if place not in call.answers]
    answered = group.amount - Group("", 0, members).amount
    if answered and not group.shared:
        released = ChunkProgress(group.hold_id, group.account_id, released=answered)
        progress.keep(cursor, [released])
    if not members:
        return
    first = members[0][1]
    incoming = Incoming(
        group.hold_id, group.account_id, None, first.price_class, first.kind, "api", VALIDITY_SECONDS,
        [one.message for _, one in members],
    )  # fmt: skip
    done = accept(cursor, incoming, ways, by_arrays)
    if done is None:  # accepted so long ago that its key is forgotten
        call.refuse({place for place, _ in members}, _too_old())
        return
    for (place, one), message_id, state in zip(members, done.ids, done.states, strict=True):
        accepted[place][one.index] = {
            "id": message_id,
            "to": one.message.msisdn,
            "state": State.ACCEPTED.label if state is State.QUEUED else state.label,
            "parts": one.message.parts,
            "price": one.message.parts * one.message.price,
            "reference": one.message.reference,
        }


def give_back_old(transaction: Callable[[], Any], cursor_of: Callable[[Any], Any], billing: Any) -> int:
    """Release the holds of direct sends that were never accepted; returns how many.

    The intent is deleted first: an acceptance that is still under way fails on it and does not send for nothing.
    """
    with transaction() as session:
        cursor = cursor_of(session)
        cursor.execute(
            "SELECT d.hold_id, EXISTS (SELECT FROM chunks c WHERE c.hold_id = d.hold_id) FROM direct_sends d"
            " WHERE d.asked_at < now() - make_interval(secs => %s) ORDER BY d.asked_at LIMIT 100 FOR UPDATE SKIP LOCKED",
            (INTENT_SECONDS,),
        )
        old = cursor.fetchall()
        for hold_id, is_accepted in old:
            if (
                not is_accepted
            ):  # it is, when a repetition of the request was killed after the first had its answer
                # Within the transaction: if billing does not answer, the intents stay and are tried again.
                billing.release_hold(hold_id=hold_id)
        cursor.execute("DELETE FROM direct_sends WHERE hold_id = ANY(%s)", ([row[0] for row in old],))
    return len(old)
