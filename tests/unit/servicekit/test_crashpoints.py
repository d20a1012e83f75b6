"""Crash points: nothing without the variable, once with it, and a trace that it happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from servicekit import crashpoints, settings
from servicekit.crashpoints import BadOrder, Order


class Ended(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for armed points, in which ``kill`` raises instead of killing the tests."""

    def end() -> None:
        raise Ended

    monkeypatch.setattr(crashpoints, "_folder", tmp_path)
    monkeypatch.setattr(crashpoints, "_reached", type(crashpoints._reached)())
    monkeypatch.setitem(crashpoints.ACTIONS, "kill", end)
    return tmp_path


def test_nothing_is_looked_at_when_the_variable_is_not_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "sender.marked").write_text("kill")
    monkeypatch.setattr(crashpoints, "_folder", None)

    crashpoints.reach("sender.marked")

    assert (folder / "sender.marked").exists()


def test_the_folder_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERYX_CRASH_POINTS", raising=False)
    assert settings.crash_points() is None
    monkeypatch.setenv("KERYX_CRASH_POINTS", "")
    assert settings.crash_points() is None
    monkeypatch.setenv("KERYX_CRASH_POINTS", "/some/where")
    assert settings.crash_points() == Path("/some/where")


def test_an_armed_point_writes_who_fired_and_when_before_it_acts(folder: Path) -> None:
    (folder / "sender.marked").write_text("kill")

    with pytest.raises(Ended):
        crashpoints.reach("sender.marked")

    pid, at = (folder / "sender.marked.fired").read_text().split()
    assert int(pid) == os.getpid()
    assert 0 <= time.time() - float(at) < 3600


def test_a_process_is_killed_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "toy.here").write_text("kill after=2")
    code = "from servicekit import crashpoints as c; [print(n, flush=True) or c.reach('toy.here') for n in (1, 2, 3)]"
    environment = os.environ | {"KERYX_CRASH_POINTS": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout.split()) == (-signal.SIGKILL, ["1", "2"])
    assert (tmp_path / "toy.here.fired").exists()


def test_an_armed_point_fires_once(folder: Path) -> None:
    (folder / "sender.marked").write_text("kill")
    with pytest.raises(Ended):
        crashpoints.reach("sender.marked")

    crashpoints.reach("sender.marked")

    assert [path.name for path in folder.iterdir()] == ["sender.marked.fired"]


def test_other_points_go_on(folder: Path) -> None:
    (folder / "sender.marked").write_text("kill")

    crashpoints.reach("sender.flushed")

    assert (folder / "sender.marked").exists()


def test_after_counts_the_times_it_is_reached(folder: Path) -> None:
    (folder / "sender.marked").write_text("kill after=3")
    crashpoints.reach("sender.marked")
    crashpoints.reach("sender.marked")

    with pytest.raises(Ended):
        crashpoints.reach("sender.marked")


def test_a_point_armed_for_one_process_leaves_the_others(folder: Path) -> None:
    (folder / "sender.marked").write_text(f"kill pid={os.getpid() + 1}")

    crashpoints.reach("sender.marked")

    assert (folder / "sender.marked").exists()


def test_whoever_comes_second_to_the_claim_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sender.marked").write_text("kill")
    monkeypatch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(FileNotFoundError))

    crashpoints.reach("sender.marked")

    assert not (folder / "sender.marked.fired").exists()


def test_an_order_is_written_as_it_is_read() -> None:
    order = Order("stop", after=4, pid=17)

    assert Order.read(str(order)) == order


@pytest.mark.parametrize("text", ["", "explode", "kill often=1", "kill after=x", "kill after"])
def test_what_is_no_order_is_refused(text: str) -> None:
    with pytest.raises(BadOrder):
        Order.read(text)


def test_an_order_that_cannot_be_read_leaves_the_process_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "sender.marked").write_text("explode")

    crashpoints.reach("sender.marked")

    assert "explode" in capsys.readouterr().err
