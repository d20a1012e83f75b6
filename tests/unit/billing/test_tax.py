"""VAT: who pays which, the forms of VAT numbers, and cents that always add up."""

from __future__ import annotations

from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.errors import InvalidFields
from services.billing.orders import countries, schemas, tax
from services.billing.orders.domain import refund_share
from services.billing.orders.tax import Amounts, BadVatNumber, Tax
from services.billing.schemas import load

CENTS = st.integers(1, 1_000_000_000)
RATES = st.sampled_from([0, 600, 1_300, 1_700, 2_400])


@pytest.mark.parametrize(
    ("country", "number", "expected"),
    [
        ("GR", None, Tax("domestic", 2_400)),
        ("GR", "EL094014201", Tax("domestic", 2_400)),
        ("DE", "DE123456789", Tax("reverse_charge", 0)),
        ("DE", None, Tax("domestic", 2_400)),
        ("CH", None, Tax("outside_eu", 0)),
        ("GB", "GB123456789", Tax("outside_eu", 0)),
        ("XX", None, Tax("domestic", 2_400)),
        ("XX", "XX123456789", Tax("domestic", 2_400)),
        ("EL", "EL094014201", Tax("domestic", 2_400)),
    ],
)
def test_the_buyer_decides_the_tax(country: str, number: str | None, expected: Tax) -> None:
    assert tax.tax_of(country, number, 2_400) == expected


def country_of(said: object) -> str:
    """What a billing profile keeps of the country that somebody says."""
    return str(load(schemas.Profile, name="Άνθη", country=said)["country"])


@pytest.mark.parametrize(
    ("said", "kept"), [("GR", "GR"), ("EL", "GR"), ("UK", "GB"), ("CH", "CH"), ("XK", "XK")]
)
def test_a_profile_keeps_a_country_by_its_code_in_iso_3166(said: str, kept: str) -> None:
    assert country_of(said) == kept


@pytest.mark.parametrize("said", ["XX", "ZZ", "EU", "XI", "AN", "gr", "G", "GRC", "GR\n", "ΕΛ", "", 30, None])
def test_what_is_no_country_is_refused_by_the_name_of_its_field(said: object) -> None:
    with pytest.raises(InvalidFields) as refused:
        country_of(said)
    assert [one["pointer"] for one in refused.value.errors] == ["/country"]


def test_the_countries_are_those_of_iso_3166_and_kosovo() -> None:
    listed = resources.files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text(encoding="utf-8")
    codes = {line[:2] for line in listed.splitlines() if not line.startswith("#")}
    assert codes | {"XK"} == countries.CODES
    assert codes >= tax.EU


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("094014201", "GR", "EL094014201"),
        ("el 094 014 201", "GR", "EL094014201"),
        ("GR094014201", "GR", "EL094014201"),
        ("DE 123456789", "DE", "DE123456789"),
        ("10259033p", "CY", "CY10259033P"),
        ("FRXX999999999", "FR", "FRXX999999999"),
        ("NL999999999B99", "NL", "NL999999999B99"),
        ("ESX9999999X", "ES", "ESX9999999X"),
        ("ATU99999999", "AT", "ATU99999999"),
        ("CHE-123.456.788", "CH", "CHE123456788"),
    ],
)
def test_a_vat_number_is_kept_in_one_form(text: str, country: str, expected: str) -> None:
    assert tax.vat_number(text, country) == expected


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("094014202", "GR"),
        ("000000000", "GR"),
        ("12345678", "GR"),
        ("DE12345678", "DE"),
        ("FR123456789012", "FR"),
        ("IT09401420100", "DE"),
        ("NL123456789012", "NL"),
        ("", "DE"),
        ("٠٩٤٠١٤٢٠١", "GR"),
    ],
)
def test_a_number_of_another_form_is_refused(text: str, country: str) -> None:
    with pytest.raises(BadVatNumber):
        tax.vat_number(text, country)


def test_every_member_state_has_a_form_and_no_other_country_has() -> None:
    assert len(tax.EU) == 27
    assert {"GR", "HR", "IE"} <= tax.EU
    assert not {"EL", "GB", "CH", "NO"} & tax.EU


def test_half_a_cent_is_rounded_up() -> None:
    assert tax.on_net(25, 200) == Amounts(25, 1, 26)
    assert tax.on_net(10_000, 2_400) == Amounts(10_000, 2_400, 12_400)


@given(CENTS, RATES)
def test_net_and_vat_are_the_gross_either_way(cents: int, rate: int) -> None:
    for amounts in (tax.on_net(cents, rate), tax.in_gross(cents, rate)):
        assert amounts.net + amounts.vat == amounts.gross
        assert amounts.vat >= 0


@given(CENTS, RATES)
def test_the_net_within_a_gross_is_the_net_that_it_was_made_of(net: int, rate: int) -> None:
    assert tax.in_gross(tax.on_net(net, rate).gross, rate).net == net


@given(CENTS, RATES, st.lists(st.integers(1, 10_000_000), max_size=6))
def test_all_refunds_together_are_the_order(net: int, rate: int, parts: list[int]) -> None:
    order, credit, before = tax.on_net(net, rate), net * 10_000, 0
    shares = []
    for part in [*parts, order.gross]:
        amount = min(part, order.gross - before)
        if amount:
            shares.append(refund_share(order, credit, before, amount))
            before += amount
    assert sum(share.amounts.net for share in shares) == order.net
    assert sum(share.amounts.vat for share in shares) == order.vat
    assert sum(share.credit for share in shares) == credit
    assert all(share.amounts.vat >= 0 and share.credit >= 0 for share in shares)
