"""RF creditor references (ISO 11649): what a payer writes so that a transfer finds its order.

``RF`` + two check digits + up to 21 letters and digits; the check is 98 − (rest + "RF00" as a number, letters as 10 to 35)
modulo 97. Ours have digits only after the RF, since Greek and Latin letters look alike on a keyboard.
"""

from __future__ import annotations

import re

_DIGITS = 10
_MODULUS = 97
_GREEK_RF = str.maketrans({"Ρ": "R", "ρ": "R", "Φ": "F", "φ": "F"})
_IN_TEXT = re.compile(rf"R[\s.\-/]?F((?:[\s.\-/]?[0-9]){{{_DIGITS + 2}}})(?![0-9])")
_ANY = re.compile(r"RF[0-9]{2}[0-9A-Z]{1,21}")


def reference(order_id: int) -> str:
    """The reference of an order: ``RF`` + check digits + its id in ten digits."""
    body = f"{order_id:0{_DIGITS}d}"
    if len(body) > _DIGITS:
        raise ValueError("order ids have at most ten digits")
    return f"RF{_MODULUS + 1 - _as_number(body + 'RF00') % _MODULUS:02d}{body}"


def printed(text: str) -> str:
    """In groups of four, as people copy it."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def is_valid(text: str) -> bool:
    """Whether ``text`` (without spaces) is a creditor reference with the right check digits."""
    return _ANY.fullmatch(text) is not None and _as_number(text[4:] + text[:4]) % _MODULUS == 1


def order_ids(text: str) -> list[int]:
    """Orders whose references stand in ``text``, whatever spaces and Greek letters they were typed with; each once."""
    digits = (
        re.sub(r"[^0-9]", "", match[1]) for match in _IN_TEXT.finditer(text.translate(_GREEK_RF).upper())
    )
    return list(dict.fromkeys(int(one[2:]) for one in digits if is_valid(f"RF{one}")))


def _as_number(text: str) -> int:
    return int("".join(str(int(letter, 36)) for letter in text))
