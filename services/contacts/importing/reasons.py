"""Every reason code of importing in words, Greek and English, in one table."""

from __future__ import annotations

from typing import Final, Literal

Locale = Literal["el", "en"]

_WORDS: Final[dict[str, tuple[str, str]]] = {
    # a row
    "empty": ("Δεν έχει αριθμό κινητού", "There is no mobile number"),
    "not_a_number": ("Δεν είναι αριθμός τηλεφώνου", "This is not a phone number"),
    "too_short": ("Ο αριθμός έχει λιγότερα ψηφία από όσα πρέπει", "The number has too few digits"),
    "too_long": ("Ο αριθμός έχει περισσότερα ψηφία από όσα πρέπει", "The number has too many digits"),
    "landline": ("Είναι σταθερό τηλέφωνο: δεν παίρνει SMS", "This is a landline: it receives no SMS"),
    "short_code": ("Είναι σύντομος αριθμός υπηρεσίας", "This is a short code"),
    "not_mobile": (
        "Είναι αριθμός υπηρεσίας (δωρεάν, υψηλής χρέωσης, προσωπικός)",
        "This is a service number (free phone, premium, personal)",
    ),
    "unknown_number": ("Δεν υπάρχει τέτοιος αριθμός στη χώρα του", "No such number exists in its country"),
    "several_numbers": ("Περισσότεροι αριθμοί στο ίδιο κελί", "More than one number in the cell"),
    "lost_digits": (
        "Το Excel έκοψε ψηφία του αριθμού (π.χ. 6,97E+09): γράψτε τον ξανά ως κείμενο",
        "Excel cut digits off the number (such as 6.97E+09): type it again as text",
    ),
    "too_many_numbers": (
        "Περισσότεροι αριθμοί από όσους χωρά μία επαφή: μοιράστε τους σε γραμμές",
        "More numbers than one contact holds: spread them over several rows",
    ),
    "field_too_long": ("Ένα πεδίο είναι πολύ μεγάλο", "A field is too long"),
    "duplicate": (
        "Ο αριθμός υπάρχει ήδη πιο πάνω στο αρχείο",
        "The number already stands higher up in the file",
    ),
    "invalid_email": (
        "Το e-mail δεν είναι σωστό και παραλείφθηκε",
        "The e-mail is not valid and was left out",
    ),
    # a file
    "file_empty": ("Το αρχείο είναι άδειο", "The file is empty"),
    "not_a_workbook": ("Το αρχείο δεν είναι βιβλίο Excel", "The file is not an Excel workbook"),
    "workbook_encrypted": (
        "Το βιβλίο έχει κωδικό: αφαιρέστε τον και αποθηκεύστε ξανά",
        "The workbook has a password: remove it and save again",
    ),
    "old_xls_format": (
        "Παλιά μορφή .xls: αποθηκεύστε το ως .xlsx",
        "The old .xls format: save it as .xlsx",
    ),
    "unsupported_format": ("Αποθηκεύστε το βιβλίο ως .xlsx", "Save the workbook as .xlsx"),
    "workbook_broken": ("Το βιβλίο είναι κατεστραμμένο", "The workbook is damaged"),
    "workbook_too_large": (
        "Το βιβλίο ζητά περισσότερη μνήμη από όση επιτρέπεται: σβήστε περιττές στήλες και γραμμές",
        "The workbook needs more memory than is allowed: delete columns and rows that are not needed",
    ),
    "workbook_unsafe": (
        "Το βιβλίο περιέχει ορισμούς που δεν επιτρέπονται",
        "The workbook holds declarations that are not allowed",
    ),
    "too_many_rows": ("Πάνω από 1.048.576 γραμμές", "More than 1,048,576 rows"),
    "no_data_rows": ("Δεν υπάρχει καμία γραμμή με στοιχεία", "There is no row with data"),
    "no_number_column": ("Καμία στήλη δεν έχει κινητά τηλέφωνα", "No column holds mobile numbers"),
    "csv_too_large": ("Το αρχείο είναι πολύ μεγάλο", "The file is too large"),
    "csv_undecodable": (
        "Άγνωστη κωδικοποίηση: αποθηκεύστε το ως CSV UTF-8",
        "Unknown encoding: save it as CSV UTF-8",
    ),
    "csv_binary": ("Το αρχείο δεν είναι κείμενο", "The file is not text"),
    "csv_broken": (
        "Κάποιο εισαγωγικό δεν κλείνει ή μια γραμμή δεν τελειώνει",
        "A quote is never closed or a line never ends",
    ),
    "paste_too_large": (
        "Το κείμενο ξεπερνά τους 5.000.000 χαρακτήρες",
        "The text is longer than 5,000,000 characters",
    ),
    # a mapping
    "unknown_field": ("Άγνωστο πεδίο", "Unknown field"),
    "not_a_column": ("Δεν υπάρχει τέτοια στήλη", "There is no such column"),
    "column_used_twice": ("Η ίδια στήλη σε δύο πεδία", "The same column for two fields"),
    "unknown_sheet": ("Δεν υπάρχει τέτοιο φύλλο", "There is no such sheet"),
    "number_required": ("Δείξτε ποια στήλη έχει το κινητό", "Say which column holds the mobile number"),
}
CODES: Final = frozenset(_WORDS)


def words(code: str, locale: Locale = "el") -> str:
    """`code` in the words of `locale`; a code nobody has put in words yet is shown as it is."""
    greek, english = _WORDS.get(code, (code, code))
    return greek if locale == "el" else english
