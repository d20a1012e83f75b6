"""Bank statements as banks write them: camt.053 in its versions .02 and .08."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

IBAN = "GR1601101250000000012300695"


@dataclass
class Entry:
    """A booked movement; ``cents`` below zero is a debit. ``reference`` is structured remittance, ``text`` is free."""

    cents: int
    reference: str = ""
    text: str = ""
    payer: str = ""
    currency: str = "EUR"
    bank_reference: str = ""
    reversal: bool = False
    status: str = "BOOK"
    day: str = "2026-11-20"
    parts: list[Entry] = field(default_factory=list)


def camt053(entries: Sequence[Entry], version: str = "02", iban: str = IBAN) -> bytes:
    """A statement with these entries."""
    body = "".join(_entry(entry, version) for entry in entries)
    count = len(entries)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>'
        "<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-21T01:00:00</CreDtTm></GrpHdr>"
        f"<Stmt><Id>S1</Id><Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"<TxsSummry><TtlNtries><NbOfNtries>{count}</NbOfNtries></TtlNtries></TxsSummry>"
        f"{body}</Stmt></BkToCstmrStmt></Document>\n"
    ).encode()


def _entry(entry: Entry, version: str) -> str:
    status = f"<Cd>{entry.status}</Cd>" if version == "08" else entry.status
    reference = f"<AcctSvcrRef>{entry.bank_reference}</AcctSvcrRef>" if entry.bank_reference else ""
    reversal = "<RvslInd>true</RvslInd>" if entry.reversal else ""
    details = "".join(_details(part, version, own=True) for part in entry.parts) or _details(entry, version)
    return (
        f"<Ntry>{_amount(entry)}<CdtDbtInd>{'CRDT' if entry.cents > 0 else 'DBIT'}</CdtDbtInd>{reversal}"
        f"<Sts>{status}</Sts><BookgDt><Dt>{entry.day}</Dt></BookgDt><ValDt><Dt>{entry.day}</Dt></ValDt>"
        f"{reference}<NtryDtls>{details}</NtryDtls></Ntry>"
    )


def _details(entry: Entry, version: str, own: bool = False) -> str:
    name = f"<Nm>{entry.payer}</Nm>"
    debtor = f"<Pty>{name}</Pty>" if version == "08" else name
    structured = (
        f"<Strd><CdtrRefInf><Ref>{entry.reference}</Ref></CdtrRefInf></Strd>" if entry.reference else ""
    )
    free = f"<Ustrd>{entry.text}</Ustrd>" if entry.text else ""
    amount = ""
    if own:
        amount = _amount(entry) if version == "08" else f"<AmtDtls><TxAmt>{_amount(entry)}</TxAmt></AmtDtls>"
    return (
        f"<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>{amount}"
        f"<RltdPties><Dbtr>{debtor}</Dbtr></RltdPties><RmtInf>{free}{structured}</RmtInf></TxDtls>"
    )


def _amount(entry: Entry) -> str:
    whole, rest = divmod(abs(entry.cents), 100)
    return f'<Amt Ccy="{entry.currency}">{whole}.{rest:02d}</Amt>'
