"""Hands e-mails to a mail server by SMTP, one connection each, and says whether trying again makes sense."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from dataclasses import dataclass, field
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Protocol

from servicekit.settings import BadSetting

from .domain import Content, as_address, one_line

TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class MailSettings:
    """The mail server (KERYX_SMTP_*) and who we write as (KERYX_MAIL_FROM)."""

    smtp_host: str
    smtp_port: int = 25
    smtp_user: str = ""
    smtp_password: str = field(default="", repr=False)
    smtp_starttls: bool = False
    mail_from: str = "Keryx <keryx@localhost>"


class NotSent(Exception):
    """The server did not take the e-mail. ``final``: it never will. ``reason`` is for people; it may hold an
    address.
    """

    def __init__(self, reason: str, *, final: bool) -> None:
        """Say why."""
        super().__init__(reason)
        self.reason, self.final = one_line(reason)[:500], final


class Mailer(Protocol):
    """Whatever can send an e-mail."""

    def send(self, recipient: str, message_id: str, content: Content) -> None:
        """Send it now. Raises NotSent."""


class SmtpMailer:
    """Sends through the server of the settings."""

    def __init__(self, settings: MailSettings) -> None:
        """Connect at each ``send``; nothing before. Raises BadSetting when nobody can write as KERYX_MAIL_FROM."""
        if not as_address(parseaddr(settings.mail_from)[1]):
            raise BadSetting(f"KERYX_MAIL_FROM is not an e-mail address: {settings.mail_from!r}")
        self._settings = settings

    def send(self, recipient: str, message_id: str, content: Content) -> None:
        """Send it now. Raises NotSent."""
        message = build(self._settings.mail_from, recipient, message_id, content)
        try:
            server = self._connect()
            try:
                _transmit(server, message)
                _say_goodbye(server)
            finally:
                server.close()
        except (smtplib.SMTPException, OSError) as error:
            raise NotSent(f"{type(error).__name__}: {error}", final=False) from error

    def _connect(self) -> smtplib.SMTP:
        own = self._settings
        server = smtplib.SMTP(own.smtp_host, own.smtp_port, timeout=TIMEOUT_SECONDS)
        try:
            if own.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
            if own.smtp_user:
                server.login(own.smtp_user, own.smtp_password)
        except (smtplib.SMTPException, OSError):
            server.close()
            raise
        return server


def _say_goodbye(server: smtplib.SMTP) -> None:
    """The e-mail is taken: whatever goes wrong from here on must not send it again."""
    with contextlib.suppress(smtplib.SMTPException, OSError):
        server.quit()


def _transmit(server: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        raise NotSent(f"{code} {_text(reason)}", final=code >= 500) from error
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        raise NotSent(f"{error.smtp_code} {_text(error.smtp_error)}", final=error.smtp_code >= 500) from error
    except smtplib.SMTPNotSupportedError as error:  # an address beyond ASCII, and a server without SMTPUTF8
        raise NotSent(str(error), final=True) from error


def _text(reason: bytes | str) -> str:
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason


def build(mail_from: str, recipient: str, message_id: str, content: Content) -> EmailMessage:
    """The message, plain text with an HTML alternative, and its PDF. Raises ValueError for a header that holds a line
    end.
    """
    message = EmailMessage(policy=policy.SMTP)
    name, address = parseaddr(mail_from)
    message["From"] = Address(name, addr_spec=address)
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = content.subject
    message["Message-ID"] = message_id
    message["Date"] = formatdate(usegmt=True)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes in return, please
    message.set_content(content.text)
    message.add_alternative(content.html, subtype="html")
    if content.attachment is not None:
        message.add_attachment(
            content.attachment.data,
            maintype="application",
            subtype="pdf",
            filename=content.attachment.filename,
        )
    return message
