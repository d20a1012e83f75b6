"""``/operator/orders``, ``deposits``, ``statements``, ``packages``, ``vouchers``: the back office of payments."""

from __future__ import annotations

from typing import Any

from flask import request

from gateway import auth
from gateway.api.resource import IDEMPOTENT, Resource, no_content
from gateway.clients import services
from gateway.paging import PageArgs, page_of
from gateway.request import idempotency_key
from gateway.upload import uploaded

from .schemas import orders as shapes

resource = Resource("deposits", scope="operator", description="Orders and payments for the operator")

MAX_STATEMENT = 4 * 2**20

UPLOAD_DOC = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "At most 4 MiB"},
                        "format": {"type": "string", "enum": ["camt053", "csv"], "default": "camt053"},
                        "profile": {"type": "string", "description": "Of a CSV: how it is read"},
                    },
                }
            }
        },
    }
}


@resource.route("/operator/orders")
@resource.arguments(shapes.OperatorOrdersArgs, location="query")
@resource.response(200, page_of(shapes.OperatorOrder))
def list_all_orders(args: dict[str, Any]) -> Any:
    """Orders of all accounts, newest first."""
    return services().billing.list_orders(**args)


@resource.route("/operator/orders/<id:order_id>")
@resource.response(200, shapes.OperatorOrderDetail)
def get_any_order(order_id: int) -> Any:
    """One order of any account, with its receipts and its refunds."""
    return services().billing.get_order(None, order_id)


@resource.route("/operator/orders/<id:order_id>/refund", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(shapes.NewRefund)
@resource.response(201, shapes.Refund)
def refund_order(data: dict[str, Any], order_id: int) -> Any:
    """Give a paid order back, or a part of it: its credit leaves the balance, its money goes back by the provider.

    A bank deposit is given back by your own transfer.
    """
    return services().billing.refund_order(order_id, data["amount"], data["reason"], idempotency_key())


@resource.route("/operator/refunds/<id:refund_id>/resolve", methods=["POST"])
@resource.arguments(shapes.RefundOutcome)
@resource.response(200, shapes.Refund)
def resolve_refund(data: dict[str, Any], refund_id: int) -> Any:
    """Say what became of a refund in doubt, after a look at the provider's own pages."""
    return services().billing.resolve_refund(refund_id, data["refunded"])


@resource.route("/operator/deposits")
@resource.arguments(shapes.DepositsArgs, location="query")
@resource.response(200, page_of(shapes.Deposit))
def list_deposits(args: dict[str, Any]) -> Any:
    """Payments of every kind by state, newest first; by default those that wait for a person."""
    return services().billing.list_deposits(**args)


@resource.route("/operator/deposits/<id:deposit_id>/confirm", methods=["POST"])
@resource.arguments(shapes.ConfirmDeposit)
@resource.response(200, shapes.Deposit)
def confirm_deposit(data: dict[str, Any], deposit_id: int) -> Any:
    """Credit a payment under review."""
    account_id = data.get("account_id")
    if account_id is not None:
        services().accounts.get_settings(account_id)  # billing would open books for anybody
    return services().billing.confirm_deposit(deposit_id, data.get("order_id"), account_id, data["note"])


@resource.route("/operator/deposits/<id:deposit_id>/dismiss", methods=["POST"])
@resource.arguments(shapes.DepositNote)
@resource.response(200, shapes.Deposit)
def dismiss_deposit(data: dict[str, Any], deposit_id: int) -> Any:
    """Take a payment off the list without crediting it: it was sent back, or is about something else."""
    return services().billing.dismiss_deposit(deposit_id, data["note"])


@resource.route("/operator/deposits/<id:deposit_id>/reverse", methods=["POST"])
@resource.arguments(shapes.DepositNote)
@resource.response(200, shapes.Deposit)
def reverse_deposit(data: dict[str, Any], deposit_id: int) -> Any:
    """Take back what a bank deposit credited; it is under review again, to be confirmed for whom it was."""
    return services().billing.reverse_deposit(deposit_id, data["note"])


@resource.route("/operator/statements", methods=["POST"])
@resource.doc(**UPLOAD_DOC)
@resource.response(201, shapes.BankStatement)
def import_statement() -> Any:
    """Import a bank statement; the same or an overlapping one again brings only what is new."""
    data = uploaded(MAX_STATEMENT)
    statement = {
        "data_b64": data,
        "format": request.form.get("format", "camt053"),
        "profile": request.form.get("profile"),
        "filename": _shown_name(request.files["file"].filename),
        "imported_by": f"key:{auth.identity().key_id}",
    }
    return services().billing.import_statement(statement)


@resource.route("/operator/statements")
@resource.arguments(PageArgs, location="query")
@resource.response(200, page_of(shapes.BankStatement))
def list_statements(args: dict[str, Any]) -> Any:
    """Imports, newest first."""
    return services().billing.list_statements(**args)


@resource.route("/operator/statements/<id:statement_id>")
@resource.response(200, shapes.BankStatement)
def get_statement(statement_id: int) -> Any:
    """What came of an import."""
    return services().billing.get_statement(statement_id)


@resource.route("/operator/statement-profiles")
@resource.response(200, page_of(shapes.NamedCsvProfile))
def list_statement_profiles() -> Any:
    """How CSV statements are read, by name."""
    return services().billing.list_statement_profiles()


@resource.route("/operator/statement-profiles/<string(maxlength=40):profile>", methods=["PUT"])
@resource.arguments(shapes.CsvProfile)
@resource.response(200, shapes.NamedCsvProfile)
def put_statement_profile(data: dict[str, Any], profile: str) -> Any:
    """Say how a bank's CSV is read."""
    return services().billing.put_statement_profile(profile, data)


@resource.route("/operator/packages", methods=["POST"])
@resource.arguments(shapes.NewPackage)
@resource.response(201, shapes.Package)
def add_package(data: dict[str, Any]) -> Any:
    """Sell a package from now on."""
    return services().billing.add_package(data)


@resource.route("/operator/packages/<id:package_id>", methods=["DELETE"])
@resource.response(204)
def retire_package(package_id: int) -> Any:
    """Sell it no more; orders that were made keep it."""
    services().billing.retire_package(package_id)
    return no_content()


@resource.route("/operator/vouchers", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(shapes.NewVouchers)
@resource.response(201, shapes.MadeVouchers)
def make_vouchers(data: dict[str, Any]) -> Any:
    """Make a batch of vouchers; the codes are shown this once."""
    return services().billing.make_vouchers(data, idempotency_key())


@resource.route("/operator/vouchers")
@resource.arguments(PageArgs, location="query")
@resource.response(200, page_of(shapes.VoucherBatch))
def list_vouchers(args: dict[str, Any]) -> Any:
    """Batches, newest first, and how often they were used."""
    return services().billing.list_vouchers(**args)


@resource.route("/operator/vouchers/<id:batch_id>/uses")
@resource.arguments(PageArgs, location="query")
@resource.response(200, page_of(shapes.VoucherUse))
def voucher_uses(args: dict[str, Any], batch_id: int) -> Any:
    """Who redeemed codes of a batch."""
    return services().billing.voucher_uses(batch_id, **args)


@resource.route("/operator/vouchers/<id:batch_id>/revoke", methods=["POST"])
@resource.response(200, shapes.VoucherBatch)
def revoke_vouchers(batch_id: int) -> Any:
    """Take a batch out of use; what was redeemed stays."""
    return services().billing.revoke_vouchers(batch_id)


def _shown_name(filename: str | None) -> str:
    """A file's name as one line that is not too long."""
    name = "".join(character for character in filename or "" if character.isprintable())
    return name[-200:] or "statement"
