"""Pages hold each verdict once, and nothing a child says becomes more than the rows of its own import."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contacts.domain import TEXT_FIELDS
from services.contacts.importing import copytext, pages
from services.contacts.importing.verdicts import Accepted, Duplicate, Rejected

fields = st.dictionaries(
    st.sampled_from(TEXT_FIELDS), st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)
)


def accepted(row: int, *numbers: int, **texts: str) -> Accepted:
    return Accepted(row, tuple(str(number) for number in numbers), texts)


@given(st.lists(fields, max_size=5))
def test_texts_come_back_from_a_page_as_they_went_in(rows):
    judged = [
        Accepted(number, (str(306_970_000_000 + number),), texts) for number, texts in enumerate(rows, 1)
    ]
    again = [pages.decode(orjson.loads(orjson.dumps(list(page)))) for page in pages.build(judged)]
    assert [number for page in again for number in page.numbers] == [int(one.numbers[0]) for one in judged]
    assert [pages.fields_of(line) for page in again for line in page.lines] == rows


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
def test_an_escaped_text_is_one_column_of_one_line_and_comes_back(text):
    column = copytext.escape(text)
    assert not set(column) & set("\t\n\r")
    assert copytext.unescape(column) == text


@given(st.lists(st.sampled_from("adr"), max_size=40))
def test_each_verdict_is_in_one_page_whatever_the_size_of_pages(kinds):
    judged = [
        {
            "a": accepted(row, 306_970_000_000 + row),
            "d": Duplicate(row, "1", 1),
            "r": Rejected(row, "empty", "", ()),
        }[kind]
        for row, kind in enumerate(kinds, 1)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "PAGE_ROWS", 3)
        found = list(pages.build(judged))
    assert [page.rows for page in found[:-1]] == [3] * (len(found) - 1)
    assert sum(page.rows for page in found) == len(kinds)
    assert sum(page.duplicates for page in found) == kinds.count("d")
    assert [page.last_row for page in found] == [*range(3, len(kinds), 3), *([len(kinds)] if kinds else [])]


def test_a_page_ends_early_when_its_rows_are_large():
    judged = [Rejected(row, "empty", "", ("x" * 30_000,)) for row in range(1, 101)]
    assert [page.rows for page in pages.build(judged)] == [35, 35, 30]


def test_one_text_that_every_cell_refers_to_is_not_kept_a_million_times(monkeypatch):
    monkeypatch.setattr(pages, "MAX_CELLS_PER_IMPORT", 100_000)
    judged = [Rejected(row, "empty", "", ("x" * 30_000, "y" * 30_000)) for row in range(1, 11)]
    kept = [sum(map(len, reject[3])) for page in pages.build(judged) for reject in page.rejects]
    assert kept[0] == pages.MAX_CELLS_PER_ROW
    assert sum(kept) == 100_000


def test_a_row_is_about_the_contact_that_has_the_first_of_its_numbers():
    (page,) = pages.build([accepted(1, 11, 12, 13), accepted(2, 21), accepted(3, 31, 32)])
    assert page.all_numbers == [11, 21, 31, 12, 13, 32]
    assert page.owners({13: 7, 12: 8, 21: 9}) == {0: 8, 1: 9}
    assert page.owners({11: 5, 12: 8}) == {0: 5}
    assert page.owners({}) == {}


GOOD = [2, 0, [306_970_000_001], "\t" * 9, [], [], []]


@pytest.mark.parametrize(
    "change",
    [
        {2: ["306970000001\t1\tt\n1\t306970000002"]},
        {2: [True]},
        {3: "\t" * 9 + "\n9\t1\tx"},
        {3: "\t" * 9 + "\r"},
        {4: [[1, [306_970_000_002]]]},
        {4: [[0, ["1\n2"]]]},
        {5: [[3, "VIP"]]},
        {5: [[0, 3]]},
        {1: -1},
        {0: "2"},
    ],
)
def test_a_page_that_could_smuggle_in_a_row_is_refused(change):
    assert pages.decode(GOOD).numbers == [306_970_000_001]
    with pytest.raises(ValueError):
        pages.decode([change.get(index, value) for index, value in enumerate(GOOD)])
