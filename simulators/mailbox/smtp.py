"""The SMTP side, on aiosmtpd."""

import asyncio

from aiosmtpd.smtp import SMTP, Envelope, Session

from simulators.mailbox.faults import Faults
from simulators.mailbox.store import Mailbox

LARGEST = 10 * 1024 * 1024
RECIPIENTS = 1000


class Handler:
    """aiosmtpd's hooks: each returns the line the client gets."""

    def __init__(self, mailbox: Mailbox, faults: Faults) -> None:
        self.mailbox = mailbox
        self.faults = faults
        self.refused = 0
        self.dropped = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take any recipient, unless told to refuse."""
        refusal = self.faults.refusal("rcpt")
        if refusal:
            self.refused += 1
            return refusal
        if len(envelope.rcpt_tos) >= RECIPIENTS:
            return "452 Too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the message; or be slow, refuse, hang up."""
        if self.faults.slow_ms:
            await asyncio.sleep(self.faults.slow_ms / 1000)
        refusal = self.faults.refusal("data")
        if refusal:
            self.refused += 1
            return refusal
        drops = self.faults.drops()
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        if not drops or self.faults.drop_keeps:
            await self.mailbox.add(envelope.mail_from or "", envelope.rcpt_tos, raw)
        if drops:
            self.dropped += 1
            if isinstance(server.transport, asyncio.Transport):
                server.transport.abort()
        return f"250 OK, message {self.mailbox.received}"


def protocol(handler: Handler) -> SMTP:
    """One connection's protocol, for a server's protocol factory."""
    return SMTP(
        handler, data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname="mailbox.keryx.test",
        ident="Keryx mailbox simulator", timeout=60,
    )  # fmt: skip
