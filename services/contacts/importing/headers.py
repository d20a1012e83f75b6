"""What people call their columns, in Greek and English, and which field each name means.

Names are compared folded: no accents, no case, final sigma plain, Latin lookalikes inside a Greek word made
Greek.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

CUSTOM_FIELDS: Final = ("custom1", "custom2", "custom3", "custom4")
FIELDS: Final = (
    "number", "number2", "title", "first_name", "last_name", "email",
    *CUSTOM_FIELDS, "vocative", "note", "group",
)  # fmt: skip
IGNORED: Final = "ignored"
"""Columns Keryx itself wrote beside the user's: the reasons in a workbook of rejects."""

NUMBER_HEADER: Final = "Κινητό / Mobile"
"""Of the one column a paste has, in the workbook of its rejects: in both languages, as those beside it."""

REJECT_HEADERS: Final = ("Αιτία απόρριψης", "Reason for rejection")
MAX_HEADER: Final = 80

_NAMES: dict[str, str] = {
    "number": "κινητο, κινητο τηλεφωνο, τηλεφωνο κινητο, τηλ κινητο, κιν, κιν τηλ, κινητα, τηλεφωνο, "
    "τηλεφωνα, τηλ, αριθμοσ, αριθμοσ κινητου, αριθμοσ τηλεφωνου, αρ κινητου, νουμερο, "
    "κινητο 1, τηλεφωνο 1, sms, κινητο sms, κινητο mobile, mobile, mobile phone, mobile number, phone, "
    "phone number, cell, cell phone, cellphone, telephone, tel, msisdn, gsm, number, mobile "
    "1, phone 1, kinito, kinhto, tilefono, thlefono, contact number, whatsapp, viber",
    "number2": "κινητο 2, τηλεφωνο 2, τηλ 2, δευτερο κινητο, 2ο κινητο, δευτερο τηλεφωνο, 2ο τηλεφωνο, "
    "αλλο κινητο, αλλο τηλεφωνο, εναλλακτικο τηλεφωνο, εναλλακτικο κινητο, mobile 2, phone "
    "2, second mobile, second phone, other phone, other mobile, alternative phone, "
    "alternate phone, number 2, kinito 2",
    "title": "τιτλοσ, προσφωνηση, τιτλοσ προσφωνηση, title, salutation, honorific, prefix, mr mrs",
    "first_name": "ονομα, ονομα επωνυμια, επωνυμια ονομα, επωνυμια, μικρο ονομα, ονοματεπωνυμο, ον μο, "
    "εταιρεια, επωνυμια εταιρειασ, ονομα πελατη, πελατησ, first name, firstname, given "
    "name, name, full name, fullname, company, company name, customer, customer name, "
    "onoma, first name company name, name company",
    "last_name": "επιθετο, επωνυμο, επιθετο επωνυμο, επωνυμο επιθετο, last name, lastname, surname, "
    "family name, epitheto, eponymo, eponimo",
    "email": "email, e mail, mail, ηλεκτρονικη διευθυνση, ηλ διευθυνση, ηλεκτρονικο ταχυδρομειο, ηλ "
    "ταχυδρομειο, email address, e mail address, διευθυνση email, διευθυνση e mail, ημειλ, "
    "ιμειλ",
    "custom1": "custom1, custom 1, custom field 1, πεδιο 1, προσαρμοσμενο πεδιο 1, προσαρμοσμενο 1",
    "custom2": "custom2, custom 2, custom field 2, πεδιο 2, προσαρμοσμενο πεδιο 2, προσαρμοσμενο 2",
    "custom3": "custom3, custom 3, custom field 3, πεδιο 3, προσαρμοσμενο πεδιο 3, προσαρμοσμενο 3",
    "custom4": "custom4, custom 4, custom field 4, πεδιο 4, προσαρμοσμενο πεδιο 4, προσαρμοσμενο 4",
    "vocative": "κλητικη, κλητικη ονοματοσ, vocative, klitiki",
    "note": "σημειωση, σημειωσεισ, παρατηρηση, παρατηρησεισ, σχολιο, σχολια, note, notes, comment, "
    "comments, remarks",
    "group": "ομαδα, ομαδεσ, γκρουπ, λιστα, group, groups, list, contact group",
}

# Parts of names, tried in this order when the whole name is unknown; the first three must not become numbers.
_PARTS: tuple[tuple[str, str], ...] = (
    (
        r"\b(σταθερο\w*|φαξ|fax|landline|χρηστη|username|ημερομηνι\w*|date|ημ|μητρωου|παραγγελι\w*|order|αφμ|vat)\b",
        "",
    ),
    (r"\b(κωδικοσ|code|id|πολη\w*|city|προιον\w*|product|διευθυνση κατοικιασ)\b", ""),
    (r"(e ?mail|ταχυδρομ)", "email"),
    (r"\b(κινητ\w*|τηλ\w*|mobile|phone|cell\w*)\b.*\b(2|β|b)\b", "number2"),
    (r"\b(κινητ\w*|mobile|cell\w*|msisdn)\b", "number"),
    (r"\b(τηλεφων\w*|τηλ|phone|telephone)\b", "number"),
    (r"\b(κλητικη|vocative)\b", "vocative"),
    (r"\b(επωνυμο|επιθετο|surname|last ?name|family name)\b", "last_name"),
    (r"\b(ονομα|ονοματεπωνυμο|επωνυμια|first ?name|full ?name)\b", "first_name"),
    (r"\b(προσφωνηση|salutation)\b", "title"),
    (r"\b(σημειωσ\w*|παρατηρησ\w*|σχολι\w*|notes?|comments?)\b", "note"),
)

_LOOKALIKES = str.maketrans("abehikmnoptuxyzv", "αβεηικμνορτυχυζν")
_GREEK = re.compile(r"[α-ω]")
_WORD = re.compile(r"[^\W_]+")


def fold(name: object) -> str:
    """`name` as it is compared: folded words with one space between. «Ον/μο Πελάτη» → «ον μο πελατη»."""
    decomposed = unicodedata.normalize("NFKD", str(name)[: 4 * MAX_HEADER])
    plain = (
        "".join(char for char in decomposed if not unicodedata.combining(char)).casefold().replace("ς", "σ")
    )
    return " ".join(_to_greek(word) for word in _WORD.findall(plain))


def _to_greek(word: str) -> str:
    return word.translate(_LOOKALIKES) if _GREEK.search(word) else word


_EXACT: dict[str, str] = {name.strip(): field for field, names in _NAMES.items() for name in names.split(",")}
_EXACT.update({fold(name): IGNORED for name in REJECT_HEADERS})
_PATTERNS = [(re.compile(pattern), field) for pattern, field in _PARTS]


@lru_cache(maxsize=4_096)
def field_of(folded: str) -> tuple[str, bool]:
    """(field, known by its whole name). Field is "" when nothing is recognised, `IGNORED` for our own
    columns.
    """
    if folded in _EXACT:
        return _EXACT[folded], True
    for pattern, field in _PATTERNS:
        if pattern.search(folded):
            return field, False
    return "", False
