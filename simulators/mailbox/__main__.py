"""`python -m simulators.mailbox`."""

import asyncio
import signal
import socket
import sys

from simulators import support
from simulators.mailbox.control import Control
from simulators.mailbox.faults import Faults
from simulators.mailbox.smtp import Handler, protocol
from simulators.mailbox.store import Mailbox

NAME = "mailbox"


def main() -> int:
    """Run until told to stop; returns the exit status."""
    try:
        host = support.text("KERYX_MAILBOX_HOST", "127.0.0.1")
        box = Mailbox(
            support.number("KERYX_MAILBOX_KEEP", 1000, 1),
            support.number("KERYX_MAILBOX_KEEP_MB", 64, 1, 4096) * 1024 * 1024,
        )
        smtp = support.listen(host, support.port("KERYX_SMTP_PORT", 2525), "KERYX_SMTP_PORT")
        http = support.listen(host, support.port("KERYX_MAILBOX_HTTP_PORT", 2526), "KERYX_MAILBOX_HTTP_PORT")
    except support.CannotStart as error:
        return support.refuse_to_start("keryx mailbox simulator", error)
    asyncio.run(_serve(box, smtp, http))
    return 0


async def _serve(box: Mailbox, smtp: socket.socket, http: socket.socket) -> None:
    """Serve both sockets until SIGTERM or SIGINT."""
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    handler = Handler(box, Faults())
    control = Control(handler, lambda: not stopping.is_set())
    mail_server = await loop.create_server(lambda: protocol(handler), sock=smtp)
    http_server = await asyncio.start_server(control.serve, sock=http)
    host, port = smtp.getsockname()[:2]
    support.note(NAME, "listening", host=host, port=port, http_port=http.getsockname()[1])
    await stopping.wait()
    mail_server.close()
    http_server.close()
    support.note(NAME, "stopped", messages=box.received)


if __name__ == "__main__":
    sys.exit(main())
