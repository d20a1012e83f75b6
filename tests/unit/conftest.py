"""Unit tests open no connection: one that tries fails at once and says where."""

from __future__ import annotations

import socket
from typing import Any, NoReturn

import pytest


@pytest.fixture(autouse=True)
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every attempt to connect an error."""

    def refuse(_: socket.socket, address: Any) -> NoReturn:
        raise AssertionError(f"a unit test tried to connect to {address!r}; it belongs in tests/integration")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
