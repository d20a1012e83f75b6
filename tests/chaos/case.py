"""One fault's case: two tenants that send at the same time, a third for what a fault needs besides, and what came of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from bench.harness import people, seeds, traffic
from bench.harness.stack import CONNECTOR, Customer, Stack
from deploy.local.demo.api import Refused
from deploy.local.demo.money import micro

from .evidence import OptOut, Pause, Sending
from .points import Fired, NotFired
from .rig import Rig, wait

T = TypeVar("T")

# Of the second tenant: a part or two by the length of the recipient's city, so that long messages meet every fault too.
LONGER = f"{traffic.CAMPAIGN['text']}" + " {%custom1}" * 6
STRIKE_AT = 0.25
LATENCY_MS = {"min": 10, "max": 60}
RECEIPTS_MS = {"min": 200, "max": 1500}
RESPONSE_TIMEOUT = 30
RECEIPT_AGAIN_SECONDS = 10  # what nobody answered comes again


@dataclass(frozen=True)
class Tenant:
    """A customer with so many contacts in a group."""

    customer: Customer
    group: int
    text: str
    recipients: frozenset[str]
    parts: int


def tenant(stack: Stack, count: int, text: str) -> Tenant:
    """A new one. Every tenant has the same numbers: what is one's must never be taken for the other's."""
    customer = stack.customer()
    connection = stack.database("contacts")
    group = seeds.contacts(connection, customer.id, count)
    connection.close()
    draft = _draft(customer, group, text, "KERYX")
    parts = int(customer.api.get(f"/campaigns/{draft}/preflight")["parts"])
    return Tenant(customer, group, text, frozenset(str(people.number(i)) for i in range(count)), parts)


@dataclass
class Case:
    """What a fault works on, and what it notes for the checks.

    ``kept`` holds the tenants from fault to fault. ``is_spoiled``: the stack did not come to rest.
    """

    rig: Rig
    n: int
    number: int
    kept: dict[str, Tenant]
    fired: Fired | None = None
    is_spoiled: bool = False
    fresh_tenants: bool = False
    sendings: list[Sending] = field(default_factory=list)
    opt_outs: list[OptOut] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    things: ExitStack = field(default_factory=ExitStack)
    memory: dict[str, Any] = field(default_factory=dict)
    expected_starts: Counter[str] = field(default_factory=Counter)

    @property
    def stack(self) -> Stack:
        """The running stack, as its users see it."""
        return self.rig.stack

    def tenants(self) -> dict[str, Tenant]:
        """The two that send, A and B."""
        if self.fresh_tenants or "A" not in self.kept:
            made = {
                "A": tenant(self.stack, self.n, str(traffic.CAMPAIGN["text"])),
                "B": tenant(self.stack, self.n, LONGER),
            }
            if self.fresh_tenants:
                return made
            self.kept |= made
        return {name: self.kept[name] for name in ("A", "B")}

    def begin(self, seconds: float, upstream: bool) -> int:
        """Start both campaigns, so slowly that they last ``seconds``; how many parts they have.

        ``upstream`` slows the making of chunks down, otherwise the sending is slow.
        """
        tenants = self.memory["tenants"] = self.tenants()
        total = sum(each.parts for each in tenants.values())
        self.set_connector(parts_per_second=None if upstream else max(50, int(total / seconds)))
        pace = int(self.n * 60 / seconds) if upstream else None
        for name, each in tenants.items():
            sender = f"K{name}{self.number}"
            campaign = _draft(each.customer, each.group, each.text, sender, pace)
            self.sendings.append(Sending(name, each.customer.id, sender, each.recipients, int(campaign)))
        for sending in self.sendings:
            self.api(sending.name).post(f"/campaigns/{sending.campaign_id}/start")
        return total

    def api(self, name: str) -> Any:
        """What tenant A or B calls."""
        return self.memory["tenants"][name].customer.api

    def sending(self, name: str) -> Sending:
        """A sending by its name."""
        return next(one for one in self.sendings if one.name == name)

    def stoppable(self, name: str, numbers: frozenset[str]) -> None:
        """Some recipients of a sending may be stopped from now on: their message need not arrive."""
        self.sendings = [
            replace(one, stopped=one.stopped | numbers) if one.name == name else one for one in self.sendings
        ]

    def behave(self, **faults: Any) -> None:
        """How the simulated operator is from now on, beside its usual delays."""
        self.stack.smsc.faults(**faults)

    def behave_well(self) -> None:
        """The operator as he usually is: answers and receipts take their time, everything is delivered."""
        receipts = {"delay_ms": RECEIPTS_MS, "timeout_s": RECEIPT_AGAIN_SECONDS}
        self.stack.smsc.faults(preset="calm", seed=self.number, latency_ms=LATENCY_MS, receipts=receipts)

    def set_connector(self, **wanted: Any) -> None:
        """Change the connector where it is otherwise, and wait until its senders have bound anew."""
        operator, path = self.stack.operator, f"/operator/connectors/{CONNECTOR}"
        wanted = {"response_timeout": RESPONSE_TIMEOUT, **wanted}
        known = operator.get(path)
        if all(known[name] == value for name, value in wanted.items()):
            return
        before = self.stack.smsc.stats()["connections"]
        operator.patch(path, wanted)
        smsc = self.stack.smsc
        wait(lambda: smsc.stats()["connections"] > before and smsc.stats()["binds"], 60, "bound anew")

    def expect_start(self, process: str) -> None:
        """The fault has the supervisor start this one anew, once more."""
        self.expected_starts[process] += 1

    def restart_with(self, process: str, **more: str) -> None:
        """Start a process anew with ``more`` in its environment; none: as usual."""
        self.expect_start(process)
        self.rig.restart_with(process, **more)

    # --- the third tenant

    def other(self) -> Customer:
        """An account that does nothing by itself, with money; the same within a case."""
        if "other" not in self.memory:
            self.memory["other"] = self.stack.customer()
        found: Customer = self.memory["other"]
        return found

    def send_directly(self, count: int = 1) -> str:
        """Send ``count`` messages from the third account until they are accepted, as a client does: under one key."""
        sender, key = f"KD{self.number}", uuid4().hex
        numbers = [str(people.number(self.n + i)) for i in range(count)]
        messages = [{"to": number, "text": "ΚΑΛΗΜΕΡΑ", "sender": sender} for number in numbers]
        self.sendings.append(Sending("direct", self.other().id, sender, frozenset(numbers)))
        self.insist(lambda: self.post_messages(messages, key), "direct messages accepted")
        return sender

    def post_messages(self, messages: list[dict[str, Any]], key: str) -> Any:
        """One request to POST /messages."""
        return self.other().api.post("/messages", {"messages": messages}, headers={"Idempotency-Key": key})

    def send_small_campaign(self, count: int = 200) -> None:
        """A campaign of the third account; its audience is frozen while the others send."""
        connection = self.stack.database("contacts")
        group = seeds.contacts(connection, self.other().id, count)
        connection.close()
        sender = f"KC{self.number}"
        campaign = _draft(self.other(), group, str(traffic.CAMPAIGN["text"]), sender)
        recipients = frozenset(str(people.number(i)) for i in range(count))
        self.sendings.append(Sending("small", self.other().id, sender, recipients, int(campaign)))
        self.other().api.post(f"/campaigns/{campaign}/start")

    def insist(self, request: Callable[[], T], what: str, seconds: float = 60.0) -> T:
        """Repeat a request while the answer is "not now" or none at all. Raises TooLate, or Refused for a real refusal."""

        def attempt() -> T | None:
            try:
                return request()
            except httpx.TransportError:
                return None
            except Refused as refusal:
                if " 503 " not in str(refusal):
                    raise
                return None

        return wait(attempt, seconds, what, 0.2)

    def available(self) -> int:
        """What the third account can spend, in micro-euro."""
        return micro(self.other().api.get("/balance")["available"])

    def until_share(self, total: int, share: float = STRIKE_AT) -> None:
        """Wait until the operator has taken so much of the two campaigns. Raises NotFired when he never does."""
        wanted = max(1, int(total * share))
        try:
            self.stack.smsc.wait(timeout=120, accepted=wanted)
        except AssertionError:
            raise NotFired(f"the campaigns did not get to {share:.0%}") from None

    def now(self) -> float:
        """Seconds since the epoch, as the simulator's books have them."""
        return time.time()


def _draft(customer: Customer, group: int, text: str, sender: str, pace: int | None = None) -> str:
    audience = {"group_ids": [str(group)]}
    wanted = {**traffic.CAMPAIGN, "text": text, "sender": sender, "audience": audience, "pace": pace}
    made = customer.api.post("/campaigns", wanted, headers={"Idempotency-Key": uuid4().hex})
    return str(made["id"])
