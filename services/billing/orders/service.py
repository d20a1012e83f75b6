"""Entry points of orders; a part of BillingService."""

from __future__ import annotations

from typing import Any

from nameko.extensions import DependencyProvider

from servicekit import settings
from servicekit.service import every, rpc

from ..payments import checkout, collect, importing, refunds, registry
from ..schemas import before, load
from . import ordering, profiles, queries, schemas
from .settings import BankSettings, OrderSettings, SellerSettings, Shop


class ShopSettings(DependencyProvider):
    """What the environment says about selling, read once."""

    def setup(self) -> None:
        """Read it. Ends the process with one sentence when something is unreadable."""
        self._shop = Shop(
            settings.read(OrderSettings), settings.read(BankSettings), settings.read(SellerSettings)
        )

    def get_dependency(self, worker_ctx: Any) -> Shop:
        """The same for every worker."""
        return self._shop


class Providers(DependencyProvider):
    """The payment providers whose credentials are in the environment."""

    def setup(self) -> None:
        """Make them. Ends the process with one sentence for half a set of credentials."""
        self._registry = registry.from_environment()

    def get_dependency(self, worker_ctx: Any) -> registry.Registry:
        """The same for every worker."""
        return self._registry


class OrderCalls:
    """Orders, packages, billing profiles, receipts."""

    db: Any
    shop = ShopSettings()
    providers = Providers()

    @rpc
    def order_options(self) -> dict[str, Any]:
        """Methods, bounds and packages."""
        with self.db.transaction() as session:
            return queries.options(session, self.shop, self.providers.names)

    @rpc
    def create_order(
        self,
        account_id: int,
        net_cents: int | None = None,
        package_id: int | None = None,
        method: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """An order, waiting for its payment when a method is given; once per key."""
        wanted = {"net_cents": net_cents, "package_id": package_id, "method": method, "key": idempotency_key}
        asked = load(schemas.NewOrder, account_id=account_id, **wanted)
        method = asked.pop("method")
        if method is not None:
            checkout.refuse_unoffered(self.providers, self.shop, method)
        with self.db.transaction() as session:
            order_id = ordering.create(session, self.shop.orders, method=method, **asked)
        return self._asked(account_id, order_id, method)

    @rpc
    def pay_order(self, account_id: int, order_id: int, method: str) -> dict[str, Any]:
        """Ask for the payment of an order; the answer says how to pay."""
        asked = load(schemas.Pay, account_id=account_id, order_id=order_id, method=method)
        return self._asked(**asked)

    @rpc
    def cancel_order(self, account_id: int, order_id: int) -> dict[str, Any]:
        """Cancel an order that was not paid."""
        asked = load(schemas.OrderOf, account_id=account_id, order_id=order_id)
        with self.db.transaction() as session:
            ordering.cancel(session, **asked)
            return queries.one(session, self.shop, order_id, account_id)

    @rpc
    def get_order(self, account_id: int | None, order_id: int) -> dict[str, Any]:
        """One order; of any account for the operator (account None)."""
        with self.db.transaction() as session:
            return queries.one(session, self.shop, order_id, account_id)

    @rpc
    def list_orders(
        self, account_id: int | None = None, cursor: str | None = None, **filters: Any
    ) -> dict[str, Any]:
        """Orders, newest first; of all accounts for the operator (account None)."""
        asked = load(schemas.Orders, account_id=account_id, **filters)
        with self.db.transaction() as session:
            return queries.page(session, **asked, before=before(cursor))

    @rpc
    def receipt_pdf(
        self, account_id: int, order_id: int, locale: str | None = None, receipt_id: int | None = None
    ) -> dict[str, Any]:
        """``{filename, data_b64}`` of a receipt."""
        asked = load(
            schemas.ReceiptOf, account_id=account_id, order_id=order_id, locale=locale, receipt_id=receipt_id
        )
        with self.db.transaction() as session:
            return queries.receipt_pdf(session, self.shop, **asked)

    @rpc
    def get_billing_profile(self, account_id: int) -> dict[str, Any]:
        """Who receipts are made out to."""
        with self.db.transaction() as session:
            return profiles.get(session, account_id)

    @rpc
    def put_billing_profile(
        self, account_id: int, profile: dict[str, Any], version: int | None = None
    ) -> dict[str, Any]:
        """Replace it."""
        wanted = load(schemas.Profile, **profile)
        with self.db.transaction() as session:
            return profiles.put(session, account_id, wanted, version)

    @rpc
    def add_package(self, package: dict[str, Any]) -> dict[str, Any]:
        """Sell a package from now on."""
        wanted = load(schemas.NewPackage, **package)
        with self.db.transaction() as session:
            return ordering.add_package(session, wanted)

    @rpc
    def retire_package(self, package_id: int) -> None:
        """Sell it no more."""
        with self.db.transaction() as session:
            ordering.retire_package(session, package_id)

    @every(30)
    def tidy_orders(self) -> None:
        """Expire what is over, settle lines that a kill left, put abandoned refunds in doubt."""
        with self.db.transaction() as session:
            ordering.expire(session)
            refunds.doubt_abandoned(session)
        importing.settle_received(self.db)

    @every(60)
    def look_at_checkouts(self) -> None:
        """Ask the providers about orders that nobody told us of."""
        collect.sweep(self.db, self.providers)

    def _asked(self, account_id: int, order_id: int, method: str | None) -> dict[str, Any]:
        if method is not None:
            checkout.ask(self.db, self.providers, self.shop, account_id, order_id, method)
        with self.db.transaction() as session:
            return queries.one(session, self.shop, order_id, account_id)
