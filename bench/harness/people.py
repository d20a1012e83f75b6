"""Made-up customers by the hundred thousand, the same each time, and the files they come in."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

FIRST = (
    "Γιώργος", "Μαρία", "Κώστας", "Ελένη", "Δημήτρης", "Κατερίνα", "Νίκος", "Βασιλική", "Παναγιώτης", "Αικατερίνη",
    "Χρήστος", "Σοφία", "Αλέξανδρος", "Άννα", "Θανάσης", "Ιωάννα", "Στέλιος", "Δέσποινα", "Ηλίας", "Χρυσούλα",
    "Μιχάλης", "Φωτεινή", "Σπύρος", "Ευαγγελία", "Μανώλης", "Ζωή", "Λεωνίδας", "Πηνελόπη", "Άγγελος", "Ράνια",
)  # fmt: skip
LAST = (
    "Παπαδόπουλος", "Γεωργίου", "Νικολάου", "Δημητρίου", "Αντωνίου", "Οικονόμου", "Βασιλείου", "Κωνσταντίνου",
    "Αθανασίου", "Μακρής", "Καραγιάννης", "Σταυρόπουλος", "Χατζής", "Παππάς", "Λάμπρου", "Ζαφειρίου", "Ρήγας",
)  # fmt: skip
CITIES = (
    "Αθήνα",
    "Θεσσαλονίκη",
    "Πάτρα",
    "Ηράκλειο",
    "Λάρισα",
    "Βόλος",
    "Ιωάννινα",
    "Χανιά",
    "Καβάλα",
    "Σέρρες",
)
HEADERS = ("Όνομα", "Επώνυμο", "Κινητό", "Email", "Πόλη", "Πόντοι", "Κουπόνι")
FIRST_NUMBER = 306_900_000_000
PLACES = 99_999_989  # a prime below 10^8: numbers are spread over it, each once


class Person(NamedTuple):
    """A row of a shop's file, as text."""

    first: str
    last: str
    msisdn: str
    email: str
    city: str
    points: str
    coupon: str


def number(index: int) -> int:
    """A Greek mobile for ``index``: each index another one, in no order, as real ones come."""
    return FIRST_NUMBER + index * 7_919_999 % PLACES


def people(count: int) -> Iterator[Person]:
    """``count`` of them."""
    for i in range(count):
        first, last = FIRST[i % len(FIRST)], LAST[i * 7 % len(LAST)]
        city = CITIES[i * 3 % len(CITIES)]
        yield Person(
            first, last, str(number(i)), f"p{i}@example.gr", city, str(i % 1000), f"K{i % 100_000:05d}"
        )


def write_csv(path: Path, count: int) -> None:
    """UTF-8 with a byte order mark and semicolons, as Excel saves it in Greece."""
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow(HEADERS)
        writer.writerows(people(count))


def write_xlsx(path: Path, count: int) -> None:
    """A workbook with shared strings and numbers as numbers, as Excel writes it; openpyxl needs ten times as long for it."""
    strings: dict[str, int] = {}

    def text(value: str) -> str:
        return f'<c t="s"><v>{strings.setdefault(value, len(strings))}</v></c>'

    def row(cells: list[str]) -> str:
        return f"<row>{''.join(cells)}</row>"

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        for name, content in _FIXED.items():
            book.writestr(name, content)
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(_SHEET_HEAD.encode())
            sheet.write(row([text(header) for header in HEADERS]).encode())
            for p in people(count):
                cells = [
                    text(p.first),
                    text(p.last),
                    f"<c><v>{p.msisdn[2:]}</v></c>",
                    text(p.email),
                    text(p.city),
                ]
                sheet.write(row([*cells, f"<c><v>{p.points}</v></c>", text(p.coupon)]).encode())
            sheet.write(b"</sheetData></worksheet>")
        items = "".join(f"<si><t>{escape(value)}</t></si>" for value in strings)
        book.writestr("xl/sharedStrings.xml", f"{_XML}<sst {_MAIN}>{items}</sst>")


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SHEET_HEAD = f"{_XML}<worksheet {_MAIN}><sheetData>"
_FIXED = {
    "[Content_Types].xml": (
        f'{_XML}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_TYPE}.sharedStrings+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'{_XML}<Relationships xmlns="{_RELATIONS}">'
        f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'{_XML}<workbook {_MAIN} xmlns:r="{_OFFICE}">'
        '<sheets><sheet name="Πελάτες" sheetId="1" r:id="r1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'{_XML}<Relationships xmlns="{_RELATIONS}">'
        f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    ),
}
