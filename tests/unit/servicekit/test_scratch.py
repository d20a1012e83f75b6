"""What a process puts aside is gone with it, however it ends, and nobody loses what is in use."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

AT_WORK = """
import sys, tempfile
from servicekit import scratch
scratch.sweep(sys.argv[1])
assert scratch.settle(sys.argv[1]) == scratch.settle(sys.argv[1])
with tempfile.NamedTemporaryFile(delete=False) as file:
    print(file.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[], tuple[subprocess.Popen[str], Path]]]:
    """Starts processes that put a file aside and then wait; says which."""
    started: list[subprocess.Popen[str]] = []

    def start() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", AT_WORK, str(tmp_path)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    yield start
    for one in started:
        one.kill()
        one.communicate()


def test_what_a_process_put_aside_is_gone_when_it_ends(
    begin: Callable[[], tuple[subprocess.Popen[str], Path]], tmp_path: Path
) -> None:
    process, file = begin()
    assert file.is_file()
    assert tmp_path in file.parents
    process.communicate("")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_put_aside_is_gone_when_the_next_one_starts_and_others_keep_theirs(
    begin: Callable[[], tuple[subprocess.Popen[str], Path]], tmp_path: Path
) -> None:
    killed, left = begin()
    _, kept = begin()
    killed.kill()
    killed.communicate()
    assert left.is_file()

    _, own = begin()

    assert not left.parent.exists()
    assert kept.is_file()
    assert own.is_file()
    assert set(tmp_path.iterdir()) == {kept.parent, own.parent}


def test_a_folder_of_that_name_that_is_a_link_is_left_alone(
    begin: Callable[[], tuple[subprocess.Popen[str], Path]], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    (tmp_path / "keryx-scratch-link").symlink_to(elsewhere)
    begin()
    assert (elsewhere / "file").is_file()
