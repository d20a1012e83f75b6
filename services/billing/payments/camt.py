"""Bank statements in ISO 20022 camt.053 (bank to customer statement), any version: .02 and .08 are what banks send.

Elements are found by their names alone, whatever the namespace. Read as a whole before anything is taken: a file that is cut
in half, in another encoding than it says, with entities or a DTD, or whose sums do not agree gives BadStatement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from .errors import BadStatement
from .lines import Line, cents, tidy, with_keys

_NAMESPACE = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.\d\d\}Document")
_BOOKED = ("", "BOOK")


def read(data: bytes) -> list[Line]:
    """The booked lines of all statements in the file. Raises BadStatement."""
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, UnicodeDecodeError, LookupError, ValueError) as error:
        raise BadStatement(f"The file is not readable XML, or not whole: {error}"[:300]) from None
    if not _NAMESPACE.fullmatch(root.tag):
        raise BadStatement("The file is not a camt.053 statement.")
    statements = _all(root, "BkToCstmrStmt", "Stmt")
    if not statements:
        raise BadStatement("There is no statement in the file.")
    return [line for statement in statements for line in with_keys(_statement(statement))]


def _statement(statement: Any) -> list[Line]:
    account = _text(statement, "Acct", "Id", "IBAN") or _text(statement, "Acct", "Id", "Othr", "Id")
    if not account:
        raise BadStatement("A statement does not say of which account it is.")
    entries = _all(statement, "Ntry")
    _check_count(statement, entries)
    return [line for entry in entries if _status(entry) in _BOOKED for line in _entry(account, entry)]


def _check_count(statement: Any, entries: list[Any]) -> None:
    """The bank's own count, where it gives one for this one page."""
    told = _text(statement, "TxsSummry", "TtlNtries", "NbOfNtries")
    if told and not _all(statement, "StmtPgntn") and told != str(len(entries)):
        raise BadStatement(f"The statement says it has {told[:10]} entries and has {len(entries)}.")


def _entry(account: str, entry: Any) -> Iterator[Line]:
    """One line, or one for each transaction of a collective entry that says what each of them is."""
    whole = _amount(entry)
    details = _all(entry, "NtryDtls", "TxDtls")
    parts = [_detail_amount(detail) for detail in details]
    if len(details) > 1 and all(parts) and sum(part[0] for part in parts if part) == whole[0]:
        for number, (detail, part) in enumerate(zip(details, parts, strict=True), 1):
            yield _line(account, entry, [detail], part or whole, number)
        return
    yield _line(account, entry, details, whole, 0)


def _line(account: str, entry: Any, details: list[Any], amount: tuple[int, str], part: int) -> Line:
    direction = _text(entry, "CdtDbtInd")
    if direction not in ("CRDT", "DBIT"):
        raise BadStatement("An entry does not say whether it is a credit or a debit.")
    return Line(
        account=account,
        booked_on=_booked_on(entry),
        cents=amount[0] if direction == "CRDT" else -amount[0],
        currency=amount[1],
        reversal=_text(entry, "RvslInd") in ("true", "1"),
        payer=tidy(" ".join(filter(None, map(_payer, details)))),
        text=tidy(" ".join(_words(entry, details))),
        bank_reference=_text(entry, "AcctSvcrRef"),
        part=part,
    )


def _words(entry: Any, details: list[Any]) -> Iterator[str]:
    """Everything a payer may have written, in which a reference may stand."""
    for detail in details:
        for path in (
            ("RmtInf", "Strd", "CdtrRefInf", "Ref"),
            ("RmtInf", "Ustrd"),
            ("Refs", "EndToEndId"),
            ("AddtlTxInf",),
        ):
            yield from (found.text for found in _all(detail, *path) if found.text)
    if added := _text(entry, "AddtlNtryInf"):
        yield added


def _amount(element: Any) -> tuple[int, str]:
    found = _all(element, "Amt")
    if not found or not found[0].text:
        raise BadStatement("An entry has no amount.")
    currency = found[0].get("Ccy", "")
    value = cents(found[0].text.strip())
    if value < 0 or not re.fullmatch(r"[A-Z]{3}", currency):
        raise BadStatement("An entry has an amount below zero, or no currency.")
    return value, currency


def _detail_amount(detail: Any) -> tuple[int, str] | None:
    for path in (("Amt",), ("AmtDtls", "TxAmt", "Amt")):
        if found := _all(detail, *path):
            return cents((found[0].text or "").strip()), found[0].get("Ccy", "")
    return None


def _booked_on(entry: Any) -> date:
    for path in (("BookgDt", "Dt"), ("BookgDt", "DtTm"), ("ValDt", "Dt"), ("ValDt", "DtTm")):
        if text := _text(entry, *path):
            try:
                return date.fromisoformat(text[:10])
            except ValueError:
                break
    raise BadStatement("An entry has no date.")


def _status(entry: Any) -> str:
    """``BOOK``, ``PDNG``, …: text in .02, a code within in .08."""
    return _text(entry, "Sts", "Cd") or _text(entry, "Sts")


def _payer(detail: Any) -> str:
    """The debtor's name, where .02 or where .08 puts it."""
    return _text(detail, "RltdPties", "Dbtr", "Nm") or _text(detail, "RltdPties", "Dbtr", "Pty", "Nm")


def _all(element: Any, *path: str) -> list[Any]:
    """All descendants by that path of local names."""
    found = [element]
    for name in path:
        found = [child for one in found for child in one if _name(child) == name]
    return found


def _text(element: Any, *path: str) -> str:
    found = _all(element, *path)
    return (found[0].text or "").strip() if found else ""


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
