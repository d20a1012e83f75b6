"""Rules of contacts: what an import may do when, what an audience is, how a blacklist is told. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from contracts import limits

from .errors import BadCursor, WrongImportState

T = TypeVar("T")

TEXT_FIELDS = (
    "title", "first_name", "last_name", "email", "custom1", "custom2", "custom3", "custom4", "vocative", "note",
)  # fmt: skip
MEMBER_FIELDS = TEXT_FIELDS[:-1]
"""What travels with a recipient, in the order of ``audience_page``."""

MAX_ID = 2**63 - 1
TEXT_LIMITS = limits.CONTACT_TEXTS
MAX_NUMBERS_PER_CONTACT = limits.CONTACT_NUMBERS
MAX_GROUP_NAME = limits.GROUP_NAME
MAX_AUDIENCE_LIST = 100_000
MAX_SELECTION = 50_000
MAX_PAGE = 500
MAX_MEMBERS_PAGE = 2_000
MAX_SAMPLE = 20_000
SAMPLED = 4_000
"""Contacts that stand for a larger audience: a price is known within about one part in a hundred."""
MAX_SUPPRESSED_PER_EVENT = 500
MAX_FILE_BYTES = 128 * 1024 * 1024
"""A million rows of eight columns are 90 MB as text, 32 MB as a workbook."""
MAX_PIECE_BYTES = 1024 * 1024
REJECTS_PIECE_BYTES = 512 * 1024
MAX_OPEN_IMPORTS = 20
OPT_OUT_STATES = ("pending", "approved", "rejected", "withdrawn")
MAX_WORDING = 500
UNDO_SECONDS = 3_600
OPT_OUTS_A_MINUTE = 120
OWN_SOURCES = ("link", "keyword")
"""Blacklistings that a number's owner asked for and may lift again; all others are the account's."""
POLICIES = ("skip", "fill", "overwrite")
SORTS = ("created", "-created", "name", "-name")
BULK_ACTIONS = ("add_to_groups", "remove_from_groups", "blacklist", "unblacklist", "delete")
PREFIX_DIGITS = 6
LINK_PAGE = 1_000
"""Recipients whose numbers lie together for their links; 0003 wrote pages of this size, so it cannot change."""
LINK_MONTHS = 30
"""From the freezing on: two years are promised from the sending on, and a campaign may be paused for half a year."""
SAMPLE_TOKEN = "x" * 11
"""Stands for a token where none is made yet: as long as a real one, so that a text has its real length."""

_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "append": ("receiving",),
    "remap": ("analysed", "failed"),
    "commit": ("analysed",),
    "cancel": ("receiving", "analysing", "analysed", "queued", "running"),
}
COMMITTED = ("queued", "running")
"""States of an import that was committed and is not over."""
CORRECTABLE = frozenset({
    "no_number_column", "no_data_rows", "unknown_field", "not_a_column", "column_used_twice", "number_required",
})  # fmt: skip
"""Failures of an analysis that another mapping may mend."""


def require_state(action: str, state: str, error_code: str = "") -> None:
    """Raise WrongImportState unless an import in ``state`` allows ``action``."""
    allowed = state in _ALLOWED[action]
    if action == "remap" and state == "failed":
        allowed = error_code in CORRECTABLE
    if not allowed:
        raise WrongImportState(f"The import is {state}.")


def shown_state(state: str) -> str:
    """The state as clients see it: one that waits for another import of the account is running to them."""
    return "running" if state == "queued" else state


@dataclass(frozen=True)
class Audience:
    """Whom a campaign goes to: the union of the lists (or everyone), less the members of ``minus_group_ids``.

    ``filters`` are saved filters as they were when it was asked for.
    """

    everyone: bool = False
    group_ids: tuple[int, ...] = ()
    minus_group_ids: tuple[int, ...] = ()
    contact_ids: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()
    filters: tuple[dict[str, Any], ...] = ()

    def to_data(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "everyone": self.everyone,
            "group_ids": list(self.group_ids),
            "minus_group_ids": list(self.minus_group_ids),
            "contact_ids": list(self.contact_ids),
            "numbers": list(self.numbers),
            "filters": list(self.filters),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Audience:
        """Read what ``to_data`` wrote."""
        lists = {
            name: tuple(data[name]) for name in ("group_ids", "minus_group_ids", "contact_ids", "numbers")
        }
        return cls(everyone=bool(data["everyone"]), filters=tuple(data.get("filters", ())), **lists)


def in_batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """``items`` in order, at most ``size`` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def read_cursor(cursor: str | None) -> int:
    """The id after which a page starts. Raises BadCursor."""
    if cursor is None:
        return 0
    if not (isinstance(cursor, str) and cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise BadCursor("The cursor is not one of ours.")
    return int(cursor)


def pack_cursor(values: Sequence[Any]) -> str:
    """A cursor that says more than an id."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def unpack_cursor(cursor: str) -> list[Any]:
    """The values of ``pack_cursor``, as a caller may have made them up: none of them is checked. Raises BadCursor."""
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        values = None
    if not isinstance(values, list):
        raise BadCursor("The cursor is not one of this list.")
    return values


def page_size(limit: int, most: int = MAX_PAGE) -> int:
    """``limit`` within 1..``most``."""
    return max(1, min(int(limit), most))


def is_id(value: object) -> bool:
    """Whether ``value`` can be an id at all; what cannot is simply not there."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_ID


def like(term: str) -> str:
    """A LIKE pattern for ``term`` anywhere; its own % and _ mean themselves."""
    escaped = term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def digits_in(term: str) -> str:
    """The digits of a search term that numbers may begin with (three and more, no letters); else ""."""
    return _enough(_digits(term).removeprefix("00"))  # of 0030…, as people write it; numbers are kept without


def digits_within(term: str) -> list[str]:
    """The digits of a search term that may be anywhere in a number: as they stand, and without the 00 they may begin with."""
    digits = _digits(term)
    return [one for one in dict.fromkeys((digits.removeprefix("00"), digits)) if _enough(one)]


def _digits(term: str) -> str:
    if any(char.isalpha() for char in term):
        return ""
    return "".join(char for char in term if char.isascii() and char.isdigit())


def _enough(digits: str) -> str:
    return digits if len(digits) >= 3 else ""


def search_words(term: str) -> list[str]:
    """The words of a search term, each of which must be found."""
    return term.split()


def one_primary(numbers: Sequence[tuple[int, bool]]) -> list[tuple[int, bool]]:
    """Numbers of a contact, each once and exactly one primary: the first so marked, else the first of all."""
    unique: dict[int, bool] = {}
    for msisdn, primary in numbers:
        unique[msisdn] = unique.get(msisdn, False) or primary
    chosen = next((msisdn for msisdn, primary in unique.items() if primary), next(iter(unique), None))
    return [(msisdn, msisdn == chosen) for msisdn in unique]


def group_names(text: str) -> list[str]:
    """The group names in a cell: separated by ; or , each once in order."""
    names = (name.strip() for name in text.replace(";", ",").split(","))
    return list(dict.fromkeys(name for name in names if name))


def text_values(fields: Mapping[str, str]) -> list[str]:
    """The text fields in their order, "" for what is not there."""
    return [fields.get(name, "") for name in TEXT_FIELDS]


def masked(msisdn: int) -> str:
    """A number as its owner knows it again and others do not: ``69••••••78`` in Greece, else ``+49•••••••78``."""
    digits = str(msisdn)
    if digits.startswith("30") and len(digits) == 12:
        digits = digits[2:]
        return f"{digits[:2]}••••••{digits[-2:]}"
    return f"+{digits[:2]}{'•' * (len(digits) - 4)}{digits[-2:]}"


def beginning_with(term: str) -> list[tuple[int, int]]:
    """The numbers (E.164, 8 to 15 digits) that begin with the digits of ``term``, as ranges that do not overlap.

    Without + or 00 it may also be a Greek number without its country code. No ranges for fewer than three digits.
    """
    digits = digits_in(term)
    if not digits:
        return []
    is_whole = term.lstrip().startswith(("+", "00")) or digits.startswith("30")
    beginnings = [digits] if is_whole else [digits, f"30{digits}"]
    return [
        (int(one) * 10**more, (int(one) + 1) * 10**more - 1)
        for one in beginnings
        for more in range(max(0, 8 - len(one)), 16 - len(one))
    ]
