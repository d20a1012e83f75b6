"""Webhooks as payment providers send them: again until they are taken, and twice, late or out of order on request."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from simulators.httpwire import HttpError, Request, json_answer
from simulators.web import Routes

ANSWER_WITHIN_S = 10.0
KEPT = 1000

Make = Callable[[int], tuple[bytes, dict[str, str]]]
"""Body and headers of the attempt with this number of earlier ones."""


@dataclass
class Manner:
    """How webhooks go out. `hold` keeps them until they are released; each goes `copies` times; one that is not
    answered with 2xx goes again after `retry_ms`, at most `attempts` times in all. An empty `url` sends none."""

    url: str = ""
    hold: bool = False
    copies: int = 1
    delay_ms: int = 0
    retry_ms: int = 500
    attempts: int = 24

    def merge(self, changes: dict[str, Any]) -> None:
        """Lay `changes` over; raises HttpError, then nothing has changed."""
        kinds = {each.name: each.type for each in fields(self)}
        for name, value in changes.items():
            if type(value) is not kinds.get(name) or (type(value) is int and not 0 <= value <= 86_400_000):
                raise HttpError(422, "bad_webhooks", f"No setting {name!r}, or not with that value.")
        for name, value in changes.items():
            setattr(self, name, value)


@dataclass
class Delivery:
    """One webhook: `statuses` are the answers so far, 0 for none; `state` is held, waiting, taken or given_up."""

    n: int
    kind: str
    make: Make
    state: str = "held"
    statuses: list[int] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As /sim/webhooks shows it, with the body as it would go now."""
        body, headers = self.make(len(self.statuses))
        return {
            "n": self.n, "kind": self.kind, "state": self.state, "statuses": self.statuses,
            "body": body.decode(), "headers": headers,
        }  # fmt: skip


class Webhooks:
    """All webhooks of one simulator, the newest KEPT of them remembered."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self.sent = 0
        self.deliveries: list[Delivery] = []
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()

    def add(self, kind: str, make: Make) -> None:
        """Something happened: send it, or hold it. Its first attempt never waits for who made it happen."""
        self._count += 1
        delivery = Delivery(self._count, kind, make)
        self.deliveries = [*self.deliveries[-KEPT + 1 :], delivery]
        if not self.manner.hold:
            self._start(delivery, self.manner.copies)

    def _start(self, delivery: Delivery, copies: int) -> None:
        delivery.state = "waiting"
        for _ in range(copies):
            task = asyncio.create_task(self._deliver(delivery))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        await asyncio.sleep(self.manner.delay_ms / 1000)
        for _ in range(self.manner.attempts):
            if await self._attempt(delivery):
                return
            await asyncio.sleep(self.manner.retry_ms / 1000)
        if delivery.state != "taken":
            delivery.state = "given_up"
        await self._tell()

    async def _attempt(self, delivery: Delivery) -> bool:
        body, headers = delivery.make(len(delivery.statuses))
        status = await post(self.manner.url, body, headers) if self.manner.url else 0
        self.sent += 1
        delivery.statuses.append(status)
        taken = 200 <= status < 300
        if taken:
            delivery.state = "taken"
        await self._tell()
        return taken

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def routes(self) -> Routes:
        """The addresses by which a test or a person steers them."""
        return {
            ("GET", "/sim/webhooks"): lambda _: self._listing(200),
            ("POST", "/sim/webhooks"): self._configure,
            ("DELETE", "/sim/webhooks"): self._forget,
            ("POST", "/sim/webhooks/release"): self._release,
            ("POST", "/sim/webhooks/again"): self._again,
            ("GET", "/sim/webhooks/wait"): self._wait,
        }

    def _listing(self, status: int) -> bytes:
        shown = [delivery.as_json() for delivery in self.deliveries]
        return json_answer(status, {"settings": asdict(self.manner), "webhooks": shown})

    def _configure(self, request: Request) -> bytes:
        self.manner.merge(request.json())
        return self._listing(200)

    def _forget(self, _: Request) -> bytes:
        for task in self._tasks:
            task.cancel()
        self.deliveries = []
        return self._listing(200)

    async def _release(self, request: Request) -> bytes:
        """Send what is held, one after the other: in `order` oldest, newest or shuffled (by `seed`)."""
        wanted = request.json()
        order, held = wanted.get("order", "oldest"), [d for d in self.deliveries if d.state == "held"]
        if order == "newest":
            held.reverse()
        elif order == "shuffled":
            random.Random(wanted.get("seed")).shuffle(held)
        elif order != "oldest":
            raise HttpError(422, "bad_order", "order is oldest, newest or shuffled.")
        for delivery in held:
            delivery.state = "waiting"
            for _ in range(self.manner.copies):
                if not await self._attempt(delivery):
                    self._start(delivery, 1)
        return self._listing(200)

    async def _again(self, request: Request) -> bytes:
        """Send webhook `n`, or all of them, once more, whatever became of them."""
        n = request.json().get("n")
        for delivery in [d for d in self.deliveries if n is None or d.n == n]:
            await self._attempt(delivery)
        return self._listing(200)

    async def _wait(self, request: Request) -> bytes:
        """As soon as `taken` webhooks were taken; 408 when time runs out."""
        count, seconds = request.whole("taken", 1), request.seconds("timeout", 20.0)

        def taken() -> bool:
            return sum(delivery.state == "taken" for delivery in self.deliveries) >= count

        async with self._changed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait_for(taken)
        return self._listing(200 if taken() else 408)


async def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """POST JSON to an http address; the status of the answer, 0 when none came in time. Follows no redirect."""
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    lines = [
        f"POST {target} HTTP/1.1", f"Host: {parts.netloc}", "Content-Type: application/json",
        f"Content-Length: {len(body)}", "Connection: close", *(f"{k}: {v}" for k, v in headers.items()),
    ]  # fmt: skip
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
            try:
                writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
                first = (await reader.readline()).split(b" ")
                return int(first[1]) if len(first) > 1 and first[1].isdigit() else 0
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return 0


def now_iso(decimals: int = 3) -> str:
    """This moment in UTC as the providers write it."""
    moment = time.time()
    fraction = f"{moment % 1:.{decimals}f}"[1:] if decimals else ""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + fraction + "Z"
