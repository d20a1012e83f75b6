"""Writes notices from the templates, in the account's language."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from contracts.events import BalanceLow

from . import domain
from .domain import Content


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


def _render(kind: str, locale: str, **values: object) -> Content:
    def part(suffix: str) -> str:
        return _templates().get_template(f"{kind}.{locale}.{suffix}").render(lang=locale, **values)

    return Content(domain.one_line(part("subject.txt")), part("txt"), part("html"))
