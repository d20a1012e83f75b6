"""Shapes at the edge of accounts: what the RPC calls take, checked; what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from smstext import check_sender_id

from . import domain
from .errors import InvalidFields
from .models import Account, ApiKey


def _sender(value: str | None) -> None:
    if value is not None:
        try:
            check_sender_id(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None


def _timezone(value: str) -> None:
    if not domain.is_timezone(value):
        raise ValidationError("unknown_timezone")


def _one_of(*values: str) -> Callable[[Any], Any]:
    return validate.OneOf(values, error=f"must be one of: {', '.join(values)}")


class LowBalance(Schema):
    """When to tell of a low balance: ``level`` in micro-euro (None: never), and to whom."""

    level = fields.Integer(strict=True, allow_none=True, validate=validate.Range(min=0, max=10**15))
    emails = fields.List(fields.Email(), validate=validate.Length(max=10))


class SettingsChanges(Schema):
    """A part of the settings; what is not given stays."""

    default_sender = fields.String(allow_none=True, validate=_sender)
    price_class = fields.String(validate=_one_of(*domain.PRICE_CLASSES))
    encoding = fields.String(validate=_one_of(*domain.ENCODINGS))
    timezone = fields.String(validate=_timezone)
    locale = fields.String(validate=_one_of(*domain.LOCALES))
    custom_labels = fields.List(
        fields.String(validate=validate.Length(max=40)), validate=validate.Length(equal=domain.CUSTOM_FIELDS)
    )
    low_balance = fields.Nested(LowBalance)


class NewAccount(Schema):
    """What an account is made from; ``password`` is optional, a key is enough to work."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=100))
    email = fields.Email(required=True, validate=validate.Length(max=254))
    locale = fields.String(load_default="el", validate=_one_of(*domain.LOCALES))
    timezone = fields.String(load_default="Europe/Athens", validate=_timezone)
    password = fields.String(load_default=None, allow_none=True, validate=validate.Length(min=10, max=200))


class NewKey(Schema):
    """What a key is made from; ``expires_at`` is ISO 8601 with a zone."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=100))
    scopes = fields.List(
        fields.String(validate=_one_of(*domain.SCOPES)), required=True, validate=validate.Length(min=1, max=2)
    )
    expires_at = fields.AwareDateTime(load_default=None, allow_none=True, default_timezone=UTC)


def load(schema: type[Schema], data: Any) -> dict[str, Any]:
    """``data`` checked by ``schema``. Raises InvalidFields with a JSON pointer for each field at fault."""
    try:
        return dict(schema().load(data))
    except ValidationError as error:
        raise InvalidFields("Some fields are not valid.", list(_flatten(error.messages, ""))) from None


def _flatten(messages: Any, pointer: str) -> Iterator[dict[str, str]]:
    if isinstance(messages, dict):
        for key, value in messages.items():
            yield from _flatten(value, pointer if key == "_schema" else f"{pointer}/{key}")
        return
    for message in messages:
        code = message if message.replace("_", "").isalpha() else "invalid"
        yield {"pointer": pointer, "code": code, "detail": message}


def account_settings(account: Account) -> dict[str, Any]:
    """The settings as the other services and the gateway read them."""
    return {
        "default_sender": account.default_sender,
        "price_class": account.price_class,
        "encoding": account.encoding,
        "timezone": account.timezone,
        "locale": account.locale,
        "custom_labels": account.custom_labels,
        "low_balance": {"level": account.low_balance_level, "emails": account.low_balance_emails},
    }


def api_key(key: ApiKey) -> dict[str, Any]:
    """A key as it may be shown: never its secret."""
    return {
        "id": key.id,
        "name": key.name,
        "prefix": f"kx_{key.prefix}",
        "scopes": key.scopes,
        "created_at": iso(key.created_at),
        "expires_at": iso(key.expires_at),
        "revoked_at": iso(key.revoked_at),
        "last_used_at": iso(key.last_used_at),
    }


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with Z, to the millisecond."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
