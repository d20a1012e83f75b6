"""``text.*``: the functions of smstext that every message goes through, on one core (issue "libs/smstext")."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable
from typing import Any

import smstext

from ..harness import people
from ..harness.bench import Bench
from ..harness.row import Deadline, Row, Run

GSM_100 = (
    "Agapiti Maria, to koupwni K12345 isxyei mexri tin Kyriaki sta katastimata mas. Kafekopteio Ermis 2026!"[
        :100
    ]
)
TEMPLATE = "Αγαπητέ {%firstname:klitiki|φίλε}, το κουπόνι {%custom4} ισχύει ως την Κυριακή. Ερμής"
KINDS = 1_000  # different inputs, so that no cache of the last one flatters


def _row(
    name: str,
    what: str,
    inputs: Callable[[], list[Any]],
    work: Callable[[Iterable[Any]], None],
    warm: bool = True,
) -> Row:
    def measure(bench: Bench, n: int, deadline: Deadline) -> Run:
        del bench, deadline
        some = inputs()
        if warm:
            work(some)  # what is compiled or looked up once is not the matter here
        items = (some * (n // len(some) + 1))[:n]
        cpu, began = time.process_time(), time.perf_counter()
        work(items)
        seconds = time.perf_counter() - began
        used = time.process_time() - cpu
        return Run(n, seconds, {"smstext": used}, details={"per_cpu_s": round(n / used)})

    return Row(f"text.{name}", what, 200_000, "nothing", measure)


def _segment(texts: Iterable[str]) -> None:
    segment = smstext.segment
    for text in texts:
        segment(text)


def _render(all_fields: Iterable[dict[str, str]]) -> None:
    render, count = smstext.compile_template(TEMPLATE).render, smstext.count
    for fields in all_fields:
        count(render(fields))


def _vocative(names: Iterable[str]) -> None:
    vocative = smstext.vocative
    for name in names:
        vocative(name)


def _parse(raws: Iterable[str]) -> None:
    parse = smstext.parse_msisdn
    for raw in raws:
        parse(raw)


def _fields() -> list[dict[str, str]]:
    return [{"firstname": p.first, "custom4": p.coupon} for p in people.people(KINDS)]


def _new_names() -> list[str]:
    """So many that each is a new one: no cache helps."""
    sounds = (
        "Κα",
        "Λε",
        "Μι",
        "Νό",
        "Ρου",
        "Στα",
        "Τρι",
        "Φω",
        "Χλό",
        "Ψα",
        "Αλ",
        "Εμ",
        "Ιο",
        "Ού",
        "Ζη",
        "Πά",
        "Γρε",
    )
    ends = ("κος", "νης", "ρας", "λια", "μη", "της", "ντίνος", "δώρα", "σω", "ου")
    return ["".join((*three, end)) for three in itertools.product(sounds, repeat=4) for end in ends]


ROWS = (
    _row("segment", "texts", lambda: [f"{GSM_100[:-4]}{i:04d}" for i in range(KINDS)], _segment),
    _row("render", "messages", _fields, _render),
    _row("vocative", "names", lambda: [*people.FIRST, *(name.upper() for name in people.FIRST)], _vocative),
    _row("vocative_new", "names", _new_names, _vocative, warm=False),
    _row("msisdn", "numbers", lambda: [p.msisdn[2:] for p in people.people(KINDS)], _parse),
)
