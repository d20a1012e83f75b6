"""Pure rules of the dispatcher: states, what a message is given its parts, which connector takes it.

States only move forward; the one exception is ``uncertain``, which any proof resolves (DESIGN §3).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum


class State(IntEnum):
    """State of a message, as stored. Names in the API are the lower-case names."""

    ACCEPTED = 0
    QUEUED = 1
    SUBMITTED = 2
    DELIVERED = 3
    UNDELIVERED = 4
    EXPIRED = 5
    REJECTED = 6
    BLOCKED = 7
    CANCELLED = 8
    UNCERTAIN = 9

    @property
    def label(self) -> str:
        """The name outsiders see."""
        return self.name.lower()


FINAL = frozenset(
    (
        State.DELIVERED,
        State.UNDELIVERED,
        State.EXPIRED,
        State.REJECTED,
        State.BLOCKED,
        State.CANCELLED,
        State.UNCERTAIN,
    )
)
BY_LABEL = {state.label: state for state in State}

# Which failure names the message when its parts ended differently: the surest one first.
_WORST_FIRST = (State.REJECTED, State.UNDELIVERED, State.EXPIRED, State.UNCERTAIN, State.CANCELLED)


def roll_up(parts: Iterable[State], total: int) -> State:
    """The state of a message of ``total`` parts, given the states of those that were handed over.

    A part refused by the operator makes the message rejected at once (later parts are not sent: CANCELLED). Otherwise the
    message is SUBMITTED until all parts are final; then delivered only if all are, else the worst of them.
    """
    known = list(parts)
    if State.REJECTED in known:
        return State.REJECTED
    if len(known) < total or State.SUBMITTED in known:
        return State.SUBMITTED
    return next((state for state in _WORST_FIRST if state in known), State.DELIVERED)


# Receipt states of SMPP 3.4 §5.2.28 and appendix B; the others (ENROUTE, ACCEPTD, UNKNOWN) say nothing final.
RECEIPT_STATES = {
    "DELIVRD": State.DELIVERED,
    "EXPIRED": State.EXPIRED,
    "DELETED": State.UNDELIVERED,
    "UNDELIV": State.UNDELIVERED,
    "REJECTD": State.REJECTED,
    "SKIPPED": State.UNDELIVERED,
}
RECEIPT_STATES_BY_NUMBER = {
    2: State.DELIVERED,
    3: State.EXPIRED,
    4: State.UNDELIVERED,
    5: State.UNDELIVERED,
    8: State.REJECTED,
    9: State.UNDELIVERED,
}


@dataclass(frozen=True)
class Route:
    """A way out: numbers beginning with ``prefix`` in ``price_class`` may go by ``connector_id``.

    Lower ``priority`` first; ``weight`` shares traffic among equals.
    """

    price_class: str
    prefix: str
    connector_id: int
    priority: int = 0
    weight: int = 1


class Router:
    """Chooses a connector per message: longest prefix, then best priority, then by weight.

    The choice among equals depends on the number alone, so that a repeated acceptance chooses the same.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        """``routes`` in any order; those of disabled connectors left out by the caller."""
        self._table: dict[tuple[str, str], list[Route]] = {}
        for route in routes:
            self._table.setdefault((route.price_class, route.prefix), []).append(route)
        for key, group in self._table.items():
            best = min(route.priority for route in group)
            self._table[key] = sorted((r for r in group if r.priority == best), key=lambda r: r.connector_id)
        self._lengths = sorted({len(prefix) for _, prefix in self._table}, reverse=True)

    def connector(self, price_class: str, msisdn: str) -> int | None:
        """The connector's id, or None when no route fits."""
        for length in self._lengths:
            group = self._table.get((price_class, msisdn[:length]))
            if group:
                return group[0].connector_id if len(group) == 1 else _weighted(group, msisdn)
        return None


def _weighted(group: list[Route], msisdn: str) -> int:
    point = zlib.crc32(msisdn.encode()) % sum(route.weight for route in group)
    for route in group:
        point -= route.weight
        if point < 0:
            return route.connector_id
    return group[-1].connector_id


@dataclass(frozen=True)
class Retry:
    """What to do after a negative submit_sm_resp: how often to try again, after how long, and for whom to pause."""

    tries: int
    pause_seconds: float
    pauses_bind: bool = False


# A negative answer is definite: the part was not taken, so trying again cannot double it. Statuses that are not here
# are final. Source: SMPP 3.4 §5.1.3 and what operators ask for (docs/decisions.md).
RETRIES: dict[int, Retry] = {
    0x58: Retry(tries=1_000, pause_seconds=0.25, pauses_bind=True),  # ESME_RTHROTTLED
    0x14: Retry(tries=5, pause_seconds=2.0),  # ESME_RMSGQFUL
    0x08: Retry(tries=3, pause_seconds=2.0),  # ESME_RSYSERR
    0x45: Retry(tries=3, pause_seconds=2.0),  # ESME_RSUBMITFAIL
    0x64: Retry(tries=3, pause_seconds=2.0),  # ESME_RX_T_APPN
    0xFF: Retry(tries=3, pause_seconds=2.0),  # ESME_RUNKNOWNERR
}
