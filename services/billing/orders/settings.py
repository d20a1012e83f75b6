"""What an installation says about selling: limits, deadlines, its bank account, itself. From KERYX_<NAME>."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class OrderSettings:
    """Net cents of a free amount, how long an order waits, the rate of VAT at home in basis points."""

    order_min_cents: int = 500
    order_max_cents: int = 1_000_000
    order_bank_days: int = 30
    order_card_hours: int = 48
    vat_rate: int = 2_400


@dataclass(frozen=True)
class BankSettings:
    """Where deposits go; without an IBAN the method ``bank`` is not offered."""

    bank_iban: str = ""
    bank_holder: str = ""
    bank_name: str = ""
    bank_bic: str = ""


@dataclass(frozen=True)
class SellerSettings:
    """Who writes the receipts, as it stands on them."""

    seller_name: str = "Keryx"
    seller_address: str = ""
    seller_vat_number: str = ""
    seller_tax_office: str = ""
    seller_email: str = ""


@dataclass(frozen=True)
class Shop:
    """All of it."""

    orders: OrderSettings = field(default_factory=OrderSettings)
    bank: BankSettings = field(default_factory=BankSettings)
    seller: SellerSettings = field(default_factory=SellerSettings)
