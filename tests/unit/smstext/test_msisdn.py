"""Phone numbers as people and spreadsheets write them."""

from decimal import Decimal

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smstext import InvalidNumber, country_of, parse_msisdn
from smstext.msisdn import REASONS

MOBILE = "306912345678"


@pytest.mark.parametrize(
    "raw",
    [
        *(
            "6912345678",
            "306912345678",
            "+306912345678",
            "00306912345678",
            "+30 691 234 5678",
            "0030 6912345678",
        ),
        *(
            "691 2345678",
            "6912-345-678",
            "691.234.5678",
            "(691) 2345678",
            "(+30) 6912345678",
            "+30(0)6912345678",
        ),
        *(
            "+30-691-2345678",
            "  6912345678  ",
            "6912345678\n",
            "'6912345678",
            "6912345678.0",
            "6912345678,00",
        ),
        *(
            "6912\u00a0345\u00a0678",
            "\u200e6912345678\u200f",
            "6912\u200b345678",
            "\ufeff6912345678",
            "6912\u2011345\u2013678",
        ),
        *(
            "６９１２３４５６７８",
            "٦٩١٢٣٤٥٦٧٨",
            "＋30 6912345678",
            "τηλ. 6912345678",
            "ΚΙΝ: 691 2345678",
            "tel:+306912345678",
        ),
        *("6.912345678E+09", "6,912345678e9", "3.06912345678E+11", "+0030 6912345678"),
        *(6912345678, 306912345678, 6912345678.0, 3.06912345678e11, Decimal(6912345678)),
    ],
)
def test_ways_to_write_a_greek_mobile(raw):
    assert parse_msisdn(raw) == MOBILE


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        *[(blank, "empty") for blank in (None, "", "   ", "\u00a0", "\u200b", "-", "()", " " * 500)],
        *[
            (word, "not_a_number")
            for word in ("δεν έχει", "n/a", "EL123456789", "69123456ab", "+", "69O2345678", "a@b.gr")
        ],
        *[
            (thing, "not_a_number")
            for thing in (True, -6912345678, 6912345678.5, float("nan"), float("inf"), [], object())
        ],
        *[
            (short, "too_short")
            for short in ("691234567", "69", "6912", "+30691234567", 691234567, "22334455")
        ],
        *[
            (long, "too_long")
            for long in (
                "69123456789",
                "3069123456789",
                "9" * 70,
                "9" * 100,
                10**20,
                1e300,
                "+306912345678901",
            )
        ],
        *[
            (line, "landline")
            for line in ("2101234567", "+30 2310 123456", "00302101234567", 2101234567, "+44 20 7946 0958")
        ],
        *[(code, "short_code") for code in ("19019", "54321", "14944", "166", 13888)],
        *[(service, "not_mobile") for service in ("8001234567", "9011234567", "+30 800 123 4567")],
        *[(lost, "lost_digits") for lost in ("6.9E+09", "6,97E+09", "6.91235E+9", "3.06912E+11", "7E9")],
        *[(odd, "unknown_number") for odd in ("+30 5912345678", "5912345678", "+999 12345678")],
        *[
            (two, "several_numbers")
            for two in ("6912345678 / 6987654321", "6912345678,6987654321", "+306912345678 +306987654321")
        ],
    ],
)
def test_refusals_have_their_reason(raw, reason):
    with pytest.raises(InvalidNumber) as caught:
        parse_msisdn(raw)
    assert caught.value.reason == reason
    assert reason in REASONS


@pytest.mark.parametrize(
    ("raw", "digits"),
    [
        ("+49 1516 5167612", "4915165167612"),
        ("0049 1516 5167612", "4915165167612"),
        ("4915165167612", "4915165167612"),
        (4915165167612, "4915165167612"),
        ("+44 (0)7400 123456", "447400123456"),
        ("+357 99 297620", "35799297620"),
        ("+1 202 555 0123", "12025550123"),
        ("+355 67 212 3456", "355672123456"),
    ],
)
def test_foreign_mobiles_are_accepted(raw, digits):
    assert parse_msisdn(raw) == digits


def test_another_region_reads_its_own_numbers_bare_and_greek_ones_in_full():
    assert parse_msisdn("99297620", "CY") == "35799297620"
    assert parse_msisdn("07400 123456", "GB") == "447400123456"
    assert parse_msisdn("306912345678", "CY") == MOBILE
    with pytest.raises(InvalidNumber, match="landline"):
        parse_msisdn("22 345678", "CY")


def test_an_unknown_region_is_a_programming_error():
    with pytest.raises(ValueError, match="XX"):
        parse_msisdn("1", "XX")


@given(st.integers(0, 99_999_999))
def test_the_fast_path_agrees_with_the_metadata(tail):
    raw = f"69{tail:08d}"
    number = phonenumbers.parse(raw, "GR")
    assert phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    assert parse_msisdn(raw) == f"{number.country_code}{number.national_number}"


def by_the_book(digits: str) -> bool:
    """What the metadata's own parser says: a valid number that may be a mobile."""
    try:
        number = phonenumbers.parse("+" + digits, None)
    except phonenumbers.NumberParseException:
        return False
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
    return phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) in kinds


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.integers(0, 9999), st.integers(1, 4))
def test_quick_verdicts_agree_with_the_metadatas_own_parser(region, tail, changed):
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None or example.country_code == 30:
        return
    digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]
    digits = digits[:-changed] + str(tail)
    try:
        accepted = bool(parse_msisdn("+" + digits))
    except InvalidNumber:
        accepted = False
    assert accepted == by_the_book(digits)


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
def test_what_is_returned_is_read_again_as_itself(region):
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        return
    digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]
    assert parse_msisdn("+" + digits) == digits
    if len(digits) >= 11:
        assert parse_msisdn(digits) == digits


@given(st.one_of(st.text(max_size=100), st.integers(), st.floats(), st.booleans(), st.none(), st.binary()))
def test_anything_is_a_number_or_has_a_reason(raw):
    try:
        outcome = parse_msisdn(raw)
    except InvalidNumber as error:
        outcome = error.reason
    assert outcome in REASONS or (outcome.isascii() and outcome.isdigit() and 7 <= len(outcome) <= 15)


@pytest.mark.parametrize(
    ("digits", "country"),
    [
        ("306912345678", "GR"),
        ("35799297620", "CY"),
        ("4915165167612", "DE"),
        ("447700900123", "GB"),
        ("447781123456", "GG"),
        ("12025550123", "US"),
        ("14165550123", "CA"),
        ("18765550123", "JM"),
        ("79161234567", "RU"),
        ("77011234567", "KZ"),
        ("393123456789", "IT"),
        ("355672123456", "AL"),
        ("88216123456", "ZZ"),
        ("999123456", "ZZ"),
        ("", "ZZ"),
        ("0", "ZZ"),
    ],
)
def test_country_by_prefix(digits, country):
    assert country_of(digits) == country


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
def test_country_of_an_example_of_each_region(region):
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is not None:
        digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]
        assert country_of(digits) == phonenumbers.region_code_for_number(example)
