"""The words of receipts in Greek and English, and how each writes money."""

from __future__ import annotations

_EL = {
    "receipt": "Απόδειξη είσπραξης",
    "credit_note": "Πιστωτικό σημείωμα",
    "issued": "Εκδόθηκε",
    "order": "Παραγγελία",
    "buyer": "Πελάτης",
    "vat_number": "ΑΦΜ",
    "tax_office": "ΔΟΥ",
    "item_receipt": "Αγορά μονάδων για αποστολή μηνυμάτων SMS",
    "item_credit_note": "Επιστροφή μονάδων για αποστολή μηνυμάτων SMS",
    "credit": "Πίστωση υπολοίπου:",
    "vat": "ΦΠΑ",
    "total_receipt": "Σύνολο που εισπράχθηκε",
    "total_credit_note": "Σύνολο που επιστρέφεται",
    "method": "Τρόπος πληρωμής:",
    "method_bank": "κατάθεση σε τράπεζα",
    "method_viva": "κάρτα ή πορτοφόλι μέσω Viva",
    "method_paypal": "PayPal",
    "reverse_charge": "Αντίστροφη επιβάρυνση: ο ΦΠΑ οφείλεται από τον λήπτη (άρθρα 44 και 196, Οδηγία 2006/112/ΕΚ).",
    "outside_eu": "Εκτός πεδίου ελληνικού ΦΠΑ: ο λήπτης είναι εγκατεστημένος εκτός Ευρωπαϊκής Ένωσης.",
    "not_an_invoice": (
        "Το παρόν βεβαιώνει την πληρωμή και δεν είναι φορολογικό παραστατικό.\n"
        "Δεν έχει διαβιβαστεί στο myDATA: το τιμολόγιο εκδίδεται μέσω πιστοποιημένου παρόχου."
    ),
}
_EN = {
    "receipt": "Receipt of payment",
    "credit_note": "Credit note",
    "issued": "Issued",
    "order": "Order",
    "buyer": "Customer",
    "vat_number": "VAT no.",
    "tax_office": "Tax office",
    "item_receipt": "Credit for sending SMS messages",
    "item_credit_note": "Credit for sending SMS messages, given back",
    "credit": "Added to the balance:",
    "vat": "VAT",
    "total_receipt": "Total received",
    "total_credit_note": "Total given back",
    "method": "Paid by:",
    "method_bank": "bank deposit",
    "method_viva": "card or wallet through Viva",
    "method_paypal": "PayPal",
    "reverse_charge": "Reverse charge: VAT is due by the recipient (articles 44 and 196, Directive 2006/112/EC).",
    "outside_eu": "Outside the scope of Greek VAT: the customer is established outside the European Union.",
    "not_an_invoice": (
        "This confirms the payment and is not a tax document.\n"
        "It was not transmitted to myDATA: the invoice is issued through a certified provider."
    ),
}


def of(locale: str) -> dict[str, str]:
    """All words in that language; English for one we do not speak."""
    return _EL if locale == "el" else _EN


def money(cents: int, locale: str) -> str:
    """``1.234,56 €`` in Greek, ``€1,234.56`` in English."""
    whole, rest = f"{abs(cents) // 100:,}", f"{abs(cents) % 100:02d}"
    sign = "-" if cents < 0 else ""
    if locale == "el":
        return f"{sign}{whole.replace(',', '.')},{rest} €"
    return f"{sign}€{whole}.{rest}"


def percent(basis_points: int, locale: str) -> str:
    """``24%``, ``0%``, ``6,5%``."""
    text = f"{basis_points // 100}.{basis_points % 100:02d}".rstrip("0").rstrip(".")
    return f"{text.replace('.', ',') if locale == 'el' else text}%"
