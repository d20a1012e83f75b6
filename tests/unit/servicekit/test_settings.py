"""Settings: read once, checked, and a mistake is one sentence."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from servicekit import settings
from servicekit.settings import BadSetting


@dataclass(frozen=True)
class Mail:
    smtp_host: str
    smtp_port: int = 25
    smtp_rate: float = 1.5
    smtp_tls: bool = False


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMTP_HOST", "SMTP_PORT", "SMTP_RATE", "SMTP_TLS", "HEALTH_PORT", "INSTANCE"):
        monkeypatch.delenv(f"KERYX_{name}", raising=False)
    monkeypatch.setenv("KERYX_AMQP_URI", "amqp://broker")
    monkeypatch.setenv("KERYX_DATABASE_URL_TOY", "postgresql://toy")


def test_fields_come_from_variables_named_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("HOST", "mail"), ("PORT", "2525"), ("RATE", "0.5"), ("TLS", "Yes")):
        monkeypatch.setenv(f"KERYX_SMTP_{name}", value)

    assert settings.read(Mail) == Mail("mail", 2525, 0.5, True)


def test_what_is_not_set_or_empty_takes_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERYX_SMTP_HOST", "mail")
    monkeypatch.setenv("KERYX_SMTP_PORT", "")

    assert settings.read(Mail) == Mail("mail")


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "twenty"), ("RATE", "fast"), ("TLS", "maybe"), ("PORT", "2.5")]
)
def test_an_unreadable_value_ends_the_process_with_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("KERYX_SMTP_HOST", "mail")
    monkeypatch.setenv(f"KERYX_SMTP_{name}", value)

    with pytest.raises(BadSetting, match=f"KERYX_SMTP_{name} is not a .*{value}"):
        settings.read(Mail)


def test_a_missing_variable_ends_the_process_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSetting, match="KERYX_SMTP_HOST must be set"):
        settings.read(Mail)
    monkeypatch.delenv("KERYX_DATABASE_URL_TOY")
    with pytest.raises(BadSetting, match="KERYX_DATABASE_URL_TOY must be set"):
        settings.load("toy")


def test_a_process_knows_its_own_service_and_gets_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = settings.load("toy")

    assert (own.service, own.amqp_uri, own.database_url) == ("toy", "amqp://broker", "postgresql://toy")
    assert (own.health_port, own.health_host, own.log_level) == (0, "127.0.0.1", "info")
    assert own.instance
    monkeypatch.setenv("KERYX_INSTANCE", "toy-7")
    assert settings.load("toy").instance == "toy-7"


def test_a_health_port_that_is_no_number_is_one_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERYX_HEALTH_PORT", "http")
    with pytest.raises(BadSetting, match="KERYX_HEALTH_PORT is not a int"):
        settings.load("toy")
