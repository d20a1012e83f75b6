"""Receipts as PDF, one page of A4 in Greek or English. The font is embedded, so it looks the same everywhere."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from . import words
from .settings import SellerSettings

_FONTS = Path(__file__).parent / "fonts"
_PLAIN, _BOLD = "DejaVuSans", "DejaVuSans-Bold"
_LEFT, _RIGHT, _TOP = 20 * mm, A4[0] - 20 * mm, A4[1] - 22 * mm
_INK, _GREY, _LINE = HexColor("#1a1a1a"), HexColor("#5f6368"), HexColor("#c9ccd1")


@dataclass(frozen=True)
class Facts:
    """What stands on a receipt. Cents are whole; ``credit`` is micro-euro, None on a credit note.

    ``kind`` is "receipt" or "credit_note", ``number`` its number as people read it; ``vat_rate`` in basis points.
    """

    kind: str
    number: str
    issued_at: datetime
    order_id: int
    method: str
    buyer: dict[str, Any]
    net_cents: int
    vat_cents: int
    gross_cents: int
    vat_rate: int
    vat_treatment: str
    credit: int | None


@cache
def _register_fonts() -> None:
    for name in (_PLAIN, _BOLD):
        pdfmetrics.registerFont(TTFont(name, _FONTS / f"{name}.ttf"))


class _Page:
    """A canvas with a place to write at, going down."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas, self.y = canvas, _TOP

    def text(
        self,
        text: str,
        size: float = 10,
        font: str = _PLAIN,
        colour: Color = _INK,
        right: str | None = None,
        gap: float = 1.5,
    ) -> None:
        """A line, shortened when it is wider than the page, with something at its right end."""
        self.canvas.setFont(font, size)
        self.canvas.setFillColor(colour)
        room = _RIGHT - _LEFT
        if right is not None:
            self.canvas.drawRightString(_RIGHT, self.y, right)
            room -= pdfmetrics.stringWidth(right, font, size) + 4 * mm
        self.canvas.drawString(_LEFT, self.y, _fitting(text, font, size, room))
        self.y -= size * gap

    def rule(self) -> None:
        """A line across."""
        self.canvas.setStrokeColor(_LINE)
        self.canvas.line(_LEFT, self.y + 2 * mm, _RIGHT, self.y + 2 * mm)
        self.y -= 4 * mm

    def skip(self, height: float) -> None:
        """Leave some room."""
        self.y -= height


def _fitting(text: str, font: str, size: float, room: float) -> str:
    """``text`` as far as there is room; control characters, which have no shape, become spaces."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    if pdfmetrics.stringWidth(shown, font, size) <= room:
        return shown
    while shown and pdfmetrics.stringWidth(shown + "…", font, size) > room:
        shown = shown[:-1]
    return shown + "…"


def receipt(facts: Facts, seller: SellerSettings, locale: str) -> bytes:
    """The PDF, the same bytes for the same facts."""
    _register_fonts()
    say = words.of(locale)
    output = io.BytesIO()
    canvas = Canvas(output, pagesize=A4, invariant=1, pageCompression=1, lang=locale)
    canvas.setTitle(f"{say[facts.kind]} {facts.number}")
    canvas.setAuthor(seller.seller_name)
    page = _Page(canvas)
    _head(page, facts, seller, say)
    _buyer(page, facts, say)
    _amounts(page, facts, say, locale)
    _foot(page, facts, say)
    canvas.showPage()
    canvas.save()
    return output.getvalue()


def _head(page: _Page, facts: Facts, seller: SellerSettings, say: dict[str, str]) -> None:
    page.text(seller.seller_name, 18, _BOLD)
    tax = f"{say['vat_number']} {seller.seller_vat_number}" if seller.seller_vat_number else ""
    office = f"{say['tax_office']} {seller.seller_tax_office}" if seller.seller_tax_office else ""
    for line in (seller.seller_address, " · ".join(filter(None, (tax, office))), seller.seller_email):
        if line:
            page.text(line, 9, colour=_GREY)
    page.skip(10 * mm)
    page.text(f"{say[facts.kind]} {facts.number}", 15, _BOLD)
    when = facts.issued_at.astimezone(ZoneInfo("Europe/Athens"))
    page.text(
        f"{say['issued']} {when:%d/%m/%Y %H:%M}", right=f"{say['order']} {facts.order_id}", colour=_GREY
    )
    page.skip(6 * mm)


def _buyer(page: _Page, facts: Facts, say: dict[str, str]) -> None:
    buyer = facts.buyer
    page.rule()
    page.text(say["buyer"], 8, colour=_GREY)
    page.text(buyer["name"], 11, _BOLD)
    town = " ".join(filter(None, (buyer["postcode"], buyer["city"], buyer["country"])))
    tax = f"{say['vat_number']} {buyer['vat_number']}" if buyer["vat_number"] else ""
    office = f"{say['tax_office']} {buyer['tax_office']}" if buyer["tax_office"] else ""
    for line in (buyer["address"], town, " · ".join(filter(None, (tax, office)))):
        if line:
            page.text(line, 9)
    page.skip(6 * mm)


def _amounts(page: _Page, facts: Facts, say: dict[str, str], locale: str) -> None:
    def money(cents: int) -> str:
        return words.money(cents, locale)

    page.rule()
    page.text(say[f"item_{facts.kind}"], right=money(facts.net_cents))
    if facts.credit is not None:
        page.text(f"{say['credit']} {money(facts.credit // 10_000)}", 8, colour=_GREY)
    page.skip(2 * mm)
    page.text(f"{say['vat']} {words.percent(facts.vat_rate, locale)}", right=money(facts.vat_cents))
    page.skip(2 * mm)
    page.rule()
    page.text(say[f"total_{facts.kind}"], 12, _BOLD, right=money(facts.gross_cents))
    page.text(f"{say['method']} {say.get('method_' + facts.method, facts.method)}", 9, colour=_GREY)
    page.skip(8 * mm)


def _foot(page: _Page, facts: Facts, say: dict[str, str]) -> None:
    if facts.vat_treatment != "domestic":
        page.text(say[facts.vat_treatment], 9)
        page.skip(3 * mm)
    for line in say["not_an_invoice"].split("\n"):
        page.text(line, 8, colour=_GREY)
