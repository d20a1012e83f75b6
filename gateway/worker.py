"""The gateway's worker of gunicorn: its gthread, which gives the short way (``express``) the first look at what arrives.

What is taken there is read in the main thread and answered by the thread that has the answer; everything else, and every first
request of a connection, is gunicorn's as ever. A request costs no hand-over between threads, of which the usual
way has four; with 32 clients these were a third of the gateway's time.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn import SERVER, util
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.workers.gthread import TConn, ThreadWorker

from servicekit import logs

from .express import METHOD, PATH, Answer, Express

log = logs.get(__name__)

CLOSERS = 8
MOST_CLOSING = 64  # more are closed without waiting for what they may still say
GLANCE = 16 * 1024  # a message and its headers; what is longer goes the usual way
_BEGINNING = f"{METHOD} {PATH} HTTP/1.1\r\n".encode()
_UNUSUAL = frozenset({"EXPECT", "TRANSFER-ENCODING", "UPGRADE"})
_DONE: Future[bool] = Future()
_DONE.set_result(True)  # what gthread's threads say of a request after which the connection is kept


class Worker(ThreadWorker):
    """gthread with a short way. Serves one application, made by ``gateway.app.create_app``."""

    def load_wsgi(self) -> None:
        """Load the application and find its short way."""
        super().load_wsgi()
        self._express: Express = self.wsgi.extensions["keryx_express"]
        self._answered: deque[TConn] = deque()
        self._answered_lock = threading.Lock()
        self._closers = ThreadPoolExecutor(CLOSERS, "closing")
        self._may_close = threading.BoundedSemaphore(MOST_CLOSING)

    def on_client_socket_readable(self, conn: TConn, client: Any) -> None:
        """A kept connection has something to say."""
        if not self._is_taken(conn, client):
            super().on_client_socket_readable(conn, client)

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Keep the connection or close it. gthread closes here, in the thread that serves everybody, and waits up to 2 s for a
        client that does not hang up: three of them stalled all others for 6 s."""
        if fs.cancelled() or fs.exception() is not None or fs.result():
            super().finish_request(conn, fs)
            return
        self.nr_conns -= 1
        if self._may_close.acquire(blocking=False):
            closing = self._closers.submit(conn.close, graceful=True)
            closing.add_done_callback(lambda _: self._may_close.release())
        else:
            conn.close()

    def _is_taken(self, conn: TConn, client: Any) -> bool:
        """True when the short way has taken what the client says, of which nothing is left to read then."""
        try:
            if not self.alive or conn.is_http2 or len(self.keepalived_conns) >= self.max_keepalived:
                return False
            heard = client.recv(GLANCE, socket.MSG_PEEK)
            request = self._whole_request(conn, heard)
            if request is None or not self._express.take(*request, partial(self._answer, conn)):
                return False
        except Exception:  # whatever is odd about it, the usual way reads it anew and says so
            log.debug("not_taken", exc_info=True)
            return False
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        with suppress(OSError):
            client.recv(len(heard))
        return True

    def _whole_request(self, conn: TConn, heard: bytes) -> tuple[list[tuple[str, str]], bytes] | None:
        """Headers and body, if ``heard`` is exactly one request of the kind that is taken. gunicorn parses and checks it."""
        if not heard.startswith(_BEGINNING):
            return None
        rest = IterUnreader([heard])
        request = Request(self.cfg, rest, conn.client, req_number=2)  # not the first of its connection
        lengths = [value for name, value in request.headers if name == "CONTENT-LENGTH"]
        unusual = any(name in _UNUSUAL for name, _ in request.headers)
        if unusual or len(lengths) != 1 or request.should_close():
            return None
        body = request.body.read()
        if len(body) != int(lengths[0]) or rest.take_buffered():
            return None
        return request.headers, body

    def _answer(self, conn: TConn, answer: Answer) -> None:
        """Send the answer; runs in whatever thread has it, and must not wait for a client that does not read."""
        octets = _octets(answer)
        try:
            sent = conn.sock.send(octets)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(octets)  # the client is gone; the poller will find that out
        if sent == len(octets):
            self._keep(conn)
            return
        waiting = self.tpool.submit(_send_all, conn.sock, octets[sent:])
        waiting.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def _keep(self, conn: TConn) -> None:
        """Hand the connection back to the main thread, which is woken once for all that are answered together."""
        with self._answered_lock:
            self._answered.append(conn)
            is_first = len(self._answered) == 1
        if is_first:
            self.method_queue.defer(self._keep_answered)

    def _keep_answered(self) -> None:
        with self._answered_lock:
            answered = list(self._answered)
            self._answered.clear()
        for conn in answered:
            self.finish_request(conn, _DONE)


def _octets(answer: Answer) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase.upper()}\r\n"
        f"Server: {SERVER}\r\nDate: {util.http_date()}\r\nConnection: keep-alive\r\n"
        f"Content-Length: {len(answer.body)}\r\n"
    )
    fields = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    return f"{head}{fields}\r\n".encode("latin-1") + answer.body


def _send_all(sock: socket.socket, octets: bytes) -> bool:
    """Wait for a slow client, as long as gthread does. True: the connection may be kept."""
    sock.setblocking(True)
    sock.sendall(octets)
    return True
