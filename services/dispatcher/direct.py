"""Direct sends, what is asked: which messages can be sent and what each costs, and the code of everything that cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import smstext
from contracts.tariff import Tariff
from smstext.segments import Encoding

from .accepting import LANES, Message

MAX_PARTS = 10
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
