"""The smallest service that stands on all of servicekit: ``python -m tests.integration.servicekit.toy``.

It keeps a diary in its table ``effects``. What an event's ``fault`` says goes wrong does go wrong.
"""

if __name__ == "__main__":
    from servicekit import cooperative

    cooperative.patch()

import os
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

from contracts.envelope import Envelope
from contracts.errors import NotFound
from contracts.events import Event
from servicekit import calls, context, idempotency, outbox, service, topology
from servicekit.calls import ServiceProxy
from servicekit.database import cursor_of
from servicekit.service import Database, consumes, every, rpc

QUEUE = "toy.thing_happened"
RETRIES = 2
RETRY_DELAY_MS = 200
RPC_TIMEOUT_SECONDS = 1
DRAIN_SECONDS = 8
"""nameko itself may take three: it looks once a second, three times."""

TABLES = """
CREATE TABLE effects (
    id bigserial PRIMARY KEY, name text NOT NULL, event_id text NOT NULL, replica text NOT NULL,
    correlation_id text NOT NULL, asked_correlation_id text
);
CREATE TABLE ticks (replica text PRIMARY KEY, count int NOT NULL);
CREATE TABLE jobs (
    id bigserial PRIMARY KEY, state text NOT NULL DEFAULT 'waiting', lease_until timestamptz, owner text
);
"""


@dataclass(frozen=True)
class ThingHappened(Event):
    """Something happened. ``fault`` names what shall go wrong on the way to its effect."""

    TYPE = "thing_happened"
    VERSION = 1
    PRODUCER = "toy"

    name: str
    fault: str = ""


class NoSuchThing(NotFound):
    """A leaf, as services define them."""

    code = "no_such_thing"


class ToyService:
    """Entry points for every promise of servicekit."""

    name = "toy"
    db = Database()
    own = ServiceProxy("toy")
    nobody = ServiceProxy("nobody")
    attempts: ClassVar[Counter[str]] = Counter()

    @rpc
    def make(self, name: str, fault: str = "", key: str | None = None) -> dict[str, Any]:
        """Have the event happen; ``key`` makes it idempotent."""
        with self.db.transaction() as session:

            def produce() -> dict[str, Any]:
                return {"event_id": outbox.add(session, ThingHappened(name, fault), account_id=1)}

            result: dict[str, Any] = idempotency.remember(session, 1, key, {"name": name}, produce)
            if fault == "rollback":
                raise NoSuchThing("taken back")
            return result

    @rpc
    def fail(self, how: str) -> None:
        """Fail as ``how`` says."""
        if how.startswith("sqlstate "):
            with self.db.transaction() as session:
                statement = "DO $$ BEGIN RAISE EXCEPTION 'somebody else' USING ERRCODE = '{}'; END $$"
                cursor_of(session).execute(statement.format(how.removeprefix("sqlstate ")))
        if how == "leaf":
            raise NoSuchThing("not here", errors=[{"pointer": "/name", "code": "unknown", "detail": "Ω"}])
        raise RuntimeError("password=hunter2")

    @rpc
    def whoami(self) -> str:
        """The correlation id in force."""
        return context.correlation_id()

    @rpc
    def nap(self, seconds: float) -> str:
        """Answer late."""
        time.sleep(seconds)
        return "awake"

    @rpc
    def ask(self, target: str, method: str, *args: Any) -> Any:
        """Ask a service through the proxy that services use."""
        return getattr(getattr(self, target), method)(*args)

    @consumes(ThingHappened, queue=QUEUE)
    def on_thing(self, session: Any, event: ThingHappened, envelope: Envelope) -> None:
        """Write the effect down, then fail if told so."""
        cursor = cursor_of(session)
        asked = self.own.whoami() if event.fault == "ask" else None
        cursor.execute(
            "INSERT INTO effects (name, event_id, replica, correlation_id, asked_correlation_id)"
            " VALUES (%s, %s, %s, %s, %s)",
            (event.name, envelope.id, os.environ["KERYX_INSTANCE"], context.correlation_id(), asked),
        )
        self.attempts[event.name] += 1
        if "slow" in event.fault and self.attempts[event.name] == 1:
            cursor.execute("SELECT pg_sleep(1)")
        if event.fault == "always" or ("once" in event.fault and self.attempts[event.name] == 1):
            raise RuntimeError(f"no luck with {event.name}")
        if event.fault == "exit":
            os._exit(9)

    @every(0.2)
    def tick(self) -> None:
        """Count; every third time fail."""
        with self.db.transaction() as session:
            cursor = cursor_of(session)
            cursor.execute(
                "INSERT INTO ticks VALUES (%s, 1) ON CONFLICT (replica) DO UPDATE SET count = ticks.count + 1"
                " RETURNING count",
                (os.environ["KERYX_INSTANCE"],),
            )
            count = cursor.fetchone()[0]
        if count % 3 == 0:
            raise RuntimeError("every third tick")


if __name__ == "__main__":
    topology.RETRIES = RETRIES
    calls.RPC_TIMEOUT_SECONDS = RPC_TIMEOUT_SECONDS
    service.DRAIN_SECONDS = DRAIN_SECONDS
    service.run(ToyService)
