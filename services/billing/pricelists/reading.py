"""Rows of a price list as prices to set, or what is wrong with each, by its row number and column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ..domain import PRICE_CLASSES
from ..schemas import FIRST_DAY, LAST_DAY
from . import destinations

MAX_ROWS = 5_000
MAX_PRICES = 20_000
MAX_PRICE = 100 * 1_000_000
ENDED = ("-", "–")  # in the column of prices: the destination has none of this list any more
_NAMES = {
    "price_class": ("price_class", "class", "κατηγορία", "κατηγορια"),
    "prefix": ("prefix", "πρόθεμα", "προθεμα"),
    "country": ("country", "χώρα", "χωρα"),
    "network": ("network", "δίκτυο", "δικτυο"),
    "price": ("price", "τιμή", "τιμη"),
    "valid_from": ("valid_from", "valid from", "ισχύει από", "ισχυει απο"),
}
_PRICE = re.compile(r"[0-9]{1,9}(?:[.,][0-9]{1,30})?", re.ASCII)
_PREFIX = re.compile(r"(?:\+|00)?([1-9][0-9]{0,14})", re.ASCII)


@dataclass(frozen=True)
class Wanted:
    """A price to set; ``price`` None ends one, ``valid_from`` None is now. ``row`` is where it was said."""

    row: int
    price_class: str
    prefix: str
    price: int | None
    valid_from: datetime | None

    @property
    def key(self) -> tuple[str, str, datetime | None]:
        """What may be said once only."""
        return self.price_class, self.prefix, self.valid_from


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where; ``code`` is stable."""

    row: int
    column: str
    code: str
    detail: str

    def shown(self) -> dict[str, str]:
        """As an entry of ``errors``."""
        return {"pointer": f"/rows/{self.row}/{self.column}", "code": self.code, "detail": self.detail}


class Wrong(Exception):
    """A cell that cannot be read: its column, a stable code, and what would do."""

    def __init__(self, column: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.column, self.code = column, code


def read(rows: Iterable[tuple[int, list[Any]]], zone: str) -> tuple[list[Wanted], list[Fault]]:
    """Every row read, every fault found. A date without a time begins at midnight in ``zone``."""
    rows = iter(rows)
    number, header = next(rows, (1, []))
    columns = find_columns(header, _NAMES)
    missing = [name for name in ("price_class", "price") if name not in columns]
    if missing or not columns.keys() & {"prefix", "country"}:
        names = ", ".join(missing or ("prefix or country",))
        return [], [Fault(number, "header", "column_missing", f"The first row has no column {names}.")]
    wanted: list[Wanted] = []
    faults: list[Fault] = []
    for count, (row, values) in enumerate(rows, 1):
        if count > MAX_ROWS or len(wanted) > MAX_PRICES:
            detail = f"A list has at most {MAX_ROWS} rows and {MAX_PRICES} prefixes."
            return [], [Fault(row, "", "too_many_rows", detail)]
        said = {name: to_text(values[at]) if at < len(values) else "" for name, at in columns.items()}
        raw_date = (
            values[columns["valid_from"]] if columns.get("valid_from", len(values)) < len(values) else ""
        )
        try:
            wanted += _prices(row, said, raw_date, ZoneInfo(zone))
        except Wrong as wrong:
            faults.append(Fault(row, wrong.column, wrong.code, str(wrong)))
    return wanted, faults + list(_twice(wanted))


def find_columns(header: list[Any], known: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Where each known column is, by any of its names."""
    names = [to_text(value).casefold() for value in header]
    return {
        column: next(names.index(name) for name in said if name in names)
        for column, said in known.items()
        if any(name in names for name in said)
    }


def to_text(value: Any) -> str:
    """A cell as text; a number as it is written, not as a float is."""
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f")
    return str(value).strip()


def _prices(row: int, said: dict[str, str], moment: Any, zone: ZoneInfo) -> Iterator[Wanted]:
    price_class = said["price_class"].casefold()
    if price_class not in PRICE_CLASSES:
        raise Wrong("price_class", "not_allowed", f"One of {', '.join(PRICE_CLASSES)}.")
    price, valid_from = to_price(said["price"]), to_moment(moment, zone)
    for prefix in to_prefixes(said):
        yield Wanted(row, price_class, prefix, price, valid_from)


def to_prefixes(said: Mapping[str, str]) -> list[str]:
    """The prefixes that a row names by ``prefix``, or by ``country`` and ``network``. Raises Wrong."""
    prefix = said.get("prefix", "")
    if prefix:
        match = _PREFIX.fullmatch(prefix)
        if match is None:
            raise Wrong("prefix", "invalid", "1 to 15 digits, not starting with 0.")
        return [match[1]]
    if not said.get("country"):
        raise Wrong("prefix", "required", "Give a prefix or a country.")
    try:
        return destinations.prefixes(said["country"], said.get("network", ""))
    except destinations.NoSuchDestination as error:
        column = "network" if str(error) == "unknown_network" else "country"
        raise Wrong(column, str(error), "Give the prefix instead.") from None


def to_price(text: str) -> int | None:
    """Micro-euro of an amount in euro; None where one ends. Raises Wrong."""
    if text in ENDED:
        return None
    if not text:
        raise Wrong("price", "required", "A price in euro, or - to end one.")
    if not _PRICE.fullmatch(text):
        raise Wrong("price", "invalid", "Not an amount in euro.")
    euro = Decimal(text.replace(",", "."))
    # A cell that a spreadsheet computed, such as 0.1 * 3, is off by less than anybody can mean.
    if euro * 1_000_000 > MAX_PRICE:
        raise Wrong("price", "range", f"From 0 to {MAX_PRICE // 1_000_000} euro.")
    micro = (euro * 1_000_000).quantize(Decimal(1))
    if abs(euro * 1_000_000 - micro) > Decimal("0.001"):
        raise Wrong("price", "too_precise", "At most six decimals.")
    return int(micro)


def to_moment(value: Any, zone: tzinfo) -> datetime | None:
    """A moment, a date without a time as its midnight in ``zone``; None for an empty cell. Raises Wrong."""
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        value = _parsed(value)
    if not isinstance(value, date):
        raise Wrong("valid_from", "invalid", "A date, as 2026-12-31 or 31/12/2026.")
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    if not FIRST_DAY <= moment.date() <= LAST_DAY:
        raise Wrong("valid_from", "range", f"From {FIRST_DAY} to {LAST_DAY}.")
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _parsed(text: str) -> datetime:
    for form in ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007  the zone is the list's
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Wrong("valid_from", "invalid", "A date, as 2026-12-31 or 31/12/2026.") from None


def _twice(wanted: list[Wanted]) -> Iterator[Fault]:
    first: dict[Any, int] = {}
    told: set[int] = set()
    for one in wanted:
        row = first.setdefault(one.key, one.row)
        if row != one.row and one.row not in told:
            told.add(one.row)
            yield Fault(one.row, "prefix", "duplicate", f"Row {row} gives a price for {one.prefix} already.")
