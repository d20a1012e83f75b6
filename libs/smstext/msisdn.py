"""Phone numbers as people and spreadsheets write them, to E.164 digits without the plus: "306912345678".

Plain Greek mobiles (10 digits from 69) take a fast path; everything else is decided by Google's metadata
through `phonenumbers`. Only what can receive an SMS is accepted: mobiles, and numbers of plans that do not
tell the two apart.
"""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import Decimal

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, ValidationResult

from .errors import InvalidNumber
from .plans import country_of, quick_verdict

__all__ = ["REASONS", "country_of", "parse_msisdn"]

REASONS = {
    "empty": "nothing there",
    "not_a_number": "letters or signs that no phone number has",
    "too_short": "digits are missing",
    "too_long": "more digits than a number has",
    "landline": "a landline cannot receive SMS",
    "short_code": "a short code",
    "not_mobile": "a service number (free phone, premium, personal, machines)",
    "unknown_number": "no such number in the numbering plan of its country",
    "lost_digits": "a spreadsheet has rounded it (6.9E+09): the digits are gone",
    "several_numbers": "more than one number",
}
"""Every value of `InvalidNumber.reason`, with its meaning."""

_LONGEST = 80  # characters; the longest honest number has some 30
_GREEK_PLAIN = re.compile(r"(?:(?:\+|00)?30)?(69[0-9]{8})").fullmatch
_ODD_DIGITS = re.compile(r"[^\D0-9]|[＋﹢]")
_DRESSED = re.compile(r"[+]?[0-9]+").fullmatch
_DROPPED = re.compile("[\\s()\\[\\]{}.\\-_'\"‐-―−·•*\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
_LABEL = re.compile(
    r"(?:tel|mob|mobile|phone|cell|τηλ|τηλέφωνο|κιν|κινητό|κινητο)\s*[.:]*\s*(?=[+(0-9])", re.IGNORECASE
)
_EXPONENT = re.compile(r"([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})").fullmatch
_FLOAT_TAIL = re.compile(r"(?<=[0-9]{8})[.,]0+$")
_SEVERAL = re.compile(r"[/,;|\n]")
_MOBILE_TYPES = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)


def parse_msisdn(raw: object, region: str = "GR") -> str:
    """E.164 digits, without plus, of the one mobile number in `raw` (text, or a number as a spreadsheet cell
    has it).

    Without + or 00 a number is read as one of `region` first, then as international digits, so that what
    this function returns is read again as itself. Raises InvalidNumber with one of REASONS; ValueError for
    an unknown region.
    """
    if type(raw) is str and region == "GR":
        plain = _GREEK_PLAIN(raw)
        if plain is not None:
            return "30" + plain[1]
    # What spreadsheets hold: a mobile as a number.
    if type(raw) is float and region == "GR" and 6_900_000_000 <= raw < 7_000_000_000 and raw.is_integer():
        return f"30{int(raw)}"
    if region not in _REGIONS:
        raise ValueError(f"unknown region {region!r}")
    return _parse_digits(_digits_of(raw), region)


def _digits_of(raw: object) -> str:
    """`raw` without its dressing: digits, perhaps after a plus."""
    if isinstance(raw, str):
        return _digits_of_text(raw)
    if raw is None:
        raise InvalidNumber("empty")
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        raise InvalidNumber("not_a_number")
    if not math.isfinite(raw) or raw < 0 or raw != int(raw):
        raise InvalidNumber("not_a_number")
    if raw >= 10**16:
        raise InvalidNumber("too_long")
    return str(int(raw))


def _digits_of_text(raw: str) -> str:
    if len(raw) > _LONGEST:
        raise InvalidNumber(
            "empty" if not raw.strip() else "several_numbers" if _SEVERAL.search(raw) else "too_long"
        )
    text = raw if raw.isascii() else plain_digits(raw)
    text = text.strip()
    if _LABEL.match(text):
        text = _LABEL.sub("", text, count=1)
    if (exponent := _EXPONENT(text)) is not None:
        return _expand_exponent(exponent)
    text = text.replace("(0)", "") if text.startswith(("+", "00")) else text
    text = _DROPPED.sub("", _FLOAT_TAIL.sub("", text))
    if _DRESSED(text) is not None:
        return text
    raise InvalidNumber(_why_not_digits(text))


def plain_digits(text: str) -> str:
    """Full-width, Arabic and other decimal digits and plus signs as ASCII ones; of the same length."""
    return _ODD_DIGITS.sub(lambda odd: "+" if odd[0] in "＋﹢" else str(unicodedata.decimal(odd[0])), text)


def _expand_exponent(exponent: re.Match[str]) -> str:
    """Digits of "6.912345678E+09"; of "6.9E+09" most are lost, and filling up with zeros would reach a
    stranger.
    """
    first, rest, power = exponent[1], exponent[2] or "", int(exponent[3])
    if len(rest) != power:
        raise InvalidNumber("lost_digits" if len(rest) < power else "not_a_number")
    return first + rest


def _why_not_digits(text: str) -> str:
    if not text:
        return "empty"
    if _SEVERAL.search(text) and sum(character.isdigit() for character in text) >= 10:
        return "several_numbers"
    if text.count("+") > 1 and not any(character.isalpha() for character in text):
        return "several_numbers"
    return "not_a_number"


def _parse_digits(digits: str, region: str) -> str:
    international = digits.startswith(("+", "00"))
    bare = digits.lstrip("+")
    if international and not digits.startswith("+"):
        bare = bare[2:]
    elif international:
        bare = bare.removeprefix("00")
    if not bare:
        raise InvalidNumber("not_a_number")
    if international and not bare.startswith("30"):
        return _parse_foreign(bare)
    if international:
        return _parse_greek(bare[2:])
    if region != "GR":
        return _parse_national(bare, region)
    prefixed = bare.startswith("3069") or (bare.startswith("30") and len(bare) >= 12)
    return _parse_greek(bare[2:] if prefixed else bare)


def _parse_greek(bare: str) -> str:
    """Digits under the Greek plan. Its refusals deserve exact reasons, they are most of what people mistype; and
    mobiles need no metadata here: microseconds where phonenumbers takes hundreds.
    """
    if bare.startswith("69"):
        if len(bare) != 10:
            raise InvalidNumber("too_short" if len(bare) < 10 else "too_long")
        return "30" + bare
    if len(bare) <= 5:
        raise InvalidNumber("short_code" if len(bare) >= 3 and bare[0] in "15" else "too_short")
    if len(bare) < 10:
        raise InvalidNumber("too_short")
    if len(bare) > 10:
        return _parse_foreign(bare)
    if bare[0] == "2":
        raise InvalidNumber("landline")
    return _parse_foreign("30" + bare)


def _parse_national(bare: str, region: str) -> str:
    number = _read(bare, region)
    if number is None or phonenumbers.is_valid_number(number):
        return _accept(number, bare)
    try:
        return _parse_foreign(bare)
    except InvalidNumber:
        return _accept(number, bare)


def _parse_foreign(digits: str) -> str:
    """International digits, with or without the plus they should have."""
    verdict = quick_verdict(digits)
    if verdict == "mobile":
        return digits
    if verdict:
        raise InvalidNumber(verdict)
    return _accept(_read("+" + digits, None), digits)


def _read(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _accept(number: PhoneNumber | None, bare: str) -> str:
    """Digits of a number that can receive SMS, else the reason why not."""
    if number is None:
        raise InvalidNumber(
            "too_short" if len(bare) < 7 else "too_long" if len(bare) > 15 else "unknown_number"
        )
    if not phonenumbers.is_valid_number(number):
        raise InvalidNumber(_why_invalid(number))
    kind = phonenumbers.number_type(number)
    if kind not in _MOBILE_TYPES:
        raise InvalidNumber(
            "landline" if kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.VOIP) else "not_mobile"
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def _why_invalid(number: PhoneNumber) -> str:
    length = phonenumbers.is_possible_number_with_reason(number)
    if length == ValidationResult.TOO_LONG:
        return "too_long"
    if length in (ValidationResult.TOO_SHORT, ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        return "too_short"
    return "unknown_number"
