"""Exports that do not succeed at once: no room, a killed or stopped writer, somebody who does not want them any more."""

from __future__ import annotations

import base64
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import NotFound
from contracts.events import NumbersErased
from servicekit import exporting, exports
from servicekit.database import Database, cursor_of, make_engine
from services.dispatcher import erasing
from services.dispatcher.domain import State
from services.dispatcher.progress import ChunkCache
from tests.integration.billing.processes import Running, start
from tests.integration.dispatcher.tables import many_messages
from tests.support.dataplane import SECRET
from tests.support.sql import rows_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

ACCOUNT = 7
NOWHERE = {
    "TMPDIR": "/proc"
}  # a file system without a free octet, also for those who may not mount a small one


class Desk:
    """Where exports are asked for, and their writers."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.points = folder / "points"
        self.points.mkdir()
        self._database = Database(make_engine(url, "test", pool_size=2))
        self._started: list[Running] = []

    def ask(self, format_: str = "csv") -> int:
        with self._database.transaction() as session:
            return int(exports.create(session, ACCOUNT, "messages", format_, {}, None)["id"])

    def get(self, export: int) -> dict[str, Any]:
        with self._database.transaction() as session:
            return exports.get(session, ACCOUNT, export)

    def delete(self, export: int, account: int = ACCOUNT) -> None:
        with self._database.transaction() as session:
            exports.delete(session, account, export)

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return rows_of(self.url, statement, *parameters)

    def writer(self, **more: str) -> Running:
        environment = {
            "KERYX_AMQP_URI": "amqp://127.0.0.1:1",
            "KERYX_DATABASE_URL_DISPATCHER": self.url,
            "KERYX_CRASH_POINTS": str(self.points),
            **more,
        }
        one = start("services.dispatcher.exporter", environment=environment, log=self.folder / "exporter.log")
        self._started.append(one)
        return one

    def attempted(self, export: int, times: int) -> None:
        """Wait until it was put off so often."""
        asked = "SELECT attempts, owner FROM exports WHERE id = %s"
        eventually(lambda: self.sql(asked, export) == [(times, None)], 30, what=f"attempt {times}")

    def done(self, export: int) -> dict[str, Any]:
        """Wait for the end, good or bad."""
        eventually(lambda: self.get(export)["state"] in ("done", "failed"), 60, what="the end")
        return self.get(export)

    def frozen(self, writer: Running, export: int) -> None:
        """Wait until the writer stands still in the midst of the export."""
        eventually((self.points / "exporter.page.fired").exists, 60, what="the writer stopped")
        assert self.sql("SELECT state FROM exports WHERE id = %s", export) == [("running",)]

    def text(self, export: int) -> str:
        """A finished file."""
        read, offset = b"", 0
        with self._database.transaction() as session:
            while offset is not None:
                piece = exports.piece(session, ACCOUNT, export, offset)
                read, offset = read + base64.b64decode(piece["data_b64"]), piece["next_offset"]
        return read.decode()

    @contextmanager
    def erasing(self, number: str) -> Iterator[None]:
        """The number is erased by a transaction that commits behind the block."""
        event = NumbersErased(ACCOUNT, [number], [])
        with self._database.transaction() as session:
            erasing.note(cursor_of(session), event, ChunkCache())
            yield

    def sweep(self) -> None:
        """What the dispatcher does now and then for those who were erased."""
        with self._database.transaction() as session:
            erasing.sweep(cursor_of(session))

    def someone(self) -> str:
        """Somebody in the history who has a number still."""
        ((number,),) = self.sql("SELECT recipient FROM messages WHERE recipient > 0 ORDER BY id LIMIT 1")
        return str(number)

    def close(self) -> None:
        for one in self._started:
            one.kill()
        self._database.engine.dispose()


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the pseudonyms."""
    monkeypatch.setenv("KERYX_SECRET_KEY", SECRET)


@pytest.fixture(scope="module")
def url(module_database: Callable[[str], str]) -> str:
    """A history of 6,000 messages: three pages."""
    url = module_database("dispatcher")
    many_messages(url, ACCOUNT, 6_000)
    return url


@pytest.fixture
def desk(url: str, tmp_path: Path) -> Iterator[Desk]:
    it = Desk(url, tmp_path)
    yield it
    it.close()


def test_what_finds_no_room_is_tried_again_later_and_later_and_then_given_up(desk: Desk) -> None:
    full = desk.writer(**NOWHERE)
    export, other = desk.ask("xlsx"), desk.ask("csv")
    pauses = []
    for attempt in range(1, exporting.MAX_ATTEMPTS):
        desk.attempted(export, attempt)
        assert desk.get(export)["state"] == "queued"
        left = "SELECT extract(epoch FROM lease_until - now())::float FROM exports WHERE id = %s"
        pauses.append(desk.sql(left, export)[0][0])
        desk.sql("UPDATE exports SET lease_until = now() WHERE id = %s", export)
    job = desk.done(export)
    assert (job["state"], job["error"], job["size"]) == ("failed", "no_space", None)
    assert job["failure"] == {"code": "no_space", **exports.WHY["no_space"]}
    assert pauses == sorted(pauses)
    assert pauses[-1] > 100
    assert full.process.poll() is None, "it goes on with others"
    desk.attempted(other, 2)

    desk.sql("UPDATE exports SET lease_until = now() WHERE id = %s", other)
    full.kill()
    desk.writer()
    job = desk.done(other)
    assert (job["state"], job["rows"], job["total"], job["progress"]) == ("done", 6_000, 6_000, 1.0)
    assert desk.get(export)["state"] == "failed"


def test_an_export_that_kills_its_writers_is_given_up(desk: Desk) -> None:
    export = desk.ask()
    desk.sql("UPDATE exports SET attempts = %s WHERE id = %s", exporting.MAX_ATTEMPTS, export)
    desk.writer()
    job = desk.done(export)
    assert (job["state"], job["error"]) == ("failed", "internal_error")


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
def test_a_killed_writer_leaves_nothing_in_its_folder(desk: Desk, tmp_path: Path, format_: str) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    writer = desk.writer(TMPDIR=str(folder))
    (desk.points / "exporter.page").write_text("kill after=3")
    export = desk.ask(format_)
    writer.process.wait(60)
    assert list(folder.iterdir()) == []
    desk.delete(export)


def test_a_writer_that_is_asked_to_stop_puts_the_export_down_for_another(desk: Desk) -> None:
    writer = desk.writer()
    (desk.points / "exporter.page").write_text("stop after=2")
    export = desk.ask("xlsx")
    desk.frozen(writer, export)
    writer.process.send_signal(signal.SIGTERM)
    writer.process.send_signal(signal.SIGCONT)
    assert writer.process.wait(30) == 0
    assert desk.sql("SELECT state, attempts, owner FROM exports WHERE id = %s", export) == [
        ("queued", 0, None)
    ]
    desk.writer()
    assert desk.done(export)["state"] == "done"


def test_a_deleted_export_ends_and_its_writer_goes_on_with_the_next(desk: Desk) -> None:
    writer = desk.writer()
    (desk.points / "exporter.page").write_text("stop after=2")
    export, following = desk.ask("xlsx"), desk.ask("csv")
    desk.frozen(writer, export)
    with pytest.raises(NotFound):
        desk.delete(export, account=ACCOUNT + 1)
    desk.delete(export)
    writer.process.send_signal(signal.SIGCONT)
    assert desk.done(following)["state"] == "done"
    assert writer.process.poll() is None
    with pytest.raises(NotFound) as refusal:
        desk.get(export)
    assert refusal.value.code == "unknown_export"
    desk.delete(following)
    assert desk.sql("SELECT count(*) FROM export_pieces p WHERE export_id = %s", following) == [(0,)]


def test_a_file_that_is_being_written_while_somebody_is_erased_begins_anew_without_him(desk: Desk) -> None:
    writer, number = desk.writer(), desk.someone()
    before = desk.ask()
    assert number in desk.text(desk.done(before)["id"])
    (desk.points / "exporter.page").write_text("stop after=2")
    export = desk.ask()
    desk.frozen(writer, export)
    with desk.erasing(number):
        pass
    writer.process.send_signal(signal.SIGCONT)
    assert desk.done(export)["rows"] == 6_000
    assert number not in desk.text(export)
    with pytest.raises(NotFound):
        desk.get(before)


def test_a_file_that_is_asked_for_while_somebody_is_erased_waits_and_is_without_him(desk: Desk) -> None:
    number = desk.someone()
    desk.writer()
    with desk.erasing(number):
        export = desk.ask()
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND NOT granted"
        eventually(lambda: desk.sql(waiting), what="the writer waits")
    assert desk.done(export)["state"] == "done"
    assert number not in desk.text(export)


def test_a_file_loses_who_was_erased_while_a_message_was_still_on_its_way_to_him(desk: Desk) -> None:
    number = desk.someone()
    change = "UPDATE messages SET state = %s WHERE recipient = %s"
    desk.sql(change, int(State.SUBMITTED), int(number))
    desk.writer()
    with desk.erasing(number):
        pass
    export = desk.ask()
    assert number in desk.text(desk.done(export)["id"])
    desk.sql(change, int(State.DELIVERED), int(number))
    desk.sweep()
    with pytest.raises(NotFound):
        desk.get(export)


def test_files_go_when_their_time_is_over_and_not_before(desk: Desk) -> None:
    old, new = desk.ask(), desk.ask()
    writer = desk.writer()
    for export in (old, new):
        assert desk.done(export)["expires_at"] > desk.get(export)["finished_at"]
    writer.kill()
    desk.sql("UPDATE exports SET finished_at = finished_at - interval '7 days' WHERE id = %s", old)
    desk.sql("UPDATE exports SET finished_at = finished_at - interval '6.9 days' WHERE id = %s", new)
    desk.writer()
    eventually(
        lambda: not desk.sql("SELECT 1 FROM exports WHERE id = %s", old), 30, what="the old file removed"
    )
    assert desk.get(new)["state"] == "done"
