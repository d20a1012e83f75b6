"""A paste of any shape: each number or scrap in it has its verdict."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contacts.importing import paste, reader
from services.contacts.importing.errors import BadFile
from services.contacts.importing.verdicts import Accepted, Duplicate, Rejected


def test_the_example_is_read_to_the_last_scrap(examples):
    judged = list(paste.read((examples / "paste.txt").read_text(encoding="utf-8")))
    assert Counter(type(verdict).__name__ for verdict in judged) == {"Accepted": 282, "Rejected": 19}
    assert [verdict.row for verdict in judged] == list(range(1, len(judged) + 1))


def test_duplicates_and_rejects_say_where():
    judged = list(paste.read("6972601815, +30 697 260 1815\nδεν έχει"))
    assert judged == [
        Accepted(1, ("306972601815",), {}),
        Duplicate(2, "306972601815", 1),
        Rejected(3, "not_a_number", "line 2", ("δεν έχει",)),
    ]


@pytest.mark.parametrize(
    ("text", "code"), [("x" * 5_000_001, "paste_too_large"), (" \n", "no_data_rows"), ("", "no_data_rows")]
)
def test_what_is_too_large_or_blank_is_refused_at_once(text, code):
    with pytest.raises(BadFile) as refused:
        paste.read(text)
    assert refused.value.code == code


@given(st.text(st.sampled_from("0123456789+- ,;\nαx69"), min_size=1).filter(lambda text: not text.isspace()))
def test_any_text_gives_each_number_once(text):
    judged = list(paste.read(text))
    kept = [verdict.numbers[0] for verdict in judged if isinstance(verdict, Accepted)]
    assert len(kept) == len(set(kept))


def test_a_paste_has_no_more_rows_than_a_sheet_can_show_of_its_rejects(monkeypatch):
    monkeypatch.setattr(paste, "MAX_ROWS", 3)
    assert len(list(paste.read("a,a,6972601815,"))) == 3
    with pytest.raises(BadFile) as refused:
        list(paste.read("a,a,6972601815,a"))
    assert (refused.value.code, refused.value.detail) == (
        "too_many_rows",
        "text: more than 3 numbers and scraps",
    )
    assert paste.MAX_ROWS < reader.MAX_ROWS
