"""The mailbox takes mail over SMTP as a real server does, and shows it over HTTP."""

import os
import signal
import smtplib
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from simulators.client import ROOT, Http, Refused
from simulators.mailbox.testing import Mailbox, running


@pytest.fixture(scope="module")
def process() -> Iterator[Mailbox]:
    with running(keep=3) as mailbox:
        yield mailbox


@pytest.fixture
def mailbox(process: Mailbox) -> Mailbox:
    process.clear()
    process.faults(refuse=0, refuse_code=451, refuse_at="data", drop=0, drop_keeps=False, slow_ms=0)
    return process


def send(mailbox: Mailbox, subject: str = "Χαμηλό υπόλοιπο", to: str = "maria@shop.gr") -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = subject, "Keryx <no-reply@keryx.test>", to
    mail.set_content("Γεια σας,\n.μια τελεία στην αρχή\n")
    mail.add_alternative("<p>Γεια σας</p>", subtype="html")
    with smtplib.SMTP(mailbox.host, mailbox.port, timeout=10) as server:
        server.send_message(mail)


def test_a_mail_is_shown_decoded_and_as_it_came(mailbox: Mailbox) -> None:
    send(mailbox)
    (mail,) = mailbox.wait(to="maria@shop.gr", subject="υπόλοιπο")
    assert (mail["from"], mail["to"]) == ("no-reply@keryx.test", ["maria@shop.gr"])
    assert mail["subject"] == "Χαμηλό υπόλοιπο"
    assert mail["text"].splitlines() == ["Γεια σας,", ".μια τελεία στην αρχή"]
    assert "<p>Γεια σας</p>" in mail["html"]
    assert mailbox.source(mail["n"]).startswith(b"Subject: =?utf-8?")
    assert mail["raw"].startswith("Subject: =?utf-8?")


def test_mails_are_found_by_recipient_and_thrown_away(mailbox: Mailbox) -> None:
    send(mailbox, to="a@shop.gr")
    send(mailbox, to="b@shop.gr")
    assert [mail["to"] for mail in mailbox.messages()] == [["a@shop.gr"], ["b@shop.gr"]]
    assert len(mailbox.messages(to="B@shop.gr")) == 1
    mailbox.clear()
    assert mailbox.messages() == []
    with pytest.raises(AssertionError, match="no such mail"):
        mailbox.wait(timeout=0.1)


def test_only_the_newest_are_kept(mailbox: Mailbox) -> None:
    for number in range(5):
        send(mailbox, subject=f"no {number}")
    assert [mail["subject"] for mail in mailbox.messages()] == ["no 2", "no 3", "no 4"]


def test_the_next_mails_can_be_refused(mailbox: Mailbox) -> None:
    mailbox.faults(refuse=1, refuse_code=451)
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        send(mailbox)
    assert refusal.value.smtp_code == 451
    mailbox.faults(refuse=1, refuse_code=550, refuse_at="rcpt")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(mailbox)
    send(mailbox)
    assert len(mailbox.messages()) == 1


@pytest.mark.parametrize("keeps", [False, True])
def test_the_connection_can_drop_before_the_answer(mailbox: Mailbox, keeps: bool) -> None:
    mailbox.faults(drop=1, drop_keeps=keeps)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(mailbox)
    assert len(mailbox.messages()) == keeps


def test_wrong_requests_get_clear_errors(mailbox: Mailbox) -> None:
    control = Http(mailbox.host, int(mailbox.url.rsplit(":", 1)[1]))
    for method, path, body, status in (
        ("GET", "/nothing", None, 404),
        ("GET", "/messages/999999.eml", None, 404),
        ("GET", "/messages/..%2f..%2fetc", None, 404),
        ("POST", "/messages", {}, 405),
        ("POST", "/faults", {"sulk": 1}, 422),
        ("GET", "/wait?timeout=forever", None, 422),
    ):
        with pytest.raises(Refused) as refusal:
            control.call(method, path, body)
        assert refusal.value.status == status


def test_health_and_metrics_are_there(mailbox: Mailbox) -> None:
    for path, expected in (
        ("/healthz", "ok"),
        ("/readyz", "ready"),
        ("/metrics", "keryx_mailbox_messages_total"),
    ):
        with urllib.request.urlopen(mailbox.url + path, timeout=10) as answer:
            assert expected in answer.read().decode()


def test_sigterm_ends_it_cleanly_and_a_taken_port_is_one_sentence() -> None:
    with running() as mailbox:
        ended = subprocess.run(
            [sys.executable, "-m", "simulators.mailbox"],
            env={**os.environ, "PYTHONPATH": str(ROOT), "KERYX_SMTP_PORT": str(mailbox.port)},
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert ended.returncode == 1
        assert "set KERYX_SMTP_PORT to another" in ended.stderr
        assert ended.stderr.count("\n") == 1
        os.kill(mailbox.pid, signal.SIGTERM)
