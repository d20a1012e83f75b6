"""A cell reads the way its owner sees it in Excel."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contacts.importing import cells

MIDNIGHT = dt.datetime.fromisoformat("2026-09-02")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1279.0, "1279"), (17.5, "17,5"), (6972601815.0, "6972601815"), (6.97e9, "6970000000"), (0, "0"),
        (0.1 + 0.2, "0,3"), (float("nan"), ""), (float("inf"), ""), (-3.0, "-3"),
        (True, "ΝΑΙ"), (False, "ΟΧΙ"), (None, ""),
        (dt.date(2026, 9, 2), "02/09/2026"), (MIDNIGHT, "02/09/2026"),
        (MIDNIGHT.replace(hour=7, minute=5), "02/09/2026 07:05"), (dt.time(7, 5), "07:05"),
        (dt.date(90, 1, 2), "02/01/0090"), (dt.timedelta(hours=30), "30:00"),
        ("  α\u00a0β  γ ", "α β γ"), ("\u200bΑ\ufeff\u00adν\u200dνα\x00\x1b", "Αννα"), ("α\r\n β", "α β"),
        ("Γιω\u0301ργος", "Γιώργος"), ("Γι\u1f7dργος", "Γιώργος"), ("\ud800x", "x"),
        ("👩\u200d💻", "👩\u200d💻"), ("#N/A", ""), ("#δ/υ", ""), ("#1 πελάτης", "#1 πελάτης"),
        ("=1+1", "=1+1"), ("-", "-"), ("", ""), (" \u00a0\u200b", ""),
    ],
)  # fmt: skip
def test_a_value_as_text(value, text):
    assert cells.text(value) == text


def test_other_regions_have_their_own_decimal_mark_and_words():
    assert (cells.text(17.5, "GB"), cells.text(True, "GB")) == ("17.5", "YES")


def test_notes_keep_their_lines():
    assert cells.lines(" α \r\n β\u200b ") == "α \n β"


@given(st.text())
def test_cleaning_is_idempotent_and_leaves_what_a_database_takes(value):
    once = cells.text(value)
    assert cells.text(once) == once
    assert "\0" not in once
    assert "\n" not in once
    once.encode()
