"""The rules of contacts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contacts import domain, schemas
from services.contacts.errors import BadCursor, InvalidFields, WrongImportState

numbers = st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=20)


@given(numbers)
def test_a_contact_has_each_number_once_and_exactly_one_primary(
    given_numbers: list[tuple[int, bool]],
) -> None:
    chosen = domain.one_primary(given_numbers)

    assert [msisdn for msisdn, _ in chosen] == list(dict.fromkeys(msisdn for msisdn, _ in given_numbers))
    assert sum(primary for _, primary in chosen) == 1


def test_the_number_marked_as_primary_is_the_primary_one() -> None:
    assert domain.one_primary([(1, False), (2, True), (3, False)]) == [(1, False), (2, True), (3, False)]


def test_the_first_number_is_primary_when_none_is_marked() -> None:
    assert domain.one_primary([(1, False), (2, False)]) == [(1, True), (2, False)]


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("append", "analysing"),
        ("commit", "running"),
        ("commit", "failed"),
        ("cancel", "done"),
        ("remap", "running"),
    ],
)
def test_an_import_refuses_what_its_state_does_not_allow(action: str, state: str) -> None:
    with pytest.raises(WrongImportState):
        domain.require_state(action, state)


def test_a_failed_import_can_be_mapped_anew_only_when_that_may_help() -> None:
    domain.require_state("remap", "failed", "no_number_column")
    with pytest.raises(WrongImportState):
        domain.require_state("remap", "failed", "workbook_broken")


@pytest.mark.parametrize("cursor", ["", "-1", "1e3", "x", "٣", "9" * 30, "1; DROP TABLE contacts"])
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        domain.read_cursor(cursor)


@pytest.mark.parametrize("value", [0, -1, 2**63, "1", None, True, 1.5])
def test_what_cannot_be_an_id_is_none(value: object) -> None:
    assert not domain.is_id(value)


def test_percent_and_underscore_mean_themselves_in_a_search() -> None:
    assert domain.like("50%_\\") == "%50\\%\\_\\\\%"


@pytest.mark.parametrize(
    ("term", "digits"), [("697", "697"), ("69 71-23", "697123"), ("69", ""), ("room 101", ""), ("", "")]
)
def test_only_a_term_of_digits_is_looked_for_in_numbers(term: str, digits: str) -> None:
    assert domain.digits_in(term) == digits


@pytest.mark.parametrize(
    ("term", "digits"),
    [("0030 697", ["30697", "0030697"]), ("0045", ["0045"]), ("697", ["697"]), ("00", []), ("a 697", [])],
)
def test_digits_in_the_midst_of_a_number_may_begin_with_zeros(term: str, digits: list[str]) -> None:
    assert domain.digits_within(term) == digits


def test_a_cell_may_name_several_groups() -> None:
    assert domain.group_names(" Πελάτες; VIP ,VIP,, ") == ["Πελάτες", "VIP"]


@given(st.lists(st.integers(), max_size=50), st.integers(1, 7))
def test_batches_hold_everything_once_in_order(items: list[int], size: int) -> None:
    batches = list(domain.in_batches(items, size))

    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) <= size for batch in batches)


def test_an_audience_survives_the_way_to_the_database() -> None:
    audience = domain.Audience(
        group_ids=(1, 2), minus_group_ids=(3,), contact_ids=(4,), numbers=(306971234567,)
    )

    assert domain.Audience.from_data(audience.to_data()) == audience


def test_numbers_of_an_audience_are_read_in_any_shape() -> None:
    audience, _ = schemas.load_audience({"numbers": ["697 123 4567", "+30 6971234568", "00306971234569"]})

    assert audience.numbers == (306971234567, 306971234568, 306971234569)


def test_a_wrong_number_is_named_by_its_place() -> None:
    with pytest.raises(InvalidFields) as refusal:
        schemas.load_audience({"numbers": ["6971234567", "2101234567"]})

    assert refusal.value.errors[0]["pointer"] == "/numbers/1"
    assert refusal.value.errors[0]["code"] == "landline"


@pytest.mark.parametrize(
    "data",
    [
        {"numbers": []},
        {},
        {"numbers": [{"number": "6971234567"}], "first_name": "x" * 151},
        {"numbers": [{"number": "6971234567"}], "group_ids": [-1]},
        {"numbers": [{"number": "6971234567"}], "group_ids": ["1"]},
        {"numbers": [{"number": "6971234567"}], "email": "nobody"},
        {"numbers": [{"number": "6971234567"}], "surprise": 1},
        {"numbers": "6971234567"},
        {"numbers": [{"number": "6971234567"}], "title": 5},
        [],
        None,
    ],
)
def test_a_contact_that_is_not_one_is_refused(data: object) -> None:
    with pytest.raises(InvalidFields):
        schemas.load(schemas.NewContact, data)


def test_texts_are_cleaned_of_what_nobody_sees() -> None:
    loaded = schemas.load(
        schemas.ContactChanges, {"first_name": " Γιώρ\u200bγος\x00 ", "note": "a\r\nb", "title": None}
    )

    assert loaded == {"first_name": "Γιώργος", "note": "a\nb", "title": ""}


def test_every_word_of_a_search_counts() -> None:
    words = [f"word{n}" for n in range(30)]
    assert domain.search_words("  ".join(words)) == words
