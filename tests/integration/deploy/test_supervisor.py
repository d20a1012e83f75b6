"""The supervisor, over real processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local import proc, supervisor
from deploy.local.layout import Layout
from deploy.local.logs import Follower
from deploy.local.state import State
from deploy.local.status import read_status
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


@dataclass
class Toy:
    """A toy stack in a folder of its own."""

    layout: Layout
    diary: Path

    def start(self, *descriptions: str) -> int:
        """``{port}`` in a description is a free port; the supervisor's pid."""
        state = State(self.layout)
        filled = [text.format(port=state.port(f"toy:{text.split(':')[0]}")) for text in descriptions]
        return supervisor.spawn(["-m", "tests.support.toy_stack", str(self.diary), *filled], self.layout)

    def pid(self, name: str) -> int | None:
        """The pid in ``name``'s pid file, if it lives."""
        return proc.PidFile(self.layout.pids, name).read()

    def story(self) -> list[str]:
        """What the processes noted so far."""
        return self.diary.read_text(encoding="ascii").splitlines() if self.diary.exists() else []

    def is_ready(self, *names: str) -> bool:
        """Whether the supervisor saw each of ``names`` ready."""
        status = read_status(self.layout)
        return all(name in status and status[name]["was_ready"] for name in names)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toy]:
    """A toy stack; whatever it left running is ended after the test."""
    monkeypatch.setenv("KERYX_RUN_DIR", str(tmp_path / "run"))
    layout = Layout(tmp_path / "run").make()
    yield Toy(layout, tmp_path / "diary")
    for remembered in sorted(layout.pids.glob("*.pid"), key=lambda path: path.stem != "supervisor"):
        if pid := proc.PidFile(layout.pids, remembered.stem).read():
            proc.stop(pid, 10)


def test_those_who_come_after_start_when_their_prerequisites_are_ready_and_leave_before_them(
    toy: Toy,
) -> None:
    boss = toy.start("last:{port}:first", "first:{port}")
    eventually(lambda: toy.is_ready("first", "last"))
    assert proc.stop(boss, 20)
    assert toy.story() == ["first started", "last started", "last drained", "first drained"]
    assert list(toy.layout.pids.glob("*.pid")) == [toy.layout.pids / "supervisor.pid"]


def test_a_killed_process_is_started_again_and_its_pid_file_follows(toy: Toy) -> None:
    toy.start("worker:{port}")
    eventually(lambda: toy.is_ready("worker"))
    first = toy.pid("worker")
    assert first
    os.kill(first, signal.SIGKILL)
    second = eventually(lambda: (pid := toy.pid("worker")) != first and pid)
    eventually(lambda: toy.story() == ["worker started"] * 2)
    status = eventually(lambda: (found := read_status(toy.layout)["worker"])["starts"] == 2 and found)
    assert (status["pid"], status["exit"]) == (second, -signal.SIGKILL)


def test_what_a_killed_process_had_started_does_not_live_on(toy: Toy) -> None:
    toy.start("parent:{port}")
    eventually(lambda: toy.is_ready("parent"))
    child = int(toy.story()[0].rsplit(" ", 1)[1])
    assert proc.birth(child)
    parent = toy.pid("parent")
    assert parent
    os.kill(parent, signal.SIGKILL)
    eventually(lambda: proc.birth(child) is None)


def test_a_process_that_cannot_start_is_tried_again_ever_less_often_and_reported(toy: Toy) -> None:
    toy.start("crash:{port}", "worker:{port}")
    status = eventually(
        lambda: (found := read_status(toy.layout).get("crash", {})).get("starts", 0) >= 3 and found
    )
    assert (status["exit"], status["was_ready"]) == (3, False)
    assert "toy: refusing to start" in (toy.layout.logs / "crash.log").read_text(encoding="ascii")
    eventually(lambda: toy.is_ready("worker"))


def test_a_new_supervisor_ends_what_a_killed_one_left_behind(toy: Toy) -> None:
    boss = toy.start("worker:{port}")
    eventually(lambda: toy.is_ready("worker"))
    orphan = toy.pid("worker")
    os.kill(boss, signal.SIGKILL)
    eventually(lambda: proc.birth(boss) is None)
    assert orphan
    assert toy.pid("worker") == orphan
    toy.layout.status_file.unlink()
    toy.start("worker:{port}")
    eventually(lambda: toy.is_ready("worker"))
    assert proc.birth(orphan) is None
    assert toy.story() == ["worker started", "worker drained", "worker started"]


def test_followed_logs_come_in_whole_lines_with_their_process_in_front(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    with (tmp_path / "sender.log").open("w", encoding="utf-8") as log:
        log.write("one\ntw")
        log.flush()
        assert follower.new_lines() == [("sender", "one")]
        log.write("o\n")
        log.flush()
    assert follower.new_lines() == [("sender", "two")]
