"""Destinations as people say them, country and network, as the prefixes that prices are kept by.

The data are those of ``phonenumbers`` (Google's metadata). A network is that which the numbers were first given to: a number
that was ported keeps its prefix, and so its price.
"""

from __future__ import annotations

from functools import cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
from phonenumbers.carrierdata import CARRIER_DATA


class NoSuchDestination(ValueError):
    """Its message is a stable code: unknown_country, country_needs_prefix, unknown_network."""


def prefixes(country: str, network: str) -> list[str]:
    """The prefixes of a country (ISO 3166, two letters), or of one of its networks. Raises NoSuchDestination."""
    code = _code(country.strip().upper())
    if not network.strip():
        return [code]
    wanted = network.strip().casefold()
    found = [prefix for prefix, name in _networks(code).items() if name.casefold() == wanted]
    if not found:
        raise NoSuchDestination("unknown_network")
    return sorted(found)


def describe(prefix: str) -> tuple[str, str]:
    """(country, network) of a prefix, "" where the plans do not tell; for people to read."""
    code = next((prefix[:size] for size in (1, 2, 3) if prefix[:size] in _main_regions()), "")
    carrier = CARRIER_DATA.get(prefix, {})
    return _main_regions().get(code, ""), carrier.get("en", "")


def _code(country: str) -> str:
    metadata = PhoneMetadata.metadata_for_region(country, None)
    if metadata is None or not country:
        raise NoSuchDestination("unknown_country")
    code = str(metadata.country_code)
    if _main_regions().get(code) == country:
        return code
    # A country that shares its code with a larger one, told apart by its first digits.
    if metadata.leading_digits and metadata.leading_digits.isdigit():
        return code + metadata.leading_digits
    raise NoSuchDestination("country_needs_prefix")


@cache
def _main_regions() -> dict[str, str]:
    """The one country, or the largest, of each code; "001" is a network without a country."""
    return {
        str(code): regions[0] for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if regions[0] != "001"
    }


@cache
def _networks(code: str) -> dict[str, str]:
    return {
        prefix: names["en"]
        for prefix, names in CARRIER_DATA.items()
        if prefix.startswith(code) and "en" in names
    }
