"""Flow control: how much may be on its way (DESIGN §3, Flow control).

About two seconds of what the connectors were measured to take, shared over the accounts that are sending. From this one rule
come backpressure, fairness, a quick pause and bounded queues. Pure but for ``load``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

SECONDS_IN_FLIGHT = 2.0
LEAST_IN_FLIGHT = 2_000
FORGETTING_SECONDS = 3.0

_IN_FLIGHT = """
SELECT c.account_id, sum(c.messages - c.left_count) FROM chunks c JOIN campaigns t ON t.id = c.campaign_id
WHERE c.state IN ('preparing', 'queued') AND t.state = 'running' GROUP BY c.account_id
"""
_SENDING = """
SELECT coalesce(sum(left_count), 0), array_agg(DISTINCT account_id) FILTER (WHERE state = 'running' AND phase = 'expanding')
FROM campaigns WHERE state IN ('running', 'paused')
"""


class HasAccount(Protocol):
    """Something of an account's."""

    @property
    def id(self) -> int:
        """Its id."""

    @property
    def account_id(self) -> int:
        """Whose it is."""


T = TypeVar("T", bound=HasAccount)


@dataclass
class Load:
    """Messages on their way by account, which accounts have more to send, and how many messages have left so far."""

    left: int
    accounts: frozenset[int]
    in_flight: dict[int, int] = field(default_factory=dict)

    def take(self, account_id: int, messages: int) -> None:
        """Count messages that were just put on their way."""
        self.in_flight[account_id] = self.in_flight.get(account_id, 0) + messages


class Meter:
    """Messages a second that leave, forgetting what was FORGETTING_SECONDS ago. Monotonic time only."""

    def __init__(self) -> None:
        """Nothing measured yet."""
        self.rate = 0.0
        self._left: int | None = None
        self._at = 0.0

    def observe(self, left: int, now: float) -> None:
        """``left`` messages had left at ``now``. A campaign that ended takes its count along: then nothing is learnt."""
        if self._left is not None and now - self._at < 0.25:
            return
        if self._left is not None and left >= self._left:
            seconds = now - self._at
            weight = min(1.0, seconds / FORGETTING_SECONDS)
            self.rate += ((left - self._left) / seconds - self.rate) * weight
        self._left, self._at = left, now


def load(cursor: Any) -> Load:
    """What is on its way now, by the database."""
    cursor.execute(_SENDING)
    left, accounts = cursor.fetchone()
    cursor.execute(_IN_FLIGHT)
    return Load(
        int(left), frozenset(accounts or ()), {account: int(count) for account, count in cursor.fetchall()}
    )


def in_turn(campaigns: Sequence[T], load: Load) -> list[T]:
    """The order in which campaigns get their next page: the account with the least on its way first."""
    return sorted(campaigns, key=lambda c: (load.in_flight.get(c.account_id, 0), c.id))


def allowance(load: Load, account_id: int, rate: float) -> int:
    """How many more messages of the account may be put on their way now."""
    total = max(LEAST_IN_FLIGHT, int(SECONDS_IN_FLIGHT * rate))
    share = total // max(1, len(load.accounts))
    return max(0, share - load.in_flight.get(account_id, 0))


def paced(pace: int, seconds_since_last: float | None) -> int:
    """How many messages a pace of ``pace`` a minute allows ``seconds_since_last`` after the last chunk (None: the first)."""
    return int(pace / 60 * (1.0 if seconds_since_last is None else seconds_since_last)) or (
        1 if seconds_since_last is None else 0
    )
