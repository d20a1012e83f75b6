"""What a notice says, in both languages, and that nothing can be smuggled into it."""

from dataclasses import replace
from email import message_from_bytes, policy

import pytest

from contracts.events import BalanceLow
from servicekit.settings import BadSetting
from services.notifier import compose
from services.notifier.domain import Content
from services.notifier.mailer import MailSettings, SmtpMailer, build

EVENT = BalanceLow(
    account_id=1,
    account_name="Άνθη & Σία",
    locale="el",
    emails=["info@anthi.example"],
    available=1_234_560_000,
    level=2_000_000_000,
    remaining={"normal": 27_434, "low": 35_273},
)


def test_the_greek_notice_names_the_account_the_money_and_what_is_left() -> None:
    notice = compose.balance_low(EVENT)

    assert notice.subject == "Keryx: το υπόλοιπό σας είναι 1.234,56 €"
    for said in ("«Άνθη & Σία»", "1.234,56 €", "2.000,00 €", "27.434 SMS", "35.273 SMS"):
        assert said in notice.text


def test_the_english_notice_says_the_same() -> None:
    notice = compose.balance_low(replace(EVENT, locale="en"))

    assert notice.subject == "Keryx: your balance is €1,234.56"
    for said in ('"Άνθη & Σία"', "€1,234.56", "€2,000.00", "27,434 SMS", "35,273 SMS"):
        assert said in notice.text


@pytest.mark.parametrize("locale", ["el", "en"])
def test_both_parts_tell_the_same_figures_and_the_html_its_language(locale: str) -> None:
    notice = compose.balance_low(replace(EVENT, locale=locale))

    for figure in ("27", "434", "35", "273", "234"):
        assert figure in notice.text
        assert figure in notice.html
    assert f'<html lang="{locale}">' in notice.html


def test_a_price_class_without_a_count_is_left_out() -> None:
    notice = compose.balance_low(replace(EVENT, remaining={"normal": 5}))

    assert "Χαμηλού" not in notice.text + notice.html


def test_a_name_cannot_break_out_of_the_html() -> None:
    notice = compose.balance_low(replace(EVENT, account_name="<script>alert(1)</script>"))

    assert "<script>" not in notice.html
    assert "&lt;script&gt;" in notice.html


def test_a_name_cannot_start_a_line_of_its_own() -> None:
    notice = compose.balance_low(replace(EVENT, account_name="Άνθη\r\n\r\nBcc: all@x.example"))

    assert "\nBcc" not in notice.text
    assert "«Άνθη Bcc: all@x.example»" in notice.text


def test_the_message_survives_the_wire() -> None:
    notice = compose.balance_low(EVENT)
    message = build("Κήρυξ <keryx@host.example>", "info@anthi.example", "<balance-low.e.0@keryx>", notice)

    read = message_from_bytes(message.as_bytes(), policy=policy.default)

    assert read["Subject"] == notice.subject
    assert read["From"] == "Κήρυξ <keryx@host.example>"
    assert (read["To"], read["Message-ID"]) == ("info@anthi.example", "<balance-low.e.0@keryx>")
    assert read["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    plain = read.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().splitlines() == notice.text.splitlines()
    assert max(map(len, message.as_bytes().splitlines())) <= 998  # RFC 5322 §2.1.1


def test_a_subject_with_a_line_end_is_refused() -> None:
    with pytest.raises(ValueError, match="linefeed"):
        build("a@b.example", "c@d.example", "<1@x>", Content("Hello\r\nBcc: all@x.example", "", ""))


def test_a_sender_that_is_no_address_ends_the_process_with_one_sentence() -> None:
    with pytest.raises(BadSetting, match="KERYX_MAIL_FROM"):
        SmtpMailer(MailSettings("127.0.0.1", mail_from="Keryx"))


def test_the_password_is_not_in_what_is_printed() -> None:
    assert "secret" not in repr(MailSettings("127.0.0.1", smtp_password="secret"))
