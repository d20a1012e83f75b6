"""``/orders``, ``/billing-profile``, ``/vouchers/redeem``."""

from __future__ import annotations

import base64
from typing import Any

from flask import Response

from gateway import auth, etag
from gateway.api.resource import CONDITIONAL, IDEMPOTENT, Resource
from gateway.clients import services
from gateway.download import attachment
from gateway.paging import page_of
from gateway.request import idempotency_key

from .schemas import orders as shapes

resource = Resource("orders", description="Buying credit: orders, receipts, vouchers")

PDF = "application/pdf"


@resource.route("/orders/options")
@resource.response(200, shapes.OrderOptions)
def options() -> Any:
    """Methods of payment, bounds of a free amount, packages."""
    return services().billing.order_options()


@resource.route("/orders", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(shapes.NewOrder)
@resource.response(201, shapes.Order)
def create_order(data: dict[str, Any]) -> Any:
    """Order credit; with a method the answer says how to pay."""
    return services().billing.create_order(
        auth.account_id(), data.get("amount"), data.get("package"), data["method"], idempotency_key()
    )


@resource.route("/orders")
@resource.arguments(shapes.OrdersArgs, location="query")
@resource.response(200, page_of(shapes.OrderSummary))
def list_orders(args: dict[str, Any]) -> Any:
    """Orders, newest first."""
    return services().billing.list_orders(auth.account_id(), **args)


@resource.route("/orders/<id:order_id>")
@resource.response(200, shapes.Order)
def get_order(order_id: int) -> Any:
    """One order: its state, how to pay it, its receipts."""
    return services().billing.get_order(auth.account_id(), order_id)


@resource.route("/orders/<id:order_id>/pay", methods=["POST"])
@resource.arguments(shapes.Pay)
@resource.response(200, shapes.Order)
def pay_order(data: dict[str, Any], order_id: int) -> Any:
    """Say how it will be paid; again, or otherwise, as long as it is not paid."""
    return services().billing.pay_order(auth.account_id(), order_id, data["method"])


@resource.route("/orders/<id:order_id>/cancel", methods=["POST"])
@resource.response(200, shapes.Order)
def cancel_order(order_id: int) -> Any:
    """Cancel an order that was not paid."""
    return services().billing.cancel_order(auth.account_id(), order_id)


@resource.route("/orders/<id:order_id>/receipt.pdf")
@resource.arguments(shapes.ReceiptArgs, location="query")
@resource.response(200, content_type=PDF, description="A PDF")
def receipt(args: dict[str, Any], order_id: int) -> Response:
    """The receipt of a paid order, in Greek or English."""
    return _pdf(services().billing.receipt_pdf(auth.account_id(), order_id, args["locale"]))


@resource.route("/orders/<id:order_id>/receipts/<id:receipt_id>.pdf")
@resource.arguments(shapes.ReceiptArgs, location="query")
@resource.response(200, content_type=PDF, description="A PDF")
def credit_note(args: dict[str, Any], order_id: int, receipt_id: int) -> Response:
    """One of the order's `receipts`: the credit note of a refund too."""
    return _pdf(services().billing.receipt_pdf(auth.account_id(), order_id, args["locale"], receipt_id))


@resource.route("/billing-profile")
@resource.response(200, shapes.BillingProfile)
def get_billing_profile() -> Any:
    """Who receipts are made out to."""
    return etag.tagged(services().billing.get_billing_profile(auth.account_id()))


@resource.route("/billing-profile", methods=["PUT"])
@resource.doc(**CONDITIONAL)
@resource.arguments(shapes.BillingProfile)
@resource.response(200, shapes.BillingProfile)
def put_billing_profile(data: dict[str, Any]) -> Any:
    """Replace it; orders that were made keep theirs."""
    return etag.tagged(
        services().billing.put_billing_profile(auth.account_id(), data, etag.expected_version())
    )


@resource.route("/vouchers/redeem", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(shapes.VoucherCode)
@resource.response(200, shapes.RedeemedVoucher)
def redeem_voucher(data: dict[str, Any]) -> Any:
    """Turn a voucher into credit; after ten wrong codes in a quarter of an hour it is 429."""
    return services().billing.redeem_voucher(auth.account_id(), data["code"], idempotency_key())


def _pdf(found: dict[str, Any]) -> Response:
    return attachment(base64.b64decode(found["data_b64"]), found["filename"], PDF)
