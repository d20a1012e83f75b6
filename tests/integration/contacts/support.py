"""What the tests of contacts say in one word."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psycopg2

from servicekit import wire
from servicekit.database import Database, cursor_of
from services.contacts import schemas
from services.contacts.importing import pages
from services.contacts.importing.pages import Page
from services.contacts.jobs import freezing
from services.contacts.queries import contacts as contacts_read
from services.contacts.queries import imports as imports_read
from services.contacts.use_cases import audiences, contacts, groups, imports
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
OVER = ("analysed", "done", "failed", "cancelled")


@dataclass(frozen=True)
class Running:
    """A process started by a test."""

    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it without asking."""
        self.process.kill()
        self.process.wait(10)

    def end(self) -> None:
        """Ask it to end; it must."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


@dataclass(frozen=True)
class Worker:
    """Starts processes of contacts on one database."""

    database_url: str
    amqp_uri: str = "amqp://nobody@127.0.0.1:1/"

    def start(self, module: str = "services.contacts.worker", *arguments: str) -> Running:
        """Start one."""
        environment = os.environ | {
            "KERYX_DATABASE_URL_CONTACTS": self.database_url,
            "KERYX_AMQP_URI": self.amqp_uri,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'libs'}",
            "KERYX_LOG_LEVEL": "warning",
        }
        return Running(
            subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment)
        )


def call(db: Database, use_case: Callable[..., Any], *arguments: Any) -> Any:
    """A use case or query in a transaction of its own."""
    with db.transaction() as session:
        return use_case(session, *arguments)


def database_url(db: Database) -> str:
    """For a connection of one's own."""
    return db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def fetch(db: Database, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """Rows."""
    with db.transaction() as session:
        cursor = cursor_of(session)
        cursor.execute(sql, arguments)
        return list(cursor.fetchall())


def new_contact(db: Database, account_id: int, *numbers: str, **fields: Any) -> int:
    """The id of a new contact; the first number is its primary one."""
    data = fields | {"numbers": [{"number": number} for number in numbers]}
    return int(call(db, contacts.create_contact, account_id, data, None)["id"])


def new_group(db: Database, account_id: int, name: str = "Πελάτες", contact_ids: Iterable[int] = ()) -> int:
    """The id of a new group with these members."""
    group_id = int(call(db, groups.create_group, account_id, {"name": name}, None)["id"])
    if members := list(contact_ids):
        call(db, groups.add_members, account_id, group_id, members)
    return group_id


def upload(db: Database, account_id: int, content: bytes, filename: str = "file.xlsx") -> int:
    """The id of an import whose file has arrived and waits to be analysed."""
    data = {"filename": filename, "size": len(content)}
    import_id = int(call(db, imports.create_import, account_id, data)["id"])
    for seq, start in enumerate(range(0, len(content), 1 << 20)):
        piece = base64.b64encode(content[start : start + (1 << 20)]).decode()
        call(db, imports.append_import, account_id, import_id, seq, piece)
    call(db, imports.analyse_import, account_id, import_id)
    return import_id


def until_over(db: Database, account_id: int, import_id: int, timeout: float = 60) -> dict[str, Any]:
    """The import once nothing is being done to it."""

    def over() -> Any:
        found = call(db, imports_read.get_import, account_id, import_id)
        return found if found["state"] in OVER else None

    return dict(eventually(over, timeout=timeout, what=f"import {import_id} over"))


def commit(db: Database, account_id: int, import_id: int, **data: Any) -> dict[str, Any]:
    """The import once it is stored."""
    call(db, imports.commit_import, account_id, import_id, data)
    return until_over(db, account_id, import_id)


def workbook_of_rejects(db: Database, account_id: int, import_id: int) -> bytes:
    """The whole workbook of rejected rows."""
    content, offset = b"", 0
    while offset is not None:
        piece = call(db, imports_read.import_rejects, account_id, import_id, offset)
        content += base64.b64decode(piece["data_b64"])
        offset = piece["next_offset"]
    return content


def pages_of(db: Database, import_id: int) -> list[Page]:
    """The judged rows of an import that wait for its commit."""
    found = fetch(db, "SELECT data FROM import_pages WHERE import_id = %s ORDER BY last_row", import_id)
    return [pages.decode(orjson.loads(data)) for (data,) in found]


def freeze(db: Database, account_id: int, campaign_id: int, audience: dict[str, Any]) -> int:
    """The id of a snapshot, made by the worker's own code."""
    snapshot_id = call(db, audiences.freeze_audience, account_id, campaign_id, audience)["snapshot_id"]
    connection = psycopg2.connect(
        db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    try:
        while freezing.freeze_next(connection):
            pass
    finally:
        connection.close()
    return int(snapshot_id)


def told(db: Database, account_id: int, routing_key: str) -> list[dict[str, Any]]:
    """The data of the account's events that wait in the outbox, oldest first."""
    found = fetch(db, "SELECT body FROM outbox_0 WHERE routing_key = %s ORDER BY id", routing_key)
    envelopes = [wire.decode(bytes(row[0])) for row in found]
    return [envelope.data for envelope in envelopes if envelope.account_id == account_id]


PELATES = (EXAMPLES / "pelates.xlsx").read_bytes()


def csv(*rows: str) -> bytes:
    """A file as Excel saves it."""
    return "\r\n".join(rows).encode("utf-8-sig")


def analysed(db: Database, account_id: int, content: bytes, filename: str = "file.csv") -> dict[str, Any]:
    """The import of a file once its rows are judged."""
    found = until_over(db, account_id, upload(db, account_id, content, filename))
    assert found["state"] == "analysed", found["error"]
    return found


def everyone(db: Database, account_id: int) -> list[dict[str, Any]]:
    """The first contacts of the account."""
    return list(
        call(db, contacts_read.list_contacts, account_id, schemas.load(schemas.Listing, {}), None, 100)[
            "data"
        ]
    )


def adds_up(counts: dict[str, int]) -> bool:
    """Whether each row is counted once."""
    return counts["rows"] == sum(counts[name] for name in ("accepted", "updated", "duplicates", "rejected"))
