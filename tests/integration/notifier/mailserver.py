"""A real SMTP server on a free port that keeps what it gets and answers as it is told."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.support.ports import free_port


class MailServer:
    """``messages`` are those it answered with 250. ``answers`` are given first: one for each DATA, ``drop`` hangs up."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answers: deque[str] = deque()
        self.recipient_answers: deque[str] = deque()
        self.hold: threading.Event | None = None
        self.reached = threading.Event()

    async def handle_RCPT(self, _: Any, __: Any, envelope: Any, address: str, ___: Any) -> str:
        """Take the recipient unless told otherwise."""
        if self.recipient_answers:
            return self.recipient_answers.popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _: Any, envelope: Any) -> str:
        """Keep the message unless told otherwise."""
        self.reached.set()
        if self.hold is not None:
            await asyncio.get_running_loop().run_in_executor(None, self.hold.wait, 30)
        answer = self.answers.popleft() if self.answers else "250 OK"
        if answer.startswith("250") or answer == "keep and drop":
            self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
            self.recipients.extend(envelope.rcpt_tos)
        if answer.endswith("drop"):
            server.transport.close()
        return answer


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Such a server, running."""
    server = MailServer(free_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port, decode_data=False)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
