"""The workbook people download, fill in and import: the headers importing knows, and how to fill them in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from . import spreadsheet
from .headers import FIELDS
from .reasons import Locale

_HEADERS: dict[str, tuple[str, str]] = {
    "number": ("Κινητό", "Mobile"),
    "number2": ("Κινητό 2", "Mobile 2"),
    "title": ("Τίτλος", "Title"),
    "first_name": ("Όνομα / Επωνυμία", "First name / Company name"),
    "last_name": ("Επίθετο", "Last name"),
    "email": ("E-mail", "E-mail"),
    "custom1": ("Πεδίο 1", "Custom 1"),
    "custom2": ("Πεδίο 2", "Custom 2"),
    "custom3": ("Πεδίο 3", "Custom 3"),
    "custom4": ("Πεδίο 4", "Custom 4"),
    "vocative": ("Κλητική", "Vocative"),
    "note": ("Σημείωση", "Note"),
    "group": ("Ομάδα", "Group"),
}
_SHEETS = {"el": ("Επαφές", "Οδηγίες"), "en": ("Contacts", "How to fill in")}
_ADVICE = {
    "el": (
        "Μία γραμμή για κάθε επαφή. Υποχρεωτικό είναι μόνο το κινητό.",
        "Το κινητό γράφεται όπως θέλετε: με ή χωρίς +30, κενά ή παύλες.",
        "Κινητά του εξωτερικού γράφονται με τον κωδικό της χώρας.",
        "Τα πεδία 1 έως 4 είναι δικά σας: αλλάξτε τους τίτλους ή σβήστε στήλες που δεν χρειάζεστε.",
        "Κλητική: μόνο αν η προσφώνηση δεν βγαίνει σωστά από το όνομα.",
        "Αριθμός που υπάρχει ήδη στις επαφές σας δεν διπλασιάζεται.",
    ),
    "en": (
        "One row for each contact. Only the mobile number is required.",
        "Write the number any way you like: with or without +30, spaces or dashes.",
        "Numbers abroad need their country code.",
        "Custom 1 to 4 are yours: rename the headers, or delete columns you do not need.",
        "Vocative: only where the form of address does not come out right from the name.",
        "A number that already is among your contacts is not doubled.",
    ),
}


def write(path: Path, locale: Locale = "el", labels: Mapping[str, str] | None = None) -> None:
    """Writes the template at `path` in the words of `locale`; `labels` are the account's names of
    custom1..custom4.

    All columns are formatted as text, so that Excel keeps every digit of a number. An import of it maps every
    column.
    """
    workbook = Workbook(write_only=True)
    contacts_name, advice_name = _SHEETS[locale]
    contacts = workbook.create_sheet(contacts_name)
    contacts.freeze_panes = "A2"
    for position in range(1, len(FIELDS) + 1):
        column = contacts.column_dimensions[get_column_letter(position)]
        column.number_format = "@"
        column.width = 20
    spreadsheet.append_texts(contacts, [_header(field, locale, labels or {}) for field in FIELDS], bold=True)
    advice = workbook.create_sheet(advice_name)
    advice.column_dimensions["A"].width = 90
    for sentence in _ADVICE[locale]:
        spreadsheet.append_texts(advice, [sentence])
    workbook.save(path)


def _header(field: str, locale: Locale, labels: Mapping[str, str]) -> str:
    greek, english = _HEADERS[field]
    return labels.get(field) or (greek if locale == "el" else english)
