"""What the mail server does wrong when asked: refuse, dawdle, hang up. Each for the next N messages."""

from dataclasses import asdict, dataclass, fields
from typing import Any

REPLIES = {
    421: "Service not available, try later",
    450: "Mailbox busy, try later",
    451: "Local error in processing, try later",
    452: "Insufficient storage, try later",
    550: "No such mailbox",
    552: "Message too large for this mailbox",
    554: "Message refused",
}


class BadFaults(ValueError):
    """The JSON asks for something that does not exist; the message names it."""


@dataclass
class Faults:
    """`refuse` messages with `refuse_code` at `refuse_at` ("rcpt" or "data"), `drop` the connection instead of
    an answer (after keeping the message when `drop_keeps`), answer each `slow_ms` late."""

    refuse: int = 0
    refuse_code: int = 451
    refuse_at: str = "data"
    drop: int = 0
    drop_keeps: bool = False
    slow_ms: int = 0

    def as_json(self) -> dict[str, Any]:
        """As /faults shows them; countdowns show what is left."""
        return asdict(self)

    def merge(self, changes: dict[str, Any]) -> None:
        """Lay `changes` over the present ones; raises BadFaults, then nothing has changed."""
        kinds = {each.name: each.type for each in fields(self)}
        for name, value in changes.items():
            kind = kinds.get(name)
            if kind is None:
                raise BadFaults(f"Unknown fault {name!r}.")
            if type(value) is not kind or (kind is int and not 0 <= value <= 1_000_000):
                raise BadFaults(
                    f"{name} must be of type {getattr(kind, '__name__', kind)}, numbers 0 or more."
                )
        if changes.get("refuse_code", self.refuse_code) not in REPLIES:
            raise BadFaults(f"refuse_code is one of {', '.join(map(str, REPLIES))}.")
        if changes.get("refuse_at", self.refuse_at) not in ("rcpt", "data"):
            raise BadFaults('refuse_at is "rcpt" or "data".')
        for name, value in changes.items():
            setattr(self, name, value)

    def refusal(self, at: str) -> str | None:
        """The reply that refuses this message at this stage, None when it is not to be; uses one up."""
        if not self.refuse or self.refuse_at != at:
            return None
        self.refuse -= 1
        return f"{self.refuse_code} {REPLIES[self.refuse_code]}"

    def drops(self) -> bool:
        """Whether to hang up on this one; uses one up."""
        if not self.drop:
            return False
        self.drop -= 1
        return True
