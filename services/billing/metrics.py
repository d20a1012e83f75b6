"""What billing counts for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter

holds = Counter("keryx_holds_total", "Hold requests by what came of them", ["outcome"])
money = Counter("keryx_money_micro_euro_total", "Money moved, in micro-euro", ["movement"])
low_balances = Counter("keryx_low_balances_total", "Crossings of a low-balance level that were told")
