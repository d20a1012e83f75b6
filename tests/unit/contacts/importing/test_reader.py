"""Any file in: the table it holds, or a refusal with a stable code."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contacts.importing import archive, reader, reasons
from services.contacts.importing.errors import BadFile

HEADERS = ["Κινητό", "Όνομα"]
PERSON = ["6972601815", "Γιώργος"]
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000)


def refusal_of(path: Path, filename: str = "") -> str:
    with pytest.raises(BadFile) as refused:
        list(reader.open_table(path, filename).rows())
    return refused.value.code


def rows_of(path: Path, start: int = 0) -> list[tuple[int, list[object]]]:
    return [(number, list(cells)) for number, cells in reader.open_table(path).rows(start)]


class TestWorkbooks:
    def test_rows_carry_the_numbers_excel_shows_and_blank_ones_are_skipped(self, workbook):
        path = workbook([HEADERS, PERSON, [None, None], ["  ", "\u00a0"], PERSON])
        assert [number for number, _ in rows_of(path)] == [1, 2, 5]

    def test_reading_can_start_after_any_row(self, workbook):
        path = workbook([HEADERS, PERSON, [None], PERSON])
        assert [number for number, _ in rows_of(path, start=2)] == [4]

    def test_a_row_of_zeros_is_not_blank(self, workbook):
        assert len(rows_of(workbook([HEADERS, [0, False], ["", ""]]))) == 2

    def test_leading_blank_rows_and_columns_keep_their_place(self, raw_workbook):
        path = raw_workbook(['<row r="5"><c r="C5" t="inlineStr"><is><t>Κινητό</t></is></c></row>'])
        table = reader.open_table(path)
        assert (table.first_column, [number for number, _ in table.rows()]) == (2, [5])

    def test_the_sheet_with_people_is_taken_not_the_notes_nor_the_empty_one(self, workbook):
        notes = [["Οδηγίες προς το κατάστημα"], ["Μην σβήνετε γραμμές"]] * 20
        path = workbook(Κενό=[], Σημειώσεις=notes, Πελάτες=[HEADERS, PERSON])
        assert reader.open_table(path).sheet == "Πελάτες"

    def test_the_other_sheets_with_people_are_named_and_can_be_had(self, workbook):
        other = ["6981234567", "Ελένη"]
        path = workbook(
            Α=[HEADERS, PERSON, PERSON], Κενό=[], Οδηγίες=[["Γεια"]], Β=[HEADERS, other], Γ=[HEADERS]
        )
        assert reader.open_table(path).other_sheets == ("Β",)
        second = reader.open_table(path, sheet="Β")
        assert (second.sheet, second.other_sheets) == ("Β", ("Α",))
        assert list(second.rows())[1] == (2, other)
        for name in ("Δ", "Κενό"):
            with pytest.raises(BadFile) as refused:
                reader.open_table(path, sheet=name)
            assert refused.value.code == "unknown_sheet"

    def test_of_two_sheets_with_people_the_fuller_sample_wins(self, workbook):
        path = workbook(Α=[HEADERS, PERSON], Β=[HEADERS, PERSON, PERSON])
        assert reader.open_table(path).sheet == "Β"

    def test_the_cached_value_of_a_formula_is_used_and_nothing_is_computed(self, raw_workbook):
        cells = (
            '<c r="A1" t="str"><f>CONCAT("69","72601815")</f><v>6972601815</v></c>'
            '<c r="B1" t="inlineStr"><is><t>=HYPERLINK("http://x")</t></is></c>'
        )
        path = raw_workbook([f'<row r="1">{cells}</row>'])
        assert rows_of(path) == [(1, ["6972601815", '=HYPERLINK("http://x")'])]

    def test_error_values_are_blank(self, raw_workbook):
        path = raw_workbook(['<row r="1"><c r="A1" t="e"><v>#N/A</v></c><c r="B1"><v>1</v></c></row>'])
        assert rows_of(path) == [(1, ["", 1.0])]

    def test_a_million_blank_rows_pass_quickly(self, raw_workbook):
        def rows():
            yield '<row r="1"><c r="A1" t="inlineStr"><is><t>Κινητό</t></is></c></row>'
            for start in range(2, 1_048_000, 1_000):
                yield "".join(f'<row r="{n}"><c r="A{n}" s="0"/></row>' for n in range(start, start + 1_000))
            yield '<row r="1048576"><c r="A1048576"><v>6972601815</v></c></row>'

        path = raw_workbook(rows())
        assert rows_of(path) == [(1, ["Κινητό"]), (1_048_576, [6972601815.0])]


class TestRenamedAndForeignFiles:
    def test_a_workbook_named_csv_is_read_as_a_workbook(self, workbook):
        path = workbook([HEADERS, PERSON], name="people.csv")
        assert reader.open_table(path, "people.csv").kind == "xlsx"

    def test_text_named_xlsx_is_read_as_text(self, text_file):
        path = text_file("Κινητό;Όνομα\n6972601815;Γιώργος\n", name="people.xlsx")
        assert reader.open_table(path, "people.xlsx").kind == "csv"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"", "file_empty"),
            (b"   \n\n", "no_data_rows"),
            (b";;;\n;;;\n", "no_data_rows"),
            (OLE2, "old_xls_format"),
            (OLE2 + "EncryptedPackage".encode("utf-16-le"), "workbook_encrypted"),
            (b"<html><table><tr><td>6972601815", "not_a_workbook"),
            (
                b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
                "not_a_workbook",
            ),
            (b"%PDF-1.7 ...", "csv_binary"),
            (b"\x89PNG\r\n\x1a\n" + bytes(50), "csv_binary"),
            (bytes(range(256)) * 40, "csv_binary"),
            (b"PK\x03\x04 but not an archive", "workbook_broken"),
            ("Κινητό;Ό\n".encode("cp1253") + b"\xd2\xff\xaa\n", "csv_undecodable"),
        ],
    )
    def test_what_is_no_table_is_refused_by_its_content(self, tmp_path, body, code):
        path = tmp_path / "upload"
        path.write_bytes(body)
        assert refusal_of(path) == code

    def test_rubbish_named_xlsx_is_called_no_workbook(self, tmp_path):
        path = tmp_path / "upload"
        path.write_bytes(bytes(range(256)) * 40)
        assert refusal_of(path, "people.xlsx") == "not_a_workbook"

    @pytest.mark.parametrize(
        ("entries", "code"),
        [
            (["word/document.xml", "[Content_Types].xml"], "not_a_workbook"),
            (["people.xlsx"], "not_a_workbook"),
            (["xl/workbook.bin", "[Content_Types].xml"], "unsupported_format"),
            (["content.xml", "mimetype"], "unsupported_format"),
            (["xl/workbook.xml", "[Content_Types].xml"], "workbook_broken"),
        ],
    )
    def test_other_archives_are_told_apart(self, tmp_path, entries, code):
        path = tmp_path / "upload.xlsx"
        with zipfile.ZipFile(path, "w") as made:
            for name in entries:
                made.writestr(name, "<x/>")
        assert refusal_of(path) == code

    def test_a_sheet_without_anything_has_no_data_rows(self, workbook):
        assert refusal_of(workbook([[None, "  "]])) == "no_data_rows"

    def test_a_truncated_workbook_is_broken(self, workbook):
        path = workbook([HEADERS, PERSON])
        path.write_bytes(path.read_bytes()[:-200])
        assert refusal_of(path) == "workbook_broken"


class TestHostileArchives:
    def test_a_bomb_is_refused_without_inflating_it_all(self, raw_workbook):
        path = raw_workbook(" " * 1_000_000 for _ in range(200))
        assert refusal_of(path) == "workbook_too_large"

    def test_a_bomb_that_declares_a_small_size_is_caught_by_what_really_comes_out(self, raw_workbook):
        path = raw_workbook(" " * 1_000_000 for _ in range(30))
        body = bytearray(path.read_bytes())
        with zipfile.ZipFile(path) as made:
            declared = made.getinfo("xl/worksheets/sheet1.xml").file_size.to_bytes(4, "little")
        path.write_bytes(body.replace(declared, (1_000).to_bytes(4, "little")))
        assert refusal_of(path) in ("workbook_too_large", "workbook_broken")

    def test_too_many_entries_are_refused(self, raw_workbook):
        path = raw_workbook([], extra={f"xl/media/{n}.png": b"" for n in range(5_000)})
        assert refusal_of(path) == "workbook_too_large"

    def test_entries_that_share_their_bytes_are_refused(self, raw_workbook):
        path = raw_workbook([], extra={"a.bin": b"x" * 50_000})
        with pytest.raises(BadFile) as refused:
            archive._check_directory(zipfile.ZipFile(path).infolist(), 100, archive.DEFAULT_LIMITS)
        assert refused.value.code == "workbook_broken"

    @pytest.mark.parametrize(
        "prolog",
        [
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
            '<?xml version="1.0"?>\n<!doctype x>',
            " " * 300_000 + '<!DOCTYPE x [<!ENTITY a "aaaa">]>',
        ],
    )
    def test_document_types_and_entities_are_refused(self, raw_workbook, prolog):
        assert refusal_of(raw_workbook([], prolog=prolog)) == "workbook_unsafe"

    def test_a_row_beyond_what_excel_has_is_refused(self, raw_workbook):
        path = raw_workbook(['<row r="99999999"><c r="A99999999"><v>1</v></c></row>'])
        assert refusal_of(path) == "too_many_rows"

    def test_the_real_size_is_what_counts(self, tmp_path):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("a.xml", "ab" * 60_000)
        assert archive.inspect(path) == {"a.xml"}
        with pytest.raises(BadFile, match="workbook_too_large"):
            archive.inspect(path, archive.Limits(total_bytes=100_000))
        with pytest.raises(BadFile, match="workbook_too_large"):
            archive.inspect(path, archive.Limits(ratio_from_bytes=1_000))


class TestText:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1253"])
    @pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
    def test_encoding_and_separator_are_found(self, text_file, encoding, separator):
        lines = [
            ["Όνομα", "Κινητό", "Πόντοι"],
            ["Γιώργος", "6972601815", "17"],
            ["Ελένη", "6981234567", "20"],
        ]
        path = text_file("\r\n".join(separator.join(line) for line in lines), encoding)
        assert [cells for _, cells in rows_of(path)] == lines

    def test_decimal_commas_do_not_pass_for_separators(self, text_file):
        path = text_file("Κινητό;Πόντοι\n6972601815;17,5\n6981234567;3,25\n")
        assert rows_of(path)[1] == (2, ["6972601815", "17,5"])

    def test_a_separator_hint_counts_as_no_row(self, text_file):
        assert rows_of(text_file("sep=|\nΚινητό|Όνομα;Επώνυμο\n")) == [(1, ["Κινητό", "Όνομα;Επώνυμο"])]

    def test_quoted_cells_keep_separators_and_line_breaks(self, text_file):
        path = text_file('Κινητό;Σημείωση\n6972601815;"α;β\nγ ""δ"""\n\n6981234567;\n')
        assert rows_of(path) == [
            (1, ["Κινητό", "Σημείωση"]),
            (2, ["6972601815", 'α;β\nγ "δ"']),
            (4, ["6981234567", ""]),
        ]

    def test_a_single_column_needs_no_separator(self, text_file):
        assert rows_of(text_file("6972601815\n6981234567\n")) == [(1, ["6972601815"]), (2, ["6981234567"])]

    def test_a_quote_that_never_closes_is_refused(self, text_file):
        path = text_file('Κινητό;Όνομα\n6972601815;"Γιώργος\n' + "6981234567;Ελένη\n" * 20_000)
        assert refusal_of(path) == "csv_broken"

    @pytest.mark.parametrize(
        "rest",
        [
            '"Γιώργος\n' + "6981234567;Ελένη\n" * 80,
            '"Γιώργος',
            '"Γιώργος\n6981234567;Ελένη\n6981234568;"Νίκος"\n6981234569;Άννα\n',
            'Γιώργος\n6981234567;"Ελένη\n\n\n',
        ],
        ids=["to the end", "in the last line", "closed by the next stray one", "before blank lines"],
    )
    def test_a_stray_quote_swallows_no_rows_unsaid(self, text_file, rest):
        path = text_file("Κινητό;Όνομα\n6972601815;" + rest)
        with pytest.raises(BadFile) as refused:
            rows_of(path)
        assert refused.value.code == "csv_broken"
        assert refused.value.detail.startswith("row 2:" if rest.startswith('"') else "row 3:")

    @pytest.mark.parametrize("line", ['6972601815;"Καφέ" Αστέρι', '6972601815;οθόνη 5"', '6972601815; "α" β'])
    def test_a_quote_out_of_place_within_a_line_is_text(self, text_file, line):
        read = rows_of(text_file(f"Κινητό;Όνομα\n{line}\n6981234567;Ελένη"))
        assert [number for number, _ in read] == [1, 2, 3]
        assert read[2] == (3, ["6981234567", "Ελένη"])

    def test_a_line_that_never_ends_is_refused(self, text_file):
        assert refusal_of(text_file("6972601815;" + "x" * 2_000_000)) == "csv_broken"

    def test_more_rows_than_excel_has_are_refused(self, text_file):
        assert refusal_of(text_file("\n" * reader.MAX_ROWS + "1\n")) == "too_many_rows"

    def test_a_million_blank_lines_are_no_rows(self, text_file):
        assert len(rows_of(text_file("6972601815\n" + "\n" * 1_100_000))) == 1


def read(path: Path) -> tuple[list[int], str]:
    """(row numbers, "") or ([], code of the refusal)."""
    try:
        return [number for number, _ in reader.open_table(path).rows()], ""
    except BadFile as refused:
        return [], refused.code


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=400),
    head=st.sampled_from([b"", b"PK\x03\x04", b"\xff\xfe", b"\xef\xbb\xbf", b"PK\x05\x06"]),
)
def test_any_bytes_are_a_table_or_a_refusal_with_words(tmp_path, body, head):
    path = tmp_path / "any"
    path.write_bytes(head + body)
    numbers, code = read(path)
    assert code in {"", *reasons.CODES}
    assert numbers == sorted(set(numbers))
    assert bool(numbers) != bool(code)
