"""Headers are found and understood whatever people call their columns, and wherever they put them."""

from __future__ import annotations

import pytest

from services.contacts.importing import columns
from services.contacts.importing.errors import BadMapping
from services.contacts.importing.headers import fold

PERSON = ["6972601815", "Γιώργος"]


def detect(*rows, **known):
    return columns.detect(list(enumerate(rows, 1)), **known)


def mapping_of(*rows, **known):
    return detect(*rows, **known).mapping


SYNONYMS = {
    "number": "Κινητό, ΚΙΝΗΤΟ, κινητο:, Kινητό, Κινητό τηλ., Αρ. Κινητού, Τηλέφωνο, Mobile, "
    "Mobile Phone No, Phone number, MSISDN, kinito",
    "number2": "Κινητό 2, Δεύτερο κινητό, Phone 2",
    "title": "Τίτλος, Προσφώνηση, Τίτλος / Προσφώνηση, Salutation",
    "first_name": "Όνομα, Όνομα / Επωνυμία, ΟΝΟΜΑ, First Name, Επωνυμία, Company",
    "last_name": "Επίθετο, Επώνυμο, ΕΠΩΝΥΜΟ, Surname, Last name, Επώνυμο πελάτη",
    "email": "E-mail, email, Ηλ. Ταχυδρομείο, Διεύθυνση e-mail",
    "vocative": "Κλητική",
    "note": "Σημειώσεις, Παρατηρήσεις πελάτη",
    "group": "Ομάδα",
    "custom3": "Πεδίο 3, Custom 3",
}
NAMES = [(name, field) for field, names in SYNONYMS.items() for name in names.split(", ")]


class TestNames:
    @pytest.mark.parametrize(("header", "field"), NAMES)
    def test_a_header_means_its_field(self, header, field):
        assert mapping_of(["Α", header, "Ω"], ["", "", ""])[field] == 1

    @pytest.mark.parametrize(
        "header",
        ["Σταθερό τηλέφωνο", "Fax", "Κωδικός πελάτη", "Ημερομηνία ονομαστικής", "Όνομα χρήστη", "ΑΦΜ"],
    )
    def test_lookalike_headers_become_custom_fields(self, header):
        mapping = mapping_of(["Κινητό", "Όνομα", header], ["6972601815", "Γιώργος", "x"])
        assert mapping == {"number": 0, "first_name": 1, "custom1": 2}

    def test_folding_drops_accents_case_signs_and_latin_lookalikes(self):
        assert fold("  Ον/μο  ΠΕΛΆΤΗς ") == "ον μο πελατησ"
        assert fold("KINHTO") == "kinhto"
        assert fold("KΙΝΗΤO") == "κινητο"


class TestHeaderRow:
    def test_it_is_found_below_titles_and_notes(self):
        found = detect(
            ["Πελάτες καταστήματος: κινητά τηλέφωνα", "", ""], ["Ενημέρωση 1/2026", "", ""],
            ["Ονοματεπώνυμο", "Κινητό", "Πόλη"], ["Γιώργος Παππάς", "6972601815", "Βόλος"],
        )  # fmt: skip
        assert found.header_row == 3
        assert found.mapping == {"first_name": 0, "number": 1, "custom1": 2}

    def test_without_headers_data_start_at_once_and_content_decides(self):
        found = detect(["Γιώργος", 6972601815.0, "g@example.gr"], ["Ελένη", "+30 698 123 4567", ""])
        assert found.header_row is None
        assert found.mapping == {"number": 1, "email": 2, "custom1": 0}

    def test_unknown_words_above_the_first_number_are_headers(self):
        found = detect(["Ποιος", "Πού τον βρίσκω"], ["Γιώργος", "6972601815"])
        assert (found.header_row, found.mapping) == (1, {"number": 1, "custom1": 0})
        assert columns.labels_of(found.mapping, found.columns) == {"custom1": "Ποιος"}

    def test_a_lone_title_is_not_taken_for_headers(self):
        assert detect(["Τηλέφωνα πελατών"], ["6972601815", "Γιώργος", "x"]).header_row is None

    def test_a_number_in_a_row_makes_it_data_whatever_else_it_says(self):
        assert detect(["Mobile", "6972601815"], ["Phone", "6981234567"]).header_row is None

    def test_an_empty_sample_has_nothing(self):
        assert detect() == columns.Detection(None, {}, (), "")


class TestMapping:
    def test_unknown_columns_become_custom_fields_in_order_with_their_headers_as_labels(self):
        found = detect(
            ["Πόλη", "Κινητό", "Πόντοι", "Κ1", "Κ2", "Κ3"], ["Βόλος", "6972601815", 1.0, "a", "b", "c"]
        )
        assert found.mapping == {"number": 1, "custom1": 0, "custom2": 2, "custom3": 3, "custom4": 4}
        labels = columns.labels_of(found.mapping, found.columns)
        assert labels == {"custom1": "Πόλη", "custom2": "Πόντοι", "custom3": "Κ1", "custom4": "Κ2"}

    def test_the_column_with_mobiles_wins_over_the_one_with_landlines(self):
        mapping = mapping_of(["Τηλέφωνο", "Κινητό τηλέφωνο"], ["2102323886", "6972601815"])
        assert (mapping["number"], mapping["number2"]) == (1, 0)

    def test_two_columns_of_numbers_are_number_and_second_number(self):
        mapping = mapping_of(["Τηλέφωνο 1", "Τηλέφωνο 2"], ["6972601815", "6981234567"])
        assert mapping == {"number": 0, "number2": 1}

    def test_content_finds_the_numbers_under_a_header_that_says_nothing(self):
        mapping = mapping_of(["Όνομα", "Στοιχεία επικοινωνίας"], ["Γιώργος", "697 260 1815"])
        assert mapping == {"first_name": 0, "number": 1}

    def test_the_labels_of_the_account_go_first(self):
        rows = (["Κάρτα", "Κινητό", "Όνομα"], ["77", "6972601815", "Γ"])
        assert mapping_of(*rows, labels={"custom3": "κάρτα"})["custom3"] == 0

    def test_the_same_headers_have_the_same_fingerprint_however_they_are_written(self):
        def fingerprint(*headers):
            return detect(list(headers), ["Γ", "6972601815", "x"]).fingerprint

        of_file = fingerprint("Όνομα", "Κινητό")
        assert of_file == fingerprint("ΟΝΟΜΑ ", "κινητο") == fingerprint("Όνομα", "Κινητό", "Αιτία απόρριψης")
        assert len({of_file, fingerprint("Κινητό", "Όνομα"), fingerprint("Όνομα", "Κινητό", "Πόλη")}) == 3
        assert detect(["Γ", "6972601815"]).fingerprint == ""

    def test_the_reasons_of_a_rejects_workbook_are_no_custom_fields(self):
        mapping = mapping_of(["Κινητό", "Αιτία απόρριψης", "Reason for rejection"], ["6972601815", "x", "y"])
        assert mapping == {"number": 0}

    def test_columns_are_described_by_letter_header_and_samples(self):
        found = detect(["Κινητό", ""], ["6972601815", 17.5], ["", 2.0], first_column=26)
        assert found.columns[1] == columns.Column(1, "AB", "", ("17,5", "2"))

    def test_letters_are_those_of_excel(self):
        assert [columns.letter(index) for index in (0, 25, 26, 701, 702, 16_383)] == [
            "A", "Z", "AA", "ZZ", "AAA", "XFD",
        ]  # fmt: skip


class TestCorrectedMapping:
    def test_a_good_one_is_answered_as_it_is(self):
        assert columns.validate_mapping({"number": 1, "custom4": 0}, 2) == {"number": 1, "custom4": 0}

    @pytest.mark.parametrize(
        ("mapping", "pointer", "code"),
        [
            ({}, "/mapping/number", "number_required"),
            ({"number2": 0}, "/mapping/number", "number_required"),
            ({"number": 2}, "/mapping/number", "not_a_column"),
            ({"number": -1}, "/mapping/number", "not_a_column"),
            ({"number": True}, "/mapping/number", "not_a_column"),
            ({"number": "0"}, "/mapping/number", "not_a_column"),
            ({"number": 0, "email": 0}, "/mapping/email", "column_used_twice"),
            ({"number": 0, "a/b~c": 1}, "/mapping/a~1b~0c", "unknown_field"),
        ],
    )
    def test_a_bad_one_points_at_its_field(self, mapping, pointer, code):
        with pytest.raises(BadMapping) as refused:
            columns.validate_mapping(mapping, 2)
        assert (refused.value.pointer, refused.value.code) == (pointer, code)
