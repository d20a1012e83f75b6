"""What a hostile file does, it does to a child process that ends."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from services.contacts.importing import analysis, isolated, sandbox
from services.contacts.importing.analysis import Options
from services.contacts.importing.errors import BadFile, BadMapping
from services.contacts.importing.verdicts import Accepted, Duplicate, Note, Rejected


def test_analysis_in_a_child_is_the_same_as_here(examples):
    path = examples / "pelates-excel-greek.csv"
    assert isolated.analyse(path, "p.csv") == analysis.analyse(path, "p.csv")


def test_verdicts_stream_in_batches_and_resume(examples):
    path = examples / "pelates-excel-greek.csv"
    batches = list(isolated.judge(path, "p.csv", after_row=100))
    assert [v for batch in batches for v in batch] == list(analysis.judge_file(path, "p.csv", after_row=100))
    assert all(len(batch) <= isolated.BATCH for batch in batches)


def test_a_sheet_whose_box_fits_no_memory_kills_only_the_child(raw_workbook):
    path = raw_workbook(
        ['<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>']
    )
    with pytest.raises(BadFile) as refused:
        isolated.analyse(path, "x.xlsx")
    assert refused.value.code == "workbook_too_large"


def test_a_file_that_takes_too_long_is_refused(text_file):
    rows = "\n".join(f"69{number:08d};{'x' * 20}" for number in range(0, 99_000_000, 330))
    path = text_file("Κινητό;Όνομα\n" + rows)
    with pytest.raises(BadFile) as refused:
        isolated.analyse(path, "x.csv", limits=replace(sandbox.DEFAULT_LIMITS, cpu_seconds=1))
    assert refused.value.code == "workbook_too_large"


def test_refusals_cross_with_code_detail_and_pointer(text_file):
    path = text_file("Κινητό\n6972601815\n")
    with pytest.raises(BadMapping) as refused:
        isolated.analyse(path, "", Options(mapping={"number": 9}))
    assert (refused.value.pointer, refused.value.code) == ("/mapping/number", "not_a_column")
    with pytest.raises(BadFile) as no_file:
        list(isolated.judge(text_file("  "), ""))
    assert no_file.value.code == "no_data_rows"


def test_a_fault_of_ours_is_told_with_its_traceback(tmp_path):
    with pytest.raises(sandbox.SandboxCrash, match="FileNotFoundError"):
        isolated.analyse(tmp_path / "gone", "")


def test_the_child_gets_no_secrets(monkeypatch):
    monkeypatch.setenv("KERYX_DATABASE_URL", "postgresql://secret")
    assert "KERYX_DATABASE_URL" not in sandbox._environment()


def test_only_functions_of_importing_can_be_called():
    with pytest.raises(BadFile):
        sandbox.run(os.getcwd)


def test_leaving_early_ends_the_child(examples):
    stream = isolated.judge(examples / "pelates.xlsx", "")
    assert next(stream)
    stream.close()


@pytest.mark.parametrize(
    "verdict",
    [
        Accepted(2, ("306972601815",), {"note": "α"}, (Note("email", "invalid_email", "x"),)),
        Duplicate(3, "306972601815", 2),
        Rejected(4, "empty", "", ("α", "")),
    ],
)
def test_a_verdict_survives_the_wire(verdict):
    assert isolated.decode(isolated.encode(verdict)) == verdict
