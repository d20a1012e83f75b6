"""A notifier database of each test's own, and a mail server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from servicekit.database import Database, make_engine
from tests.integration.notifier.mailserver import MailServer, mail_server
from tests.support.dataplane import SECRET


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the pseudonyms of erased numbers."""
    monkeypatch.setenv("KERYX_SECRET_KEY", SECRET)


@pytest.fixture
def db(fresh_database: Callable[[str], str]) -> Iterator[Database]:
    """Transactions on an empty notifier database."""
    engine = make_engine(fresh_database("notifier"), "test", pool_size=20)
    yield Database(engine)
    engine.dispose()


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server that takes everything until told otherwise."""
    with mail_server() as running:
        yield running
