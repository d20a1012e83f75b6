"""Bank statements as CSV. Every bank has its own, so a profile says how to read one. Read whole before anything is taken."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import date, datetime

from .errors import BadStatement
from .lines import Line, cents, tidy, with_keys

ENCODINGS = ("utf-8-sig", "cp1253", "iso8859-7", "utf-16")


@dataclass(frozen=True)
class CsvProfile:
    """How a bank's CSV is read; columns by their heading.

    Either ``amount`` (signed) or ``credit`` and ``debit``. ``date_format`` as in strptime; ``skip`` lines before the heading.
    """

    account: str
    booked_on: str
    text: list[str]
    amount: str | None = None
    credit: str | None = None
    debit: str | None = None
    payer: str | None = None
    bank_reference: str | None = None
    currency: str | None = None
    encoding: str = "utf-8-sig"
    delimiter: str = ";"
    decimal: str = ","
    date_format: str = "%d/%m/%Y"
    skip: int = 0
    columns: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Collect the headings that must be there."""
        named = (
            self.booked_on,
            self.amount,
            self.credit,
            self.debit,
            self.payer,
            self.bank_reference,
            self.currency,
        )
        object.__setattr__(self, "columns", [*filter(None, named), *self.text])


def read(data: bytes, profile: CsvProfile) -> list[Line]:
    """The lines of the file. Raises BadStatement naming the line at fault."""
    try:
        text = data.decode(profile.encoding)
    except UnicodeError:
        raise BadStatement(f"The file is not in {profile.encoding}.") from None
    if "\x00" in text:
        raise BadStatement(f"The file is no text in {profile.encoding}.")
    rows = list(enumerate(_rows(text, profile), profile.skip + 1))
    if not rows:
        raise BadStatement("The file has no heading.")
    heading = [name.strip() for name in rows[0][1]]
    missing = [name for name in profile.columns if name not in heading]
    if missing:
        raise BadStatement(f"There is no column {missing[0]!r}: another profile, or another encoding.")
    if len(rows) > 1 and not text.endswith(("\n", "\r")):
        _check_end(*rows[-1], heading, profile)
    return with_keys(_line(number, heading, row, profile) for number, row in rows[1:] if any(row))


def _rows(text: str, profile: CsvProfile) -> list[list[str]]:
    lines = io.StringIO("\n".join(text.splitlines()[profile.skip :]))
    try:
        return list(csv.reader(lines, delimiter=profile.delimiter, strict=True))
    except csv.Error as error:
        raise BadStatement(f"The file is not CSV, or not whole: {error}") from None


def _check_end(number: int, row: list[str], heading: list[str], profile: CsvProfile) -> None:
    """What a line end does not close may be cut: an amount there must have its decimals, or 124,00 is taken for 12."""
    amounts = [name for name in (profile.amount, profile.credit, profile.debit) if name]
    if len(row) != len(heading) or heading[-1] not in amounts:
        return
    if not row[-1].strip() and any(row[heading.index(name)].strip() for name in amounts):
        return  # the other of credit and debit has the amount
    if not re.search(rf"{re.escape(profile.decimal)}[0-9]{{2}}[^0-9]*\Z", row[-1]):
        raise BadStatement(f"The file ends within line {number}: its last amount is not whole.")


def _line(number: int, heading: list[str], row: list[str], profile: CsvProfile) -> Line:
    if len(row) < len(heading):
        raise BadStatement(f"Line {number} has {len(row)} of {len(heading)} columns: the file is not whole.")
    values = dict(zip(heading, (value.strip() for value in row), strict=False))
    try:
        return Line(
            account=profile.account,
            booked_on=_date(values[profile.booked_on], profile),
            cents=_cents(values, profile),
            currency=_currency(values[profile.currency]) if profile.currency else "EUR",
            reversal=False,
            payer=tidy(values[profile.payer]) if profile.payer else "",
            text=tidy(" ".join(values[name] for name in profile.text)),
            bank_reference=values[profile.bank_reference] if profile.bank_reference else "",
        )
    except BadStatement as error:
        raise BadStatement(f"Line {number}: {error.detail}") from None


def _date(text: str, profile: CsvProfile) -> date:
    try:
        return datetime.strptime(text, profile.date_format).date()  # noqa: DTZ007  a day in the bank's own calendar
    except ValueError:
        raise BadStatement(f"not a date: {text[:30]!r}") from None


def _cents(values: dict[str, str], profile: CsvProfile) -> int:
    if profile.amount:
        return _number(values[profile.amount], profile)
    credit = _number(values[profile.credit] if profile.credit else "", profile)
    debit = _number(values[profile.debit] if profile.debit else "", profile)
    if credit and debit:
        raise BadStatement("a credit and a debit at once")
    return credit or -abs(debit)


def _number(text: str, profile: CsvProfile) -> int:
    """Cents of an amount; thousands, if set apart at all, are by the other mark or by spaces, and in threes."""
    plain = text.replace("€", "").strip()
    if not plain:
        return 0
    other = "." if profile.decimal == "," else ","
    grouped = rf"[1-9][0-9]{{0,2}}(?P<mark>[{other} \xa0\u202f])[0-9]{{3}}(?:(?P=mark)[0-9]{{3}})*"
    form = rf"(?P<sign>[+-]?) *(?P<whole>{grouped}|[0-9]+)(?:[{profile.decimal}](?P<rest>[0-9]+))?"
    found = re.fullmatch(form, plain)
    if found is None:
        raise BadStatement(f"not an amount: {text[:30]!r}")
    return cents(f"{found['sign']}{re.sub('[^0-9]', '', found['whole'])}.{found['rest'] or 0}")


def _currency(text: str) -> str:
    found = text.upper()
    if not re.fullmatch("[A-Z]{3}", found):
        raise BadStatement(f"not a currency: {text[:30]!r}")
    return found
