"""Orders, payments and vouchers as clients and operators see them. Prices are euro with two decimals."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from gateway.fields import Id, Money, Time
from gateway.paging import PageArgs

from .common import string

MICRO_A_CENT = 10_000
STATES = ("draft", "awaiting_payment", "paid", "partly_refunded", "refunded", "expired", "cancelled")
DEPOSIT_STATES = ("received", "credited", "review", "ignored", "dismissed")
METHOD = validate.Regexp(
    r"\A[a-z]{2,20}\Z", error="Not a valid method: bank, or a name from /orders/options."
)
COUNTRY = validate.Regexp(r"\A[A-Z]{2}\Z", error="Not a valid country: two capitals (ISO 3166), as GR.")
SLUG = validate.Regexp(r"\A[a-z0-9][a-z0-9_-]{0,39}\Z", error="Not a valid name: up to 40 of a-z 0-9 - _.")
ENCODINGS = ("utf-8-sig", "cp1253", "iso8859-7", "utf-16")


class Cents(Money):
    """A decimal string in euro with at most two decimals outside, whole cents inside."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return super()._serialize(None if value is None else int(value) * MICRO_A_CENT, attr, obj, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        micro = int(super()._deserialize(value, attr, data, **kwargs))
        if micro % MICRO_A_CENT or not micro:
            raise ValidationError('Not a valid amount: more than nothing, in whole cents, as "12.50".')
        return micro // MICRO_A_CENT


class Percent(fields.Field[Any]):
    """Basis points as a decimal string: "24", "6.5"."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str:
        return f"{value // 100}.{value % 100:02d}".rstrip("0").rstrip(".")


class Package(Schema):
    """Credit at a price of its own; `net` is without VAT."""

    id = Id()
    name_el = fields.String()
    name_en = fields.String()
    net = Cents(attribute="net_cents")
    credit = Money()


class OrderOptions(Schema):
    """What can be bought and how it can be paid; `min` and `max` bound a free net amount."""

    methods = fields.List(fields.String())
    min = Cents(attribute="min_cents")
    max = Cents(attribute="max_cents")
    currency = fields.String()
    packages = fields.List(fields.Nested(Package))


class NewOrder(Schema):
    """A free amount without VAT, or a package; with a method it waits for its payment at once."""

    amount = Cents(metadata={"description": "Net: VAT comes on top"})
    package = Id()
    method = fields.String(load_default=None, allow_none=True, validate=METHOD)

    @validates_schema
    def _one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if ("amount" in data) == ("package" in data):
            raise ValidationError("Give either an amount or a package.")


class Pay(Schema):
    """How the order is paid."""

    method = fields.String(required=True, validate=METHOD, metadata={"example": "bank"})


class BankTransfer(Schema):
    """Where to pay; the reference must stand in the transfer's remittance information."""

    iban = fields.String()
    holder = fields.String()
    bank = fields.String()
    bic = fields.String()
    reference = fields.String(metadata={"description": "RF creditor reference, ISO 11649"})
    reference_printed = fields.String()


class Buyer(Schema):
    """Who the receipt is made out to, as it was when the order was made."""

    name = fields.String()
    address = fields.String()
    city = fields.String()
    postcode = fields.String()
    country = fields.String()
    vat_number = fields.String(allow_none=True)
    tax_office = fields.String(allow_none=True)
    email = fields.String(allow_none=True)


class IssuedReceipt(Schema):
    """A receipt, or the credit note of a refund."""

    id = Id()
    kind = fields.String()
    number = fields.String()
    gross = Cents(attribute="gross_cents")
    issued_at = Time()


class Refund(Schema):
    """Money given back: requested, done, failed, or in_doubt while the provider's answer is not known."""

    id = Id()
    amount = Cents(attribute="amount_cents")
    state = fields.String()
    reason = fields.String()
    error = fields.String(allow_none=True)
    created_at = Time()


class OrderInvoice(Schema):
    """Whether a legal invoice was issued, and why not."""

    issued = fields.Boolean()
    reason = fields.String(allow_none=True)
    detail = fields.String(allow_none=True)
    mark = fields.String(allow_none=True)


class OrderSummary(Schema):
    """An order in a list. `credit` is what the balance gets when it is paid."""

    id = Id()
    state = fields.String()
    method = fields.String(allow_none=True)
    package = Id(attribute="package_id", allow_none=True)
    net = Cents(attribute="net_cents")
    vat = Cents(attribute="vat_cents")
    gross = Cents(attribute="gross_cents")
    vat_rate = Percent(metadata={"description": "Per cent"})
    vat_treatment = fields.String(metadata={"description": "domestic, reverse_charge or outside_eu"})
    credit = Money()
    currency = fields.String()
    refunded = Cents(attribute="refunded_cents")
    created_at = Time()
    expires_at = Time()
    paid_at = Time(allow_none=True)


class Order(OrderSummary):
    """An order: `pay_url` or `bank` says how to pay it while it waits for that."""

    pay_url = fields.String(allow_none=True)
    bank = fields.Nested(BankTransfer, allow_none=True)
    buyer = fields.Nested(Buyer)
    receipts = fields.List(fields.Nested(IssuedReceipt))
    refunds = fields.List(fields.Nested(Refund))
    invoice = fields.Nested(OrderInvoice, allow_none=True)


class OrdersArgs(PageArgs):
    """Which orders: `from` ≤ made < `until`."""

    state = fields.String(load_default=None, validate=validate.OneOf(STATES))
    since = Time(data_key="from", load_default=None)
    until = Time(load_default=None)


class ReceiptArgs(Schema):
    """In which language; without it the order's."""

    locale = fields.String(load_default=None, data_key="lang", validate=validate.OneOf(("el", "en")))


class BillingProfile(Schema):
    """Who receipts are made out to; country and VAT number decide which VAT new orders have."""

    name = string(200, 1, required=True)
    address = string(200, load_default="")
    city = string(100, load_default="")
    postcode = string(20, load_default="")
    country = fields.String(required=True, validate=COUNTRY, metadata={"example": "GR"})
    vat_number = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=30))
    tax_office = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=100))
    email = fields.Email(load_default=None, allow_none=True)


class VoucherCode(Schema):
    """A code as it was typed."""

    code = string(100, 1, required=True)


class RedeemedVoucher(Schema):
    """What it brought."""

    amount = Money()
    currency = fields.String()


class OperatorOrdersArgs(OrdersArgs):
    """Which orders, of all accounts or of one."""

    account_id = Id(load_default=None)


class OperatorOrder(OrderSummary):
    """An order with its account."""

    account_id = Id()


class OperatorOrderDetail(Order):
    """An order with its account, its receipts and its refunds."""

    account_id = Id()


class NewRefund(Schema):
    """How much of what was paid goes back (without it, all that is left), and why."""

    amount = Cents(load_default=None, allow_none=True)
    reason = string(500, 1, required=True)


class RefundOutcome(Schema):
    """What the provider's own pages say of a refund in doubt."""

    refunded = fields.Boolean(required=True)


class NewPackage(Schema):
    """A package to sell; without `credit` it is worth its net price."""

    name_el = string(100, 1, required=True)
    name_en = string(100, 1, required=True)
    net_cents = Cents(required=True, data_key="net")
    credit = Money(load_default=None, allow_none=True)


class DepositsArgs(PageArgs):
    """Which payments; by default those that wait for a person."""

    state = fields.String(load_default="review", allow_none=True, validate=validate.OneOf(DEPOSIT_STATES))
    provider = fields.String(load_default=None, validate=METHOD)


class Deposit(Schema):
    """A payment of any kind that came in; `reason` says why it is under review."""

    id = Id()
    provider = fields.String()
    transaction_id = fields.String()
    state = fields.String()
    reason = fields.String(allow_none=True)
    amount = Cents(attribute="amount_cents")
    currency = fields.String()
    order_id = Id(allow_none=True)
    reference = fields.String(allow_none=True)
    payer = fields.String(allow_none=True)
    text = fields.String(allow_none=True)
    booked_on = fields.String(allow_none=True)
    statement_id = Id(allow_none=True)
    note = fields.String(allow_none=True)
    received_at = Time()


class ConfirmDeposit(Schema):
    """For an order of exactly that amount, or for an account by an order over what came."""

    order_id = Id()
    account_id = Id()
    note = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=500))

    @validates_schema
    def _one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if ("order_id" in data) == ("account_id" in data):
            raise ValidationError("Give either an order or an account.")


class DepositNote(Schema):
    """Why."""

    note = string(500, 1, required=True)


class BankStatement(Schema):
    """An import and what came of the lines that it was first to bring; `waiting` ones are being looked at."""

    id = Id()
    filename = fields.String()
    format = fields.String()
    lines = fields.Integer()
    duplicates = fields.Integer()
    credited = fields.Integer()
    review = fields.Integer()
    ignored = fields.Integer()
    dismissed = fields.Integer()
    waiting = fields.Integer()
    created_at = Time()


class CsvProfile(Schema):
    """How a bank's CSV is read: columns by their heading, `amount` or `credit` and `debit`."""

    account = string(34, 1, required=True)
    booked_on = string(100, 1, required=True)
    text = fields.List(string(100, 1), required=True, validate=validate.Length(1, 10))
    amount = fields.String(load_default=None, allow_none=True)
    credit = fields.String(load_default=None, allow_none=True)
    debit = fields.String(load_default=None, allow_none=True)
    payer = fields.String(load_default=None, allow_none=True)
    bank_reference = fields.String(load_default=None, allow_none=True)
    currency = fields.String(load_default=None, allow_none=True)
    encoding = fields.String(load_default="utf-8-sig", validate=validate.OneOf(ENCODINGS))
    delimiter = fields.String(load_default=";", validate=validate.OneOf((";", ",", "\t", "|")))
    decimal = fields.String(load_default=",", validate=validate.OneOf((",", ".")))
    date_format = string(30, 1, load_default="%d/%m/%Y")
    skip = fields.Integer(load_default=0, validate=validate.Range(0, 100))


class NamedCsvProfile(CsvProfile):
    """A profile with its name."""

    name = fields.String()


class NewVouchers(Schema):
    """Vouchers to make: each code credits `value` to each account that redeems it, `max_uses` accounts at most."""

    name = string(100, 1, required=True)
    value = Money(required=True)
    codes = fields.Integer(required=True, validate=validate.Range(1, 10_000))
    max_uses = fields.Integer(load_default=1, validate=validate.Range(1, 1_000_000))
    expires_at = Time(load_default=None, allow_none=True)


class VoucherBatch(Schema):
    """A batch of vouchers and how often they were used."""

    id = Id()
    name = fields.String()
    value = Money()
    codes = fields.Integer()
    max_uses = fields.Integer()
    uses = fields.Integer()
    expires_at = Time(allow_none=True)
    revoked_at = Time(allow_none=True)
    created_at = Time()


class MadeVouchers(VoucherBatch):
    """A batch with the only sight of its codes (null when the request was a repeated one)."""

    secrets = fields.List(fields.String(), allow_none=True)


class VoucherUse(Schema):
    """Who redeemed a code, known by its last four characters."""

    id = Id()
    hint = fields.String()
    account_id = Id()
    used_at = Time()
