"""A customer of a running Keryx, as the stories need one: a client of the REST API and nothing more."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from deploy.local.demo.money import euro, micro
from simulators.mailbox.testing import Mailbox
from simulators.smsc.testing import Smsc
from tests.support.waiting import eventually

CONNECTOR = "sim"
WINDOW = 20
PRICE = micro("0.045")  # a part to a Greek mobile, price class normal, as billing's first migration sets it
ENDED = ("finished", "cancelled")


def numbers(count: int, first: int = 306_940_000_000) -> list[str]:
    """So many Greek mobiles, one after the other."""
    return [str(first + n) for n in range(count)]


@dataclass
class Client:
    """One key's HTTP client."""

    http: httpx.Client

    def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """The JSON of an answer that must have ``status``."""
        response = self.http.request(method, f"/api/v1{path}", **more)
        assert response.status_code == status, (method, path, response.status_code, response.text[:2000])
        return (
            response.json()
            if response.content and "json" in response.headers["Content-Type"]
            else response.content
        )

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        """GET."""
        return self.ask("GET", path, status, params=query)

    def post(self, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        """POST of JSON."""
        return self.ask("POST", path, status, json=body, **more)


@dataclass
class Shop(Client):
    """An account of its own with a sender and money."""

    id: str
    email: str
    operator: Client

    def top_up(self, amount: int) -> None:
        """Money from the operator, in micro-euro."""
        body = {"account_id": self.id, "amount": euro(amount), "reason": "test"}
        self.operator.post("/operator/topups", body, 201)

    def money(self) -> tuple[int, int]:
        """(available, held) in micro-euro."""
        balance = self.get("/balance")
        return micro(balance["available"]), micro(balance["held"])

    def settled(self, available: int) -> None:
        """Wait until ``available`` micro-euro are left and nothing is held: the books hear of an end after the history."""
        eventually(lambda: self.money() == (available, 0), 20, 0.1, f"{available} left, nothing held")

    def group_of(self, text: str, name: str = "Πελάτες") -> dict[str, Any]:
        """A group with the numbers pasted in ``text``."""
        group: dict[str, Any] = self.post("/groups", {"name": f"{name} {uuid4().hex[:6]}"}, 201)
        self.commit(self.post("/imports", {"text": text}, 201), group["id"])
        return group

    def commit(self, job: dict[str, Any], group_id: str, **more: Any) -> dict[str, Any]:
        """Take an import over into a group; the import when it is done."""
        self.post(f"/imports/{job['id']}/commit", {"group_ids": [group_id], **more}, 202)
        done: dict[str, Any] = eventually(lambda: self._done(job["id"]), 20, what="the import")
        return done

    def _done(self, job_id: str) -> dict[str, Any] | None:
        job: dict[str, Any] = self.get(f"/imports/{job_id}")
        assert job["state"] in ("running", "done"), job
        return job if job["state"] == "done" else None

    def draft(self, audience: dict[str, Any], text: str = "Καλημέρα", **more: Any) -> str:
        """The id of a new campaign."""
        wanted = {"name": "Δοκιμή", "text": text, "audience": audience, **more}
        return str(self.post("/campaigns", wanted, 201)["id"])

    def start(self, campaign_id: str) -> None:
        """Start it now."""
        self.post(f"/campaigns/{campaign_id}/start")

    def campaign(self, campaign_id: str) -> dict[str, Any]:
        """As it is now."""
        found: dict[str, Any] = self.get(f"/campaigns/{campaign_id}")
        return found

    def until(
        self,
        campaign_id: str,
        condition: Callable[[dict[str, Any]], bool],
        timeout: float = 30,
        what: str = "",
    ) -> dict[str, Any]:
        """The campaign as soon as ``condition`` holds for it."""

        def look() -> dict[str, Any]:
            found = self.campaign(campaign_id)
            assert condition(found), found
            return found

        return eventually(look, timeout, 0.1, what or "the campaign")

    def finished(self, campaign_id: str, timeout: float = 30) -> dict[str, Any]:
        """The campaign once it is finished."""
        return self.until(campaign_id, lambda c: c["state"] == "finished", timeout, "the campaign finished")

    def send(self, status: int = 202, key: str | None = None, **message: Any) -> Any:
        """POST /messages with one message; its entry of the answer, or the problem."""
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.post("/messages", message, status, headers=headers)
        return answer["data"][0] if status == 202 else answer

    def blocked(self, number: str) -> int:
        """Write to ``number`` until it is blocked, as it is soon after it opted out; how many got through before."""
        through = 0

        def is_blocked() -> bool:
            nonlocal through
            sent = self.send(to=number, text="x")
            state = self.message(sent["id"], "blocked", "delivered")["state"]
            through += state == "delivered"
            return bool(state == "blocked")

        eventually(is_blocked, 20, 0.1, "the blacklist known to the dispatcher")
        return through

    def message(self, message_id: str, *states: str, timeout: float = 20) -> dict[str, Any]:
        """A message once it is in one of ``states``."""

        def look() -> dict[str, Any]:
            found: dict[str, Any] = self.get(f"/messages/{message_id}")
            assert found["state"] in states, found
            return found

        return eventually(look, timeout, 0.1, f"message {states}")


@dataclass
class Keryx:
    """A running stack with its operator, its simulated SMSC and its mailbox."""

    url: str
    operator: Client
    smsc: Smsc
    mailbox: Mailbox
    run: Path

    def kill(self, process: str) -> None:
        """kill -9; the supervisor starts it again."""
        pid_file = self.run / "pids" / f"{process}.pid"
        killed = pid_file.read_text(encoding="ascii")
        os.kill(int(killed), signal.SIGKILL)
        eventually(
            lambda: pid_file.exists() and pid_file.read_text(encoding="ascii") != killed, 20, 0.1, "restarted"
        )

    def shop(self, money: int = micro("100.00"), **settings: Any) -> Shop:
        """A new account with ``money`` in micro-euro."""
        mark = uuid4().hex[:10]
        made = self.operator.post(
            "/operator/accounts", {"name": f"Shop {mark}", "email": f"{mark}@example.gr"}, 201
        )
        shop = Shop(
            client(self.url, made["api_key"]), made["account_id"], f"low-{mark}@example.gr", self.operator
        )
        shop.ask("PATCH", "/settings", json={"default_sender": "SHOP", **settings})
        if money:
            shop.top_up(money)
        return shop

    def connector(self, **changes: Any) -> None:
        """Change the connector and wait until it is bound as changed."""
        self.operator.ask("PATCH", f"/operator/connectors/{CONNECTOR}", json=changes)
        self.bound()

    def bound(self) -> None:
        """Wait until the connector is up."""
        eventually(
            lambda: self.operator.get(f"/operator/connectors/{CONNECTOR}")["state"] == "up", 20, 0.1, "bound"
        )

    def at_rest(self) -> bool:
        """Whether nothing waits to be sent and no receipt is to come."""
        overview = self.operator.get("/operator/overview")
        idle = overview["queued_batches"] == overview["open_messages"] == 0
        return idle and self.smsc.stats()["receipts"]["pending"] == 0


def client(url: str, key: str) -> httpx.Client:
    """An HTTP client with a key."""
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=40)
