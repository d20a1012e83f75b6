"""Bank statements: camt.053 .02 and .08, CSV by profile; what is broken gives a clear error."""

from __future__ import annotations

from datetime import date

import pytest

from services.billing.payments import camt, csvfile, rf
from services.billing.payments.csvfile import CsvProfile
from services.billing.payments.errors import BadStatement
from services.billing.payments.lines import Line, earlier_key
from tests.support.statements import Entry, camt053

RF42 = rf.reference(42)
PROFILE = CsvProfile(
    account="GR1601101250000000012300695",
    booked_on="Ημερομηνία",
    text=["Αιτιολογία"],
    amount="Ποσό",
    payer="Εντολέας",
    encoding="cp1253",
)
CSV = (
    f"Ημερομηνία;Αιτιολογία;Ποσό;Εντολέας\n22/11/2026;Πληρωμή {RF42};1.124,00;ΑΝΘΗ\n22/11/2026;Έξοδα;-1,50;\n"
)


@pytest.mark.parametrize("version", ["02", "08"])
def test_a_credit_is_read_with_its_reference_and_payer(version: str) -> None:
    (line,) = camt.read(camt053([Entry(124_00, reference=RF42, payer="Ανθοπωλείο Άνθη")], version=version))
    assert (line.cents, line.currency, line.booked_on) == (124_00, "EUR", date(2026, 11, 20))
    assert (line.payer, line.orders, line.reversal) == ("Ανθοπωλείο Άνθη", [42], False)


@pytest.mark.parametrize("version", ["02", "08"])
def test_debits_reversals_and_what_is_not_booked_are_told_apart(version: str) -> None:
    entries = [
        Entry(-150, text="fee"),
        Entry(-124_00, text=RF42, reversal=True),
        Entry(100, text="to come", status="PDNG"),
    ]
    lines = camt.read(camt053(entries, version=version))
    assert [(line.cents, line.reversal) for line in lines] == [(-150, False), (-124_00, True)]


def test_a_reference_cut_by_the_banks_line_length_is_found() -> None:
    (line,) = camt.read(camt053([Entry(100, text=f"{RF42[:6]}</Ustrd><Ustrd>{RF42[6:]}")]))
    assert line.orders == [42]


def test_a_collective_entry_is_as_many_lines_as_it_explains() -> None:
    parts = [Entry(100, reference=rf.reference(1)), Entry(200, reference=rf.reference(2))]
    one, other = camt.read(camt053([Entry(300, parts=parts, bank_reference="B1")]))
    assert ((one.cents, one.orders), (other.cents, other.orders)) == ((100, [1]), (200, [2]))
    assert one.key != other.key
    (whole,) = camt.read(camt053([Entry(301, parts=parts, bank_reference="B1")]))
    assert (whole.cents, whole.orders) == (301, [1, 2])


def keys(lines: list[Line]) -> list[str]:
    return [line.key for line in lines]


def test_a_line_has_the_same_key_wherever_it_comes_again() -> None:
    entries = [Entry(100, text="a"), Entry(100, text="a"), Entry(200, text="b", bank_reference="B7")]
    first = keys(camt.read(camt053(entries)))
    assert len(set(first)) == 3
    assert keys(camt.read(camt053([Entry(5, text="new"), *entries], version="08")))[1:] == first
    assert keys(camt.read(camt053(entries + entries[2:]))) == [*first, first[2]]


@pytest.mark.parametrize("reference", ["NONREF", "NOTPROVIDED", "BATCH7", ""])
def test_deposits_that_a_bank_gives_one_reference_are_lines_of_their_own(reference: str) -> None:
    entries = [
        Entry(100, payer=payer, text=text, bank_reference=reference) for payer, text in ("ab", "bb", "aa")
    ]
    first = keys(camt.read(camt053(entries)))
    assert len(set(first)) == 3
    assert keys(camt.read(camt053(entries[::-1]))) == first[::-1]
    assert [keys(camt.read(camt053([entry]))) for entry in entries] == [[key] for key in first]


@pytest.mark.parametrize(("reference", "lines"), [("NONREF", 2), ("", 2), ("B7", 1)])
def test_what_says_the_same_twice_is_two_deposits_unless_its_reference_is_one(
    reference: str, lines: int
) -> None:
    entry = Entry(100, payer="a", text="b", bank_reference=reference)
    assert len(set(keys(camt.read(camt053([entry, entry]))))) == lines
    assert keys(camt.read(camt053([entry, entry])))[:1] == keys(camt.read(camt053([entry])))


@pytest.mark.parametrize("reference", ["NONREF", "B7", ""])
def test_the_parts_of_a_collective_entry_are_the_same_in_any_order(reference: str) -> None:
    parts = [Entry(100, text="a"), Entry(100, text="b"), Entry(100, text="a")]
    one, other = (
        keys(camt.read(camt053([Entry(300, parts=said, bank_reference=reference)])))
        for said in (parts, parts[1:] + parts[:1])
    )
    assert len(set(one)) == 3
    assert sorted(one) == sorted(other)


def test_a_collective_entry_with_a_reference_that_the_file_repeats_is_the_same() -> None:
    parts = [Entry(100, text="a"), Entry(100, text="a")]
    entry = Entry(200, parts=parts, bank_reference="B7")
    assert len(set(keys(camt.read(camt053([entry, entry]))))) == 2


def test_keys_that_stand_in_databases_are_found_again() -> None:
    entries = [Entry(500, payer="A", text="x", bank_reference="NONREF"), Entry(500, payer="A", text="x")]
    entries.append(Entry(200, parts=[Entry(100), Entry(100)], bank_reference="B7"))
    without, bare, *parts = camt.read(camt053(entries, iban="GR01"))
    assert earlier_key(bare) is None
    assert bare.key == "GR01/38c66e425d2c948e4ed579d663fa93fa"
    assert [earlier_key(line) for line in (without, *parts)] == [
        "GR01/edae9172c2154bba0d4b912e9b628829",
        "GR01/648231e8d7e5ee2cc99e1affb62f2b9a",
        "GR01/755b75ce7e2de8c98f6c58d1069407c4",
    ]


def test_a_reversal_with_the_reference_of_its_payment_is_another_line() -> None:
    entries = [Entry(100, bank_reference="B1"), Entry(-100, bank_reference="B1", reversal=True)]
    assert len(set(keys(camt.read(camt053(entries))))) == 2


WHOLE = camt053([Entry(124_00, reference=RF42, payer="Άνθη"), Entry(100, text="b")])
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>'
    + WHOLE.partition(b"?>")[2]
)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not xml",
        WHOLE[: len(WHOLE) // 2],
        WHOLE[:-2],
        WHOLE.replace("Άνθη".encode(), "Άνθη".encode("cp1253")),
        WHOLE.replace(b'encoding="UTF-8"', b'encoding="no-such"'),
        BOMB,
        WHOLE.replace(b"camt.053", b"camt.054"),
        WHOLE.replace(b"<NbOfNtries>2", b"<NbOfNtries>3"),
        WHOLE.replace(b">124.00<", b">124.005<"),
        WHOLE.replace(b">124.00<", b">NaN<"),
        WHOLE.replace(b">124.00<", b">1E999999<"),
        WHOLE.replace(b">124.00<", b">-124.00<"),
        WHOLE.replace(b"CRDT", b"XXXX", 1),
        WHOLE.replace(b"<Dt>2026-11-20</Dt>", b"<Dt>20/11/2026</Dt>", 1),
        WHOLE.replace(b' Ccy="EUR"', b"", 1),
    ],
    ids=[
        "empty", "text", "half", "without its last byte", "another encoding", "an unknown encoding", "entities",
        "another message", "another count", "half a cent", "no number", "a huge number", "below zero", "no direction",
        "no date", "no currency",
    ],
)  # fmt: skip
def test_a_broken_statement_gives_a_clear_error(data: bytes) -> None:
    with pytest.raises(BadStatement) as refused:
        camt.read(data)
    assert refused.value.detail


def test_a_csv_is_read_as_its_profile_says() -> None:
    credit, fee = csvfile.read(CSV.encode("cp1253"), PROFILE)
    assert (credit.cents, credit.orders, credit.payer) == (1_124_00, [42], "ΑΝΘΗ")
    assert (fee.cents, fee.orders) == (-150, [])


def test_credits_and_debits_may_have_columns_of_their_own() -> None:
    profile = CsvProfile(
        account="A", booked_on="d", text=["t"], credit="in", debit="out", decimal=".", date_format="%Y-%m-%d"
    )
    data = b"d;t;in;out\n2026-11-22;a;1,124.00;\n2026-11-22;b;;2.50\n"
    assert [line.cents for line in csvfile.read(data, profile)] == [1_124_00, -250]


def amounts(text: str, **profile: str) -> list[int]:
    """Cents of the lines of a file whose last column is the amount; ``text`` is all after its heading."""
    chosen = CsvProfile(account="A", booked_on="d", text=["t"], **({"amount": "a"} | profile))  # type: ignore[arg-type]
    heading = ";".join(("d", "t", chosen.debit or "", chosen.amount or chosen.credit or "")).replace(
        ";;", ";"
    )
    return [line.cents for line in csvfile.read(f"{heading}\n{text}".encode(), chosen)]


@pytest.mark.parametrize(
    ("written", "cents"),
    [("124,00", 124_00), ("1.124,00", 1_124_00), ("1124,00", 1_124_00), ("1 124,00", 1_124_00), ("-1,50", -150),
     ("- 1,50", -150), ("+1.234.567,8", 1_234_567_80), ("12", 12_00), ("1.124", 1_124_00), ("€ 5,00", 500),
     ("1\xa0124,00\xa0€", 1_124_00), ("1\u202f124,00", 1_124_00), ("0,50", 50), ("", 0)],
)  # fmt: skip
def test_an_amount_is_read_as_its_bank_writes_it(written: str, cents: int) -> None:
    assert amounts(f"22/11/2026;x;{written}\n") == [cents]


@pytest.mark.parametrize(
    "written",
    ["124.00", "1.2.3", "1.24,00", "1124.000,00", "1.124.00", "1.124 000,00", "0.124,00", "1,124,00", "12,", ",50", "1e3",
     "--1", "1,005", "٣,00", "1.124.,00", "1 2", "EUR 5,00", "5,00-", "1" * 20],
)  # fmt: skip
def test_an_amount_written_otherwise_is_refused_and_never_guessed(written: str) -> None:
    with pytest.raises(BadStatement, match="Line 2: not an amount"):
        amounts(f"22/11/2026;x;{written}\n")


def test_a_bank_that_writes_points_is_read_by_points() -> None:
    assert amounts("22/11/2026;x;1,124.50\n", decimal=".") == [1_124_50]
    for written in ("124,00", "1.124.50", "1.124,50"):
        with pytest.raises(BadStatement):
            amounts(f"22/11/2026;x;{written}\n", decimal=".")


WHOLE_CSV = "22/11/2026;x;1,00\n22/11/2026;x;1.124,00"


def test_a_last_line_without_an_end_is_read_when_its_amount_has_its_decimals() -> None:
    assert amounts(WHOLE_CSV) == [100, 1_124_00]
    assert amounts("22/11/2026;x;5,00 €") == [500]
    assert amounts("22/11/2026;x;5,00;", amount="", credit="c", debit="b") == [-500]
    assert amounts("22/11/2026;x;;5,00", amount="", credit="c", debit="b") == [500]


@pytest.mark.parametrize("cut", range(1, len("22/11/2026;x;1.124,00")))
def test_a_file_that_is_cut_within_its_last_line_is_refused(cut: int) -> None:
    with pytest.raises(BadStatement):
        amounts(WHOLE_CSV[:-cut])


@pytest.mark.parametrize("cut", ["22/11/2026;x;;", "22/11/2026;x;;5", "22/11/2026;x;;5,0"])
def test_a_file_that_is_cut_where_credits_stand_is_refused(cut: str) -> None:
    with pytest.raises(BadStatement):
        amounts(cut, amount="", credit="c", debit="b")


@pytest.mark.parametrize("currency", ["", "E", "EURO", "€", "EU\x00", "ΕΥΡ", "E R"])
def test_a_currency_is_three_letters(currency: str) -> None:
    profile = CsvProfile(account="A", booked_on="d", text=["t"], amount="a", currency="c")
    assert csvfile.read(b"d;t;a;c\n22/11/2026;x;1,00;eur\n", profile)[0].currency == "EUR"
    with pytest.raises(BadStatement):
        csvfile.read(f"d;t;a;c\n22/11/2026;x;1,00;{currency}\n".encode(), profile)


@pytest.mark.parametrize("column", ["d", "t", "a", "p", "r", "z"])
def test_a_file_with_nul_in_any_column_is_refused(column: str) -> None:
    profile = CsvProfile(account="A", booked_on="d", text=["t"], amount="a", payer="p", bank_reference="r")
    row = {"d": "22/11/2026", "t": "x", "a": "1,00", "p": "y", "r": "R1", "z": ""}
    row[column] += "\x00"
    with pytest.raises(BadStatement):
        csvfile.read(f"{';'.join(row)}\n{';'.join(row.values())}\n".encode(), profile)


@pytest.mark.parametrize(
    "data",
    [
        CSV.encode("utf-8"),
        CSV.encode("cp1253")[:-8],
        CSV.encode("cp1253").replace(b"1.124,00", b"1.124,001"),
        CSV.encode("cp1253").replace(b"22/11/2026", b"2026-11-22", 1),
        CSV.encode("cp1253") + b'"',
        b"",
        b"\xff\xfe\xaa\xd2",
    ],
    ids=[
        "another encoding",
        "half a line",
        "half a cent",
        "another date",
        "an open quote",
        "empty",
        "octets",
    ],
)
def test_a_broken_csv_gives_a_clear_error(data: bytes) -> None:
    with pytest.raises(BadStatement):
        csvfile.read(data, PROFILE)
