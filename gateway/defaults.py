"""What a caller leaves out comes from the account's settings, known with the key."""

from __future__ import annotations

from typing import Any

from contracts.errors import Invalid
from gateway import auth


def with_defaults(data: dict[str, Any]) -> dict[str, Any]:
    """``data`` with sender, price class and encoding filled in. Raises Invalid when there is no sender."""
    return filled(data, auth.identity().settings)


def filled(data: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The same for an account with these ``settings``."""
    sender = data.get("sender") or settings["default_sender"]
    if not sender:
        missing = {"pointer": "/sender", "code": "required", "detail": "Set default_sender, or give one."}
        raise Invalid("invalid_fields", "There is no sender.", [missing])
    return {
        **data,
        "sender": sender,
        "price_class": data.get("price_class") or settings["price_class"],
        "encoding": data.get("encoding") or settings["encoding"],
    }


def settings_for_sending() -> dict[str, str]:
    """The account's sender (where it has one), price class and encoding: for a service that knows better what is given."""
    settings = auth.identity().settings
    found = {"price_class": settings["price_class"], "encoding": settings["encoding"]}
    return found | ({"sender": settings["default_sender"]} if settings["default_sender"] else {})


def custom_field_labels() -> dict[str, str]:
    """The account's names for its custom fields: label → ``custom1`` … ``custom4``."""
    labels = auth.identity().settings["custom_labels"]
    return {label: f"custom{number}" for number, label in enumerate(labels, 1) if label}
