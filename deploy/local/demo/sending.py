"""Step 4 and 5: the campaign, what it would cost, the money for it, and how it goes."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any
from uuid import uuid4

from .api import Api
from .money import MICRO, euro, micro
from .screen import Bar
from .setup import Account
from .waiting import Deadline

TEXT = (
    "Αγαπητέ {%firstname:klitiki|φίλε}, με το κουπόνι {%Κουπόνι|ERMIS15} έχετε έκπτωση 15% στον καφέ σας,"
    " {%Πόλη|Αθήνα}. Πόντοι: {%Πόντοι|0}. Ερμής"
)
# They asked by telephone to be left alone; somebody put them on the list all the same.
OPTED_OUT = ("306900000001", "306900000002")
SPARE = 20 * MICRO  # what stays: below the level of the low-balance notice, above what an estimate may miss
ENDED = ("finished", "cancelled")
RATE_OVER_S = 3.0


def draft(account: Account, group_id: str, again: list[str]) -> dict[str, Any]:
    """The campaign, to the group and a list in which ``again`` are customers once more, and two have opted out."""
    account.client.post("/blacklist", {"numbers": list(OPTED_OUT), "reason": "τηλεφωνικά"})
    audience = {"group_ids": [group_id], "numbers": [*again, *OPTED_OUT]}
    wanted = {"name": "Κουπόνια Νοεμβρίου", "text": TEXT, "audience": audience, "unsubscribe": True}
    made: dict[str, Any] = account.client.post("/campaigns", wanted, headers={"Idempotency-Key": uuid4().hex})
    return made


def fund(operator: Api, account: Account, price: int) -> int:
    """Top the account up with ``price`` and a little to spare; returns the amount in micro-euro."""
    amount = ceil((price + SPARE) / MICRO) * MICRO
    body = {"account_id": account.id, "amount": euro(amount), "reason": "Τραπεζική κατάθεση"}
    booked = operator.post("/operator/topups", body, headers={"Idempotency-Key": uuid4().hex})
    return micro(booked["amount"])


class Pace:
    """Messages a second over the last moments."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._seen: list[tuple[float, int]] = []

    def add(self, at: float, submitted: int) -> float:
        """Note ``submitted`` at ``at`` seconds; the rate now."""
        self._seen = [one for one in self._seen if at - one[0] <= RATE_OVER_S] + [(at, submitted)]
        (first, before), (last, now) = self._seen[0], self._seen[-1]
        return (now - before) / (last - first) if last > first else 0.0


def follow(
    client: Api, campaign_id: str, bar: Bar, deadline: Deadline, on_progress: Callable[[dict[str, int]], None]
) -> dict[str, Any]:
    """Watch the campaign until it has ended; returns it. ``on_progress`` is told its counts."""
    pace = Pace()

    def look() -> dict[str, Any] | None:
        campaign: dict[str, Any] = client.get(f"/campaigns/{campaign_id}")
        counts, total = campaign["counts"], campaign["recipients"] or 0
        rate = pace.add(deadline.elapsed, counts["submitted"])
        bar.show(_final(counts), total, describe(counts, total, rate, campaign["pause_reason"]))
        on_progress(counts)
        return campaign if campaign["state"] in ENDED else None

    return deadline.wait(look, "the campaign finished")


def _final(counts: dict[str, int]) -> int:
    return sum(counts[state] for state in counts if state not in ("recipients", "accepted", "submitted"))


def describe(counts: dict[str, int], total: int, rate: float, pause_reason: str | None) -> str:
    """One line of how it goes: rate, time left, states."""
    if pause_reason:
        return f"paused: {pause_reason}"
    left = total - counts["submitted"]
    speed = (
        f"{rate:,.0f}/s, {left / rate:.0f} s left" if left and rate >= 1 else "all out" if not left else "…"
    )
    states = (
        f"{counts[name]:,} {name}"
        for name in ("submitted", "delivered", "undelivered", "expired", "rejected", "uncertain")
    )
    return f"{speed} · " + " · ".join(state for state in states if not state.startswith("0 "))
