"""The services as the gateway sees them: which calls it makes of each."""

from __future__ import annotations

from typing import Any

from flask import current_app

from contracts import errors
from servicekit import context

from .calls import Rpc, ServiceClient, command, read
from .gathering import Done, Gathering

SENDING_AT_ONCE = 2  # calls under way
SENDING_TOGETHER = 500  # messages a call, a request with more going alone


class Accounts(ServiceClient):
    """Accounts, keys, settings."""

    service = "accounts"
    ping = read("ping")
    authenticate = read()
    get_settings = read()
    update_settings = command()
    create_account = command()
    list_accounts = read()
    create_api_key = command()
    list_api_keys = read()
    revoke_api_key = command()


class Contacts(ServiceClient):
    """Contacts, groups, imports, blacklist."""

    service = "contacts"
    create_contact = command()
    get_contact = read()
    update_contact = command()
    delete_contact = command()
    list_contacts = read()
    record_consent = command()
    list_consents = read()
    bulk = command()
    get_bulk = read()
    list_bulk = read()
    undo_bulk = command()
    merge_contacts = command()
    list_merges = read()
    list_duplicates = read()
    get_merge = read()
    undo_merge = command()
    restore_contact = command()
    create_filter = command()
    get_filter = read()
    list_filters = read()
    update_filter = command()
    delete_filter = command()
    create_export = command()
    get_export = read()
    export_chunk = read()
    delete_export = command()
    list_audit = read()
    about_number = command()
    knows_number = read()
    erase_number = command("long")
    create_group = command()
    get_group = read()
    list_groups = read()
    update_group = command()
    delete_group = command()
    add_members = command()
    remove_members = command()
    create_import = command()
    append_import = command()
    analyse_import = command()
    create_import_text = command()
    get_import = read()
    list_imports = read()
    update_import = command()
    commit_import = command()
    cancel_import = command()
    import_rejects = read()
    import_template = read()
    suppress = command()
    suppress_text = command()
    unsuppress = command()
    list_suppressed = read()
    list_opt_outs = read()
    approve_opt_out = command()
    reject_opt_out = command()
    opt_out_settings = read()
    update_opt_out_settings = command()
    unsubscribe_page = read()
    unsubscribe = read()  # again, it changes nothing
    undo_unsubscribe = command()


class Campaigns(ServiceClient):
    """Campaigns from draft to finished."""

    service = "campaigns"
    create = command()
    get = read()
    list = read()
    update = command()
    delete = command()
    preflight = read("long")
    start = command()
    schedule = command()
    unschedule = command()
    pause = command()
    resume = command()
    cancel = command()
    create_template = command()
    get_template = read()
    list_templates = read()
    update_template = command()
    delete_template = command()


class Dispatcher(ServiceClient):
    """Messages, exports, connectors, routes."""

    service = "dispatcher"
    accept_all = command()
    message = read()
    messages = read()
    cancel_message = command()
    create_export = command()
    get_export = read()
    export_chunk = read()
    delete_export = command()
    create_connector = command()
    list_connectors = read()
    get_connector = read()
    update_connector = command()
    create_route = command()
    list_routes = read()
    delete_route = command()
    overview = read()

    def __init__(self, rpc: Rpc) -> None:
        """Requests to send that arrive meanwhile go together."""
        super().__init__(rpc)
        self._sending = Gathering(
            lambda asked: self.accept_all(list(asked)), SENDING_AT_ONCE, SENDING_TOGETHER
        )

    def accept(
        self, account_id: int, messages: list[dict[str, Any]], all_or_nothing: bool, key: str | None
    ) -> dict[str, Any]:
        """Accept messages sent directly. Raises what the dispatcher has against this request."""
        answer = self._sending(_asked(account_id, messages, all_or_nothing, key), len(messages))
        if refusal := _refusal(answer):
            raise refusal
        accepted: dict[str, Any] = answer["answer"]
        return accepted

    def accept_soon(self, account_id: int, message: dict[str, Any], key: str | None, done: Done) -> None:
        """Accept one message and tell ``done`` in another thread, with what ``accept`` returns or raises."""

        def answered(answer: Any, error: BaseException | None) -> None:
            failure = error or _refusal(answer)
            done(None if failure else answer["answer"], failure)

        self._sending.submit(_asked(account_id, [message], False, key), 1, answered)


def _asked(
    account_id: int, messages: list[dict[str, Any]], all_or_nothing: bool, key: str | None
) -> dict[str, Any]:
    return {
        "account_id": account_id, "messages": messages, "all_or_nothing": all_or_nothing, "key": key,
        "actor": context.actor(),
    }  # fmt: skip


def _refusal(answer: dict[str, Any]) -> errors.KeryxError | None:
    return errors.from_data(answer["error"]) if "error" in answer else None


class Billing(ServiceClient):
    """Money."""

    service = "billing"
    topup = command()
    balance = read()
    ledger = read()
    quote = read()
    money_of = read()
    list_prices = read()
    set_prices = command()
    import_prices = command("long")
    export_prices = read("long")
    price_history = read()
    correct = command()
    credit = read()
    set_credit_limit = command()
    spend_limits = read()
    set_spend_limit = command()
    begin_spending = command()
    create_export = command()
    get_export = read()
    export_chunk = read()
    delete_export = command()
    check_spending = read()
    audit = read()
    books = read("long")
    set_costs = command()
    list_costs = read()
    cost_history = read()
    import_costs = command("long")
    export_costs = read("long")
    margin = read("long")
    export_margin = read("long")
    order_options = read()
    create_order = command()
    pay_order = command()
    cancel_order = command()
    get_order = read()
    list_orders = read()
    receipt_pdf = read()
    get_billing_profile = read()
    put_billing_profile = command()
    add_package = command()
    retire_package = command()
    refund_order = command()
    resolve_refund = command()
    list_deposits = read()
    confirm_deposit = command()
    dismiss_deposit = command()
    reverse_deposit = command()
    import_statement = command("long")
    get_statement = read()
    list_statements = read()
    put_statement_profile = command()
    list_statement_profiles = read()
    make_vouchers = command("long")
    list_vouchers = read()
    voucher_uses = read()
    revoke_vouchers = command()
    redeem_voucher = command()
    payment_webhook = command()
    payment_webhook_key = read()
    payment_returned = command()


class Notifier(ServiceClient):
    """Notices of accounts."""

    service = "notifier"
    notices = read()
    unread_notices = read()
    read_notice = read()  # again, it changes nothing
    read_notices = command()


class Services:
    """All clients over one set of pools."""

    def __init__(self, rpc: Rpc) -> None:
        """Nothing is called yet."""
        self.accounts = Accounts(rpc)
        self.contacts = Contacts(rpc)
        self.campaigns = Campaigns(rpc)
        self.dispatcher = Dispatcher(rpc)
        self.billing = Billing(rpc)
        self.notifier = Notifier(rpc)


def services() -> Services:
    """The services, from within a request."""
    found: Services = current_app.extensions["keryx_services"]
    return found
