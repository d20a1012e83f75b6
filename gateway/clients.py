"""The services as the gateway sees them: which calls it makes, how long each may take, which may be repeated.

A call runs on a pool of ``servicekit.rpcclient.Client``: one is not safe for threads, and one that timed out
or lost its connection is of no use any more (measured), so that one is closed.
"""

from __future__ import annotations

import threading
from typing import Any

# Imported here, so in the main thread: eventlet, which it brings, makes a copy of the threading module when it is
# imported, and in another thread that copy takes over the thread's end, which nobody then can wait for.
import nameko.standalone.rpc  # noqa: F401
from flask import current_app
from nameko.exceptions import RpcTimeout, UnknownService

from contracts import errors
from contracts.errors import Unavailable
from servicekit import context, crashpoints
from servicekit.rpcclient import Client

from .gathering import Done, Gathering
from .settings import GatewaySettings

PING_TIMEOUT = 2.0
SENDING_AT_ONCE = 2  # calls under way
SENDING_TOGETHER = 500  # messages a call, a request with more going alone


class Pool:
    """Clients of one time-out, used by one thread at a time, at most ``keep`` of them kept idle."""

    def __init__(self, amqp_uri: str, timeout: float, keep: int = 16) -> None:
        """Nothing is connected yet."""
        self._amqp_uri, self._timeout, self._keep = amqp_uri, timeout, keep
        self._idle: list[Client] = []
        self._lock = threading.Lock()

    def call(self, service: str, method: str, *args: Any, repeatable: bool, **kwargs: Any) -> Any:
        """The method's result. What a broken connection fails is tried once more if it is ``repeatable``.

        Raises the service's KeryxError, Unavailable("service_unavailable"), Unexpected.
        """
        try:
            return self._once(service, method, args, kwargs)
        except Unavailable as error:
            # Had it timed out, a second wait would only make the caller give up.
            if not repeatable or not _connection_broke(error):
                raise
        return self._once(service, method, args, kwargs)

    def _once(self, service: str, method: str, args: Any, kwargs: Any) -> Any:
        client = self._take()
        try:
            result = client.call(service, method, *args, **kwargs)
            crashpoints.reach(f"gateway.{service}.{method}")
        except Unavailable as error:
            if _connection_broke(error):
                self.close()  # the broker went away: the idle ones are broken as well
            client.close()
            raise
        except BaseException:
            self._give_back(client)
            raise
        self._give_back(client)
        return result

    def _take(self) -> Client:
        with self._lock:
            return self._idle.pop() if self._idle else Client(self._amqp_uri, self._timeout)

    def _give_back(self, client: Client) -> None:
        with self._lock:
            if len(self._idle) < self._keep:
                self._idle.append(client)
                return
        client.close()

    def close(self) -> None:
        """Close what is idle; the next call makes a new connection."""
        with self._lock:
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()


def _connection_broke(error: Unavailable) -> bool:
    cause = error.__cause__
    return cause is not None and not isinstance(cause, (RpcTimeout, UnknownService))


class Rpc:
    """Pools by time-out."""

    def __init__(self, settings: GatewaySettings) -> None:
        """Three waits: a usual call, a long one (pre-flight reads the whole audience), a ping."""
        waits = {"usual": settings.rpc_timeout, "long": settings.preflight_timeout, "ping": PING_TIMEOUT}
        self._pools = {name: Pool(settings.amqp_uri, seconds) for name, seconds in waits.items()}

    def call(self, wait: str, repeatable: bool, service: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call on the pool named by ``wait``."""
        return self._pools[wait].call(service, method, *args, repeatable=repeatable, **kwargs)


class _Call:
    """A method of a service, declared in its client class by ``read`` or ``command``."""

    def __init__(self, repeatable: bool, wait: str) -> None:
        self._repeatable, self._wait = repeatable, wait

    def __set_name__(self, owner: type, name: str) -> None:
        self._method = name

    def __get__(self, client: ServiceClient, owner: type) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            return client.rpc.call(
                self._wait, self._repeatable, client.service, self._method, *args, **kwargs
            )

        return call


def read(wait: str = "usual") -> Any:
    """A question: it changes nothing, so a broken connection is tried once more."""
    return _Call(True, wait)


def command(wait: str = "usual") -> Any:
    """A change: never repeated by us; the caller repeats it under its Idempotency-Key."""
    return _Call(False, wait)


class ServiceClient:
    """Base: calls of one service."""

    service = ""

    def __init__(self, rpc: Rpc) -> None:
        """Call through ``rpc``."""
        self.rpc = rpc


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
