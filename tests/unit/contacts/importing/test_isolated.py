"""What a hostile file does, it does to a child process that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from dataclasses import replace

import orjson
import pytest

from servicekit import confined
from services.contacts.importing import analysis, isolated, pages, sandbox
from services.contacts.importing.analysis import Options
from services.contacts.importing.errors import BadFile, BadMapping


def pages_of(path, **options):
    return list(isolated.read(path, "x", **options))[1:]


def test_a_file_read_in_a_child_is_understood_and_judged_as_here(examples):
    path = examples / "pelates-excel-greek.csv"
    found, judged = analysis.understand(path, "p.csv")
    understanding, *read = isolated.read(path, "p.csv")
    assert understanding == found
    assert orjson.dumps([list(page) for page in read]) == orjson.dumps(
        [list(page) for page in pages.build(judged)]
    )


def test_resuming_gives_the_rest_with_the_same_verdicts(text_file):
    path = text_file("Κινητό\n6972601815\n21\n6972601815\n6981234567\n")
    assert [page[:3] for page in pages_of(path, after_row=2)] == [(5, 1, [306981234567])]
    assert pages_of(path, after_row=5) == []


def test_a_sheet_whose_box_fits_no_memory_kills_only_the_child(raw_workbook):
    path = raw_workbook(
        ['<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>']
    )
    with pytest.raises(BadFile) as refused:
        list(isolated.read(path, "x.xlsx"))
    assert refused.value.code == "workbook_too_large"


def test_a_file_that_takes_too_long_is_refused(text_file):
    rows = "\n".join(f"69{number:08d};{'x' * 20}" for number in range(0, 99_000_000, 330))
    path = text_file("Κινητό;Όνομα\n" + rows)
    with pytest.raises(BadFile) as refused:
        pages_of(path, limits=replace(sandbox.DEFAULT_LIMITS, cpu_seconds=1))
    assert refused.value.code == "workbook_too_large"


def test_refusals_cross_with_code_detail_and_pointer(text_file):
    path = text_file("Κινητό\n6972601815\n")
    with pytest.raises(BadMapping) as refused:
        pages_of(path, options=Options(mapping={"number": 9}))
    assert (refused.value.pointer, refused.value.code) == ("/mapping/number", "not_a_column")
    with pytest.raises(BadFile) as no_file:
        pages_of(text_file("  "))
    assert no_file.value.code == "no_data_rows"


def test_a_fault_of_ours_is_told_with_its_traceback(tmp_path):
    with pytest.raises(sandbox.SandboxCrash, match="FileNotFoundError"):
        pages_of(tmp_path / "gone")


def test_the_child_gets_no_secrets(monkeypatch):
    monkeypatch.setenv("KERYX_DATABASE_URL", "postgresql://secret")
    assert "KERYX_DATABASE_URL" not in confined.environment()


def test_only_functions_of_importing_can_be_called():
    with pytest.raises(BadFile):
        list(sandbox.stream(os.getcwd))


@pytest.fixture
def children(monkeypatch):
    """The children that the test has started."""
    started = []

    class Noted(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr(confined.subprocess, "Popen", Noted)
    return started


@pytest.fixture
def many_rows(text_file):
    """A file of which a child has more to say than a pipe holds."""
    return text_file("Κινητό;Όνομα\n" + "\n".join(f"69{n:08d};{'x' * 20}" for n in range(50_000)))


def test_leaving_early_ends_the_child(many_rows, children):
    before = set(os.listdir("/proc/self/fd"))
    stream = isolated.read(many_rows, "")
    assert next(stream)
    stream.close()
    assert [child.returncode for child in children] == [-signal.SIGKILL]
    assert set(os.listdir("/proc/self/fd")) <= before


def test_a_child_whose_answer_is_none_is_not_waited_for(many_rows, children, monkeypatch):
    monkeypatch.setattr(sandbox, "MAX_ANSWER", 100)
    before = set(os.listdir("/proc/self/fd"))
    refused = []

    def read():
        with pytest.raises(BadFile) as caught:
            list(isolated.read(many_rows, ""))
        refused.append(caught.value.code)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(20)

    assert refused == ["workbook_too_large"]
    assert [child.returncode for child in children] == [-signal.SIGKILL]
    assert set(os.listdir("/proc/self/fd")) <= before


def test_a_child_that_lies_about_its_rows_is_gone_before_that_is_told(many_rows, children, monkeypatch):
    def lie(wire):
        raise ValueError("not a line for each row")

    monkeypatch.setattr(pages, "decode", lie)
    with pytest.raises(ValueError, match="not a line") as told:
        list(isolated.read(many_rows, ""))
    assert [child.returncode for child in children] == [-signal.SIGKILL]
    assert told.tb  # whoever logs it holds the frames of the readers
