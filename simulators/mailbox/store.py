"""What arrived: the newest messages within a bound of count and bytes, and who waits for one."""

import asyncio
import email
import email.policy
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any


@dataclass(frozen=True, slots=True)
class Mail:
    """One message as it came. `n` counts from 1; `received` is UTC seconds; sender and recipients are the envelope's."""

    n: int
    sender: str
    recipients: tuple[str, ...]
    received: float
    raw: bytes

    def parsed(self) -> EmailMessage:
        """The message read by the standard library, which tolerates what is malformed."""
        message = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def as_json(self) -> dict[str, Any]:
        """Envelope, decoded subject and bodies, and the source."""
        message = self.parsed()
        return {
            "n": self.n,
            "from": self.sender,
            "to": list(self.recipients),
            "received": round(self.received, 3),
            "subject": _header(message, "subject"),
            "headers": {name.lower(): _header(message, name) for name in message},
            "text": _body(message, "plain"),
            "html": _body(message, "html"),
            "raw": self.raw.decode("utf-8", "replace"),
        }


def _header(message: EmailMessage, name: str) -> str:
    """A header decoded; one that cannot be is shown as it stands."""
    try:
        return str(message[name] or "")
    except (ValueError, IndexError, AttributeError):  # the header parser's failures on hostile input
        return next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")


def _body(message: EmailMessage, kind: str) -> str | None:
    """The text or html part, None when there is none or its encoding does not exist."""
    try:
        part = message.get_body((kind,))
        return None if part is None else str(part.get_content())
    except (LookupError, ValueError, AttributeError):
        return None


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody waits for or looks for: an address among the recipients, a piece of the subject."""

    to: str = ""
    subject: str = ""

    def fits(self, mail: Mail) -> bool:
        """Whether a mail is one of these."""
        if self.to and self.to.lower() not in (recipient.lower() for recipient in mail.recipients):
            return False
        return not self.subject or self.subject.lower() in _header(mail.parsed(), "subject").lower()


class Mailbox:
    """Bounded: when full the oldest go, and are counted in `forgotten`."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.most = most
        self.most_bytes = most_bytes
        self.mails: deque[Mail] = deque()
        self.received = 0
        self.forgotten = 0
        self.bytes = 0
        self._arrived = asyncio.Condition()

    async def add(self, sender: str, recipients: list[str], raw: bytes) -> Mail:
        """Keep a message and wake who waits."""
        self.received += 1
        mail = Mail(self.received, sender, tuple(recipients), time.time(), raw)
        self.mails.append(mail)
        self.bytes += len(raw)
        while len(self.mails) > self.most or (self.bytes > self.most_bytes and len(self.mails) > 1):
            self.bytes -= len(self.mails.popleft().raw)
            self.forgotten += 1
        async with self._arrived:
            self._arrived.notify_all()
        return mail

    def find(self, wish: Wish) -> Iterator[Mail]:
        """Those kept that fit, oldest first."""
        return (mail for mail in list(self.mails) if wish.fits(mail))

    def get(self, n: int) -> Mail | None:
        """One by its number, None when it never was or is gone."""
        return next((mail for mail in self.mails if mail.n == n), None)

    def clear(self) -> int:
        """Throw all away; returns how many there were."""
        count = len(self.mails)
        self.mails.clear()
        self.bytes = 0
        return count

    async def wait(self, wish: Wish, count: int, timeout: float) -> list[Mail]:
        """Those that fit as soon as there are `count`, or what there is when time runs out."""
        async with self._arrived:
            try:
                async with asyncio.timeout(timeout):
                    await self._arrived.wait_for(lambda: len(list(self.find(wish))) >= count)
            except TimeoutError:
                pass
        return list(self.find(wish))
