"""The e-mail with a receipt, in both languages."""

from dataclasses import replace

import pytest

from contracts.events import OrderPaid
from services.notifier import compose
from services.notifier.domain import Attachment
from services.notifier.mailer import build

EVENT = OrderPaid(
    account_id=17,
    order_id=42,
    receipt="R2026-000017",
    buyer="Άνθη & Σία <b>",
    locale="el",
    emails=["a@anthi.example"],
    method="bank",
    net_cents=1_000_00,
    vat_cents=240_00,
    gross_cents=1_240_00,
    credit=1_000_000_000,
)
PDF = Attachment("R2026-000017.pdf", b"%PDF-1.4 receipt")


@pytest.mark.parametrize(
    ("locale", "subject", "said"),
    [
        (
            "el",
            "Keryx: λάβαμε την πληρωμή σας 1.240,00 €, απόδειξη R2026-000017",
            (
                "«Άνθη & Σία <b>»",
                "παραγγελίας 42",
                "1.000,00 €",
                "240,00 €",
                "Δεν είναι φορολογικό τιμολόγιο",
            ),
        ),
        (
            "en",
            "Keryx: we received your payment of €1,240.00, receipt R2026-000017",
            ("order 42 of Άνθη & Σία <b>", "€1,000.00", "€240.00", "It is not a tax invoice"),
        ),
    ],
)
def test_the_payment_is_told_in_the_orders_language(locale: str, subject: str, said: tuple[str, ...]) -> None:
    content = compose.order_paid(replace(EVENT, locale=locale), PDF)
    assert content.subject == subject
    assert [words for words in said if words not in content.text] == []
    assert "<b>" not in content.html.replace("<body", "")


def test_the_receipt_goes_with_it_as_pdf() -> None:
    content = compose.order_paid(EVENT, PDF)
    message = build("Keryx <keryx@host.example>", "a@anthi.example", "<order-paid.42.0@keryx>", content)
    (attached,) = message.iter_attachments()
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_filename() == PDF.filename
    assert attached.get_content() == PDF.data
