"""Writes notices from the templates, in the account's language."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from contracts.events import BalanceLow, OrderPaid

from . import domain
from .domain import Attachment, Content

MICRO_A_CENT = 10_000


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def balance_low(event: BalanceLow) -> Content:
    """The notice that a balance fell below its level, with what it still pays in each price class."""
    locale = domain.locale_of(event.locale)
    return _render(
        "balance_low",
        locale,
        account_name=domain.one_line(event.account_name),
        available=domain.money(event.available, locale),
        level=domain.money(event.level, locale),
        remaining={name: domain.number(count, locale) for name, count in event.remaining.items()},
    )


def order_paid(event: OrderPaid, receipt: Attachment) -> Content:
    """The e-mail that a payment arrived, with its receipt."""
    locale = domain.locale_of(event.locale)
    cents = {"net": event.net_cents, "vat": event.vat_cents, "gross": event.gross_cents}
    content = _render(
        "order_paid",
        locale,
        buyer=domain.one_line(event.buyer),
        order_id=event.order_id,
        receipt=event.receipt,
        credit=domain.money(event.credit, locale),
        **{name: domain.money(value * MICRO_A_CENT, locale) for name, value in cents.items()},
    )
    return replace(content, attachment=receipt)


def _render(kind: str, locale: str, **values: object) -> Content:
    def part(suffix: str) -> str:
        return _templates().get_template(f"{kind}.{locale}.{suffix}").render(lang=locale, **values)

    return Content(domain.one_line(part("subject.txt")), part("txt"), part("html"))
