"""What billing counts for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

holds = Counter("keryx_holds_total", "Hold requests by what came of them", ["outcome"])
money = Counter("keryx_money_micro_euro_total", "Money moved, in micro-euro", ["movement"])
low_balances = Counter("keryx_low_balances_total", "Crossings of a low-balance level that were told")
books_right = Gauge(
    "keryx_books_right", "1 when the last check of the books by this process found them right"
)
orders = Counter("keryx_orders_total", "Orders by method and what became of them", ["method", "outcome"])
webhooks = Counter(
    "keryx_payment_webhooks_total",
    "Webhooks of payment providers by what came of them",
    ["provider", "outcome"],
)
payments_to_review = Counter(
    "keryx_payments_to_review_total", "Payments that somebody must look at", ["provider", "reason"]
)
