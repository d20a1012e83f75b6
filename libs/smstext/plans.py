"""Numbering plans: which country E.164 digits belong to, and quick verdicts on what they are.

The data are those of `phonenumbers` (Google's metadata). Its own parser takes some 60 µs a number and as much for
nonsense, which a large or hostile paste would turn into hours; the patterns of one country, compiled once, take 1 µs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import NamedTuple

import phonenumbers

_Matcher = Callable[[str], re.Match[str] | None]
_REGIONS_OF_CODE = {str(code): regions for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()}
_E164_LONGEST = 15
_NOT_A_COUNTRY = "001"  # how phonenumbers calls satellite and other networks without a country


class Plan(NamedTuple):
    """The numbers of a country code: full matches of national digits, and how many digits those have."""

    mobile: tuple[_Matcher, ...]
    anything: tuple[_Matcher, ...]
    trunk: tuple[_Matcher, ...]
    shortest: int
    longest: int


def quick_verdict(digits: str) -> str:
    """What E.164 digits are: "mobile", "too_short", "too_long" or "unknown_number"; "" when only a closer look can tell
    (another kind of number, or a trunk prefix that does not belong there).
    """
    split = split_code(digits)
    if split is None:
        return "too_long" if len(digits) > _E164_LONGEST else "unknown_number"
    plan, national = _plan(split[0]), split[1]
    if any(matches(national) for matches in plan.mobile):
        return "mobile"
    if any(matches(national) for matches in plan.anything) or any(starts(national) for starts in plan.trunk):
        return ""
    if len(national) < plan.shortest:
        return "too_short"
    return "too_long" if len(national) > plan.longest else "unknown_number"


def split_code(digits: str) -> tuple[str, str] | None:
    """Country code and national digits; None if no country has such a code."""
    for size in (1, 2, 3):
        if digits[:size] in _REGIONS_OF_CODE:
            return digits[:size], digits[size:]
    return None


@cache
def _plan(code: str) -> Plan:
    found = [
        phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
        for region in _REGIONS_OF_CODE[code]
    ]
    countries = [metadata for metadata in found if metadata is not None]
    anything = [metadata.general_desc for metadata in countries if metadata.general_desc is not None]
    mobile = [metadata.mobile for metadata in countries if metadata.mobile is not None]
    trunks = [metadata.national_prefix_for_parsing for metadata in countries]
    lengths = [length for description in anything for length in description.possible_length]
    return Plan(
        _full_matchers(description.national_number_pattern for description in mobile),
        _full_matchers(description.national_number_pattern for description in anything),
        tuple(re.compile(trunk).match for trunk in trunks if trunk),
        min(lengths),
        max(lengths),
    )


def _full_matchers(patterns: Iterable[str | None]) -> tuple[_Matcher, ...]:
    return tuple(re.compile(pattern).fullmatch for pattern in patterns if pattern and pattern != "NA")


def country_of(msisdn: str) -> str:
    """ISO 3166 code of the country of E.164 digits, "ZZ" if no country has them. Validity does not matter."""
    return "GR" if msisdn.startswith("30") else _country_of_prefix(msisdn[:8])


@lru_cache(maxsize=65536)
def _country_of_prefix(prefix: str) -> str:
    split = split_code(prefix)
    if split is None:
        return "ZZ"
    regions = _REGIONS_OF_CODE[split[0]]
    if len(regions) > 1:
        return _shared_country(prefix, regions[0])
    return "ZZ" if regions[0] == _NOT_A_COUNTRY else regions[0]


def _shared_country(prefix: str, main_region: str) -> str:
    """Country within a shared code such as +1 or +44: the first digits decide it, whatever digits follow."""
    for filler in "0123456789":
        for length in (11, 12, 10, 13):
            number = phonenumbers.parse("+" + prefix.ljust(length, filler), None)
            region = phonenumbers.region_code_for_number(number)
            if region is not None:
                return str(region)
    return main_region
