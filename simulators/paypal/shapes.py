"""How PayPal writes orders, captures, refunds and failures (OpenAPI of paypal/paypal-rest-api-specifications)."""

import secrets
from typing import Any

from simulators import httpwire
from simulators.paypal.store import Capture, Order, Refund, money

FEE_CENTS = 35


def order(found: Order, base: str) -> dict[str, Any]:
    """The representation of an order."""
    payments: dict[str, Any] = {}
    if found.captures:
        payments["captures"] = [capture(each, found, base) for each in found.captures]
    if found.refunds:
        payments["refunds"] = [refund(each, base) for each in found.refunds]
    unit = {**found.unit, "amount": money(found.amount, found.currency)}
    return {
        **minimal(found, base),
        "intent": "CAPTURE",
        "create_time": found.created,
        "purchase_units": [{**unit, **({"payments": payments} if payments else {})}],
    }


def minimal(found: Order, base: str) -> dict[str, Any]:
    """What Prefer: return=minimal leaves of an order."""
    own = f"{base}/v2/checkout/orders/{found.id}"
    page = f"{base}/checkoutnow?token={found.id}"
    return {
        "id": found.id,
        "status": found.status,
        "links": [
            {"href": own, "rel": "self", "method": "GET"},
            {"href": page, "rel": "payer-action", "method": "GET"},
        ],
    }


def capture(found: Capture, of: Order, base: str) -> dict[str, Any]:
    """A capture; its net amount is what is left after the fee."""
    own = f"{base}/v2/payments/captures/{found.id}"
    shown = {
        "id": found.id,
        "status": found.status,
        "amount": money(found.amount, found.currency),
        "final_capture": True,
        "custom_id": of.unit.get("custom_id"),
        "invoice_id": of.unit.get("invoice_id"),
        "seller_receivable_breakdown": {
            "gross_amount": money(found.amount, found.currency),
            "paypal_fee": money(FEE_CENTS, found.currency),
            "net_amount": money(max(0, found.amount - FEE_CENTS), found.currency),
        },
        "supplementary_data": {"related_ids": {"order_id": of.id}},
        "create_time": found.created,
        "update_time": found.created,
        "links": [
            {"href": own, "rel": "self", "method": "GET"},
            {"href": f"{own}/refund", "rel": "refund", "method": "POST"},
            {"href": f"{base}/v2/checkout/orders/{of.id}", "rel": "up", "method": "GET"},
        ],
    }
    if found.status == "PENDING":
        shown["status_details"] = {"reason": "PENDING_REVIEW"}
    return {name: value for name, value in shown.items() if value is not None}


def refund(found: Refund, base: str) -> dict[str, Any]:
    """A refund; the link `up` leads to its capture."""
    return {
        "id": found.id,
        "status": "COMPLETED",
        "amount": money(found.amount, found.currency),
        "create_time": found.created,
        "links": [
            {"href": f"{base}/v2/payments/refunds/{found.id}", "rel": "self", "method": "GET"},
            {"href": f"{base}/v2/payments/captures/{found.capture}", "rel": "up", "method": "GET"},
        ],
    }


def failure(status: int, name: str, issue: str = "", description: str = "") -> bytes:
    """PayPal's envelope of an error."""
    details = [{"issue": issue, "description": description or issue}] if issue else []
    body = {
        "name": name,
        "message": description or name,
        "debug_id": secrets.token_hex(7),
        "details": details,
    }
    return httpwire.json_answer(status, {**body, "links": []})


def unprocessable(issue: str, description: str = "") -> bytes:
    """422 with an issue."""
    return failure(422, "UNPROCESSABLE_ENTITY", issue, description)
