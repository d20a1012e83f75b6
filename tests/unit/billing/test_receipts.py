"""Receipts as PDF: in Greek and English, every letter in the font, nothing cut that must be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from reportlab.pdfbase import pdfmetrics

from services.billing.orders import pdf, words
from services.billing.orders.pdf import Facts
from services.billing.orders.settings import SellerSettings

BUYER: dict[str, Any] = {
    "name": "Ανθοπωλείο Άνθη", "address": "Πατησίων 12", "city": "Αθήνα", "postcode": "10677", "country": "GR",
    "vat_number": "EL094014201", "tax_office": "Δ' Αθηνών", "email": None,
}  # fmt: skip
FACTS = Facts(
    "receipt", "R2026-000017", datetime(2026, 11, 22, tzinfo=UTC), 42, "bank", BUYER, 10_000, 2_400, 12_400,
    2_400, "domestic", 100_000_000,
)  # fmt: skip
SELLER = SellerSettings("Keryx ΑΕ", "Σταδίου 1", "EL999999999", "ΦΑΕ Αθηνών", "info@keryx.example")
LEGAL = ("reverse_charge", "outside_eu", "not_an_invoice")


def test_the_same_receipt_is_the_same_file() -> None:
    assert pdf.receipt(FACTS, SELLER, "el") == pdf.receipt(FACTS, SELLER, "el")
    assert pdf.receipt(FACTS, SELLER, "el") != pdf.receipt(FACTS, SELLER, "en")


@pytest.mark.parametrize(
    "name",
    ["", "a" * 500, "Άνθη\n\x00\x1b[0m", "🌷 花屋", "Ἀνθοπωλεῖον «Ὁ Ἥλιος» – Đorđe Żółć", "<b>&amp;</b>"],
)
def test_any_name_makes_a_receipt(name: str) -> None:
    made = pdf.receipt(replace(FACTS, buyer={**BUYER, "name": name}), SELLER, "en")
    assert made.startswith(b"%PDF-")
    assert made.rstrip().endswith(b"%%EOF")


@pytest.mark.parametrize("locale", ["el", "en"])
def test_every_letter_is_in_the_font_and_legal_lines_are_not_cut(locale: str) -> None:
    pdf.receipt(FACTS, SELLER, locale)
    font: Any = pdfmetrics.getFont("DejaVuSans")
    said = words.of(locale)
    letters = set("".join(said.values())) - {"\n"} | set("€.,%0123456789ἈῖὉἭ«»–")
    assert [letter for letter in sorted(letters) if ord(letter) not in font.face.charToGlyph] == []
    room = pdf._RIGHT - pdf._LEFT
    for name in LEGAL:
        for line in said[name].split("\n"):
            assert pdfmetrics.stringWidth(line, "DejaVuSans", 9 if name != "not_an_invoice" else 8) <= room, (
                line
            )


def test_both_languages_have_the_same_words() -> None:
    assert words.of("el").keys() == words.of("en").keys()
    assert words.of("fr") == words.of("en")


@pytest.mark.parametrize(
    ("cents", "greek", "english"),
    [
        (0, "0,00 €", "€0.00"),
        (5, "0,05 €", "€0.05"),
        (123_456_789, "1.234.567,89 €", "€1,234,567.89"),
        (-1_050, "-10,50 €", "-€10.50"),
    ],
)
def test_money_is_written_as_the_language_writes_it(cents: int, greek: str, english: str) -> None:
    assert (words.money(cents, "el"), words.money(cents, "en")) == (greek, english)


def test_a_rate_is_written_without_idle_zeros() -> None:
    assert [words.percent(rate, "el") for rate in (2_400, 650, 0)] == ["24%", "6,5%", "0%"]
    assert words.percent(650, "en") == "6.5%"
