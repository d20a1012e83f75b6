"""Direct sends: one message or many in a request, accepted when the answer comes back (DESIGN §3.4).

Order of things: what is asked is checked and priced, the intent is committed, the price is held, and then messages, orders
and the answer under its idempotency key are one transaction. Killed before that last one, the sweep gives the
hold back; killed after it, a repetition under the same key gets the answer that was stored.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import smstext
from contracts.errors import Conflict, InsufficientFunds, Invalid
from contracts.tariff import Tariff
from servicekit import crashpoints, idempotency
from smstext.segments import Encoding

from .accepting import LANES, Incoming, Message, Ways, accept, by_arrays
from .domain import State

MAX_MESSAGES = 1_000
MAX_PARTS = 10
VALIDITY_SECONDS = 172_800
INTENT_SECONDS = 120
OPERATION = "accept"
ENCODINGS = ("auto", "gsm", "unicode")


@dataclass(frozen=True)
class Checked:
    """A message of a request that can be sent; ``index`` is its place in it."""

    index: int
    price_class: str
    kind: str
    message: Message


def check(
    messages: Sequence[Mapping[str, Any]], tariffs: Mapping[str, Tariff]
) -> tuple[list[Checked], dict[int, dict[str, Any]]]:
    """What can be sent, and for the rest what is wrong with each by its place in the request."""
    good: list[Checked] = []
    wrong: dict[int, dict[str, Any]] = {}
    for index, raw in enumerate(messages):
        try:
            good.append(_checked(index, raw, tariffs))
        except _Refused as refused:
            wrong[index] = {"to": raw.get("to"), "error": {"code": refused.code, "detail": str(refused)}}
    return good, wrong


class _Refused(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def _checked(index: int, raw: Mapping[str, Any], tariffs: Mapping[str, Tariff]) -> Checked:
    try:
        msisdn = smstext.parse_msisdn(raw.get("to"))
    except smstext.InvalidNumber as error:
        raise _Refused(f"number_{error.reason}", "The number cannot get an SMS.") from None
    text, encoding, parts = _counted(str(raw.get("text") or ""), raw.get("encoding") or "auto")
    price_class, kind = raw.get("price_class") or "normal", raw.get("kind") or "transactional"
    if price_class not in tariffs or kind not in LANES:
        raise _Refused("invalid", "No such price class or kind.")
    price = tariffs[price_class].price(msisdn)
    if price is None:
        raise _Refused("no_price", "There is no price for this destination.")
    try:
        sender = smstext.check_sender_id(str(raw.get("sender") or ""))
    except ValueError as error:
        raise _Refused(
            str(error), "A sender has up to 11 plain GSM characters with a letter, or 3 to 15 digits."
        ) from None
    reference = raw.get("reference")
    if reference is not None and not (isinstance(reference, str) and reference.isprintable()):
        raise _Refused("reference_invalid", "A reference is a line of text.")
    return Checked(index, price_class, kind, Message(msisdn, sender, text, encoding, parts, price, reference))


def _counted(text: str, encoding: str) -> tuple[str, str, int]:
    if encoding not in ENCODINGS:
        raise _Refused("invalid", "No such encoding.")
    if encoding == "gsm":
        text = smstext.fold_to_gsm(text)
    if not text.strip():
        raise _Refused("text_empty", "There is no text.")
    try:
        counted = smstext.count(text, cast(Encoding, encoding))
    except smstext.TextError as error:
        raise _Refused(error.code, str(error)) from None
    if counted.parts > MAX_PARTS:
        raise _Refused("too_many_parts", f"The text needs {counted.parts} parts; {MAX_PARTS} is the most.")
    return text, counted.encoding, counted.parts


class Accepting:
    """One request to ``accept``; ``transaction()`` opens one on the dispatcher's database, ``call`` asks billing."""

    def __init__(self, transaction: Callable[[], Any], cursor_of: Callable[[Any], Any], billing: Any) -> None:
        """Nothing is done yet."""
        self._transaction, self._cursor_of, self._billing = transaction, cursor_of, billing

    def accept(
        self, account_id: int, messages: list[dict[str, Any]], all_or_nothing: bool, key: str | None
    ) -> dict[str, Any]:
        """The answer for each message in its place: an id and a state, or an error.

        Raises Invalid("messages_refused") when all or nothing was asked and one is wrong, InsufficientFunds, Conflict
        for a key used otherwise, Unavailable when billing does not answer.
        """
        if not 1 <= len(messages) <= MAX_MESSAGES:
            raise Invalid("too_many_messages", f"A request has 1 to {MAX_MESSAGES} messages.")
        request = {"messages": messages, "all_or_nothing": all_or_nothing}
        known = self._known_answer(account_id, key, request)
        if known is not None:
            return known
        tariffs = {
            name: self._tariff(account_id, name)
            for name in {m.get("price_class") or "normal" for m in messages}
        }
        good, wrong = check(messages, tariffs)
        if wrong and all_or_nothing:
            errors = [{"pointer": f"/messages/{n}", **answer["error"]} for n, answer in wrong.items()]
            raise Invalid("messages_refused", "Nothing was sent, because not all could be.", errors)
        groups = _grouped(good, _request_id(account_id, key))
        self._hold(account_id, groups)
        crashpoints.reach("dispatcher.held")
        return self._store(account_id, groups, wrong, key, request, len(messages))

    def _known_answer(self, account_id: int, key: str | None, request: Any) -> dict[str, Any] | None:
        if key is None:
            return None
        with self._transaction() as session:
            return idempotency.recall(session, account_id, key, request, OPERATION)

    def _tariff(self, account_id: int, price_class: str) -> Tariff:
        return Tariff.from_data(self._billing.tariff(account_id=account_id, price_class=price_class))

    def _hold(self, account_id: int, groups: Mapping[str, list[Checked]]) -> None:
        if not groups:
            return
        with self._transaction() as session:
            cursor = self._cursor_of(session)
            for hold_id in groups:
                cursor.execute(
                    "INSERT INTO direct_sends (hold_id, account_id) VALUES (%s, %s) ON CONFLICT (hold_id)"
                    " DO UPDATE SET asked_at = now()",
                    (hold_id, account_id),
                )
        holds = [
            {
                "id": hold_id,
                "account_id": account_id,
                "amount": sum(c.message.price * c.message.parts for c in group),
                "reference": f"direct:{hold_id}",
            }
            for hold_id, group in groups.items()
        ]
        refused = [
            answer["code"] for answer in self._billing.hold(holds=holds)["results"] if not answer["ok"]
        ]
        if "hold_amount_differs" in refused:
            raise Conflict("idempotency_key_reused", "This Idempotency-Key was used for a different request.")
        if "hold_withdrawn" in refused:
            raise Conflict(
                "request_too_old", "This request was given up meanwhile; send it again under a new key."
            )
        if refused:
            # What was held of this request before the refusal is given back by the sweep of intents.
            raise InsufficientFunds("insufficient_funds", "The balance does not cover these messages.")

    def _store(
        self,
        account_id: int,
        groups: Mapping[str, list[Checked]],
        wrong: dict[int, dict[str, Any]],
        key: str | None,
        request: Any,
        count: int,
    ) -> dict[str, Any]:
        with self._transaction() as session:
            cursor = self._cursor_of(session)

            def produce() -> dict[str, Any]:
                answers = dict(wrong)
                ways = Ways.load(cursor)
                for hold_id, group in groups.items():
                    answers.update(_accept_group(cursor, account_id, hold_id, group, ways))
                return {"data": [answers[index] for index in range(count)]}

            answer: dict[str, Any] = idempotency.remember(
                session, account_id, key, request, produce, OPERATION
            )
            return answer


def _request_id(account_id: int, key: str | None) -> str:
    """Holds of a request repeated under its key are the same holds."""
    if key is None:
        return uuid.uuid4().hex
    return hashlib.sha256(f"{account_id}\n{key}".encode()).hexdigest()[:32]


def _grouped(good: Sequence[Checked], request_id: str) -> dict[str, list[Checked]]:
    groups: defaultdict[str, list[Checked]] = defaultdict(list)
    for checked in good:
        groups[f"d{request_id}:{checked.price_class[0]}{checked.kind[0]}"].append(checked)
    return dict(groups)


def _accept_group(
    cursor: Any, account_id: int, hold_id: str, group: Sequence[Checked], ways: Ways
) -> dict[int, dict[str, Any]]:
    cursor.execute("DELETE FROM direct_sends WHERE hold_id = %s", (hold_id,))
    if not cursor.rowcount:
        raise Conflict(
            "request_too_old", "This request was given up meanwhile; send it again under a new key."
        )
    first = group[0]
    incoming = Incoming(
        hold_id,
        account_id,
        None,
        first.price_class,
        first.kind,
        "api",
        VALIDITY_SECONDS,
        [c.message for c in group],
    )
    accepted = accept(cursor, incoming, ways, by_arrays)
    if accepted is None:
        raise Conflict("request_in_progress", "The same request is being accepted.")
    return {
        checked.index: {
            "id": message_id,
            "to": checked.message.msisdn,
            "state": State.ACCEPTED.label if state is State.QUEUED else state.label,
            "parts": checked.message.parts,
            "price": checked.message.parts * checked.message.price,
            "reference": checked.message.reference,
        }
        for checked, message_id, state in zip(group, accepted.ids, accepted.states, strict=True)
    }


def give_back_old(transaction: Callable[[], Any], cursor_of: Callable[[Any], Any], billing: Any) -> int:
    """Release the holds of direct sends that were never accepted; returns how many.

    The intent is deleted first: an acceptance that is still under way fails on it and does not send for nothing.
    """
    with transaction() as session:
        cursor = cursor_of(session)
        cursor.execute(
            "SELECT hold_id FROM direct_sends WHERE asked_at < now() - make_interval(secs => %s)"
            " ORDER BY asked_at LIMIT 100 FOR UPDATE SKIP LOCKED",
            (INTENT_SECONDS,),
        )
        old = [row[0] for row in cursor.fetchall()]
        for hold_id in old:
            # Within the transaction: if billing does not answer, the intents stay and are tried again.
            billing.release_hold(hold_id=hold_id)
        cursor.execute("DELETE FROM direct_sends WHERE hold_id = ANY(%s)", (old,))
    return len(old)
