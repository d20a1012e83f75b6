"""Shapes at the edge of campaigns: what the RPC calls take, checked; what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NoReturn

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate, validates_schema

from smstext import InvalidNumber, TemplateError, TextError, check_sender_id, parse_msisdn, strip_controls

from . import domain, rendering
from .errors import InvalidFields
from .models import Campaign

MAX_NAME = 200
MAX_TEXT = 2_000
MAX_LABELS = 20
MAX_LABEL = 40
MAX_GROUPS = 1_000
MAX_FILTERS = 20
MAX_CHOSEN = 10_000
MAX_PACE = 10_000_000
CUSTOM_FIELDS = ("custom1", "custom2", "custom3", "custom4")

Check = Callable[[Any], Any]


class Code(ValidationError):
    """A validation error that says a stable code apart from the words for people."""

    def __init__(self, code: str, detail: str, field: str = "_schema") -> None:
        """``field`` names the field at fault when the whole shape is checked."""
        super().__init__([{"code": code, "detail": detail}], field)


def _clean(value: str) -> None:
    if value != strip_controls(value):
        raise Code("control_characters", "Control characters are not allowed.")


def _not_blank(value: str) -> None:
    if not value.strip():
        raise Code("required", "A name is not nothing.")


def _sender(value: str) -> None:
    try:
        check_sender_id(value)
    except ValueError as error:
        raise Code(str(error), "Up to 11 plain GSM characters with a letter, or 3 to 15 digits.") from None


def _msisdn(value: str) -> None:
    try:
        parse_msisdn(value)
    except InvalidNumber as error:
        raise Code(error.reason, "This is not a mobile number.") from None


def _one_of(*values: str) -> Check:
    return validate.OneOf(values, error=f"must be one of: {', '.join(values)}")


def _ids(most: int) -> fields.Field[Any]:
    one = fields.Integer(strict=True, validate=validate.Range(min=1, max=2**63 - 1))
    return fields.List(one, validate=validate.Length(max=most))


def _bool() -> fields.Field[Any]:
    return fields.Boolean(truthy={True}, falsy={False})


class Audience(Schema):
    """Who gets it: everybody, or groups, contacts and numbers; minus groups."""

    all = _bool()
    group_ids = _ids(MAX_GROUPS)
    minus_group_ids = _ids(MAX_GROUPS)
    filter_ids = _ids(MAX_FILTERS)
    contact_ids = _ids(MAX_CHOSEN)
    numbers = fields.List(fields.String(validate=_msisdn), validate=validate.Length(max=MAX_CHOSEN))

    @validates_schema
    def _names_somebody(self, data: dict[str, Any], **_: Any) -> None:
        if not domain.names_somebody(data):
            raise Code("empty_audience", "Name groups, filters, contacts or numbers, or all.")

    @post_load
    def _in_digits(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if "numbers" in data:
            data["numbers"] = [parse_msisdn(number) for number in data["numbers"]]
        return {name: value for name, value in data.items() if value}


class Message(Schema):
    """A text with a name, and how it is sent: what campaigns and templates have in common."""

    name = fields.String(required=True, validate=[validate.Length(min=1, max=MAX_NAME), _clean])
    text = fields.String(required=True, validate=validate.Length(min=1, max=MAX_TEXT))
    encoding = fields.String(load_default="auto", validate=_one_of(*domain.ENCODINGS))
    unsubscribe = fields.Boolean(truthy={True}, falsy={False}, load_default=False)
    labels = fields.Dict(
        keys=fields.String(validate=[validate.Length(min=1, max=MAX_LABEL), _clean]),
        values=fields.String(validate=_one_of(*CUSTOM_FIELDS)),
        validate=validate.Length(max=MAX_LABELS),
        load_default=dict,
    )

    @pre_load
    def _plain_line_breaks(self, data: Any, **_: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("text"), str):
            text = data["text"].replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
            return {**data, "text": text}
        return data

    @validates_schema(skip_on_field_errors=True)
    def _text_can_be_sent(self, data: dict[str, Any], **_: Any) -> None:
        wording = rendering.Wording(data["text"], data["encoding"], data["unsubscribe"], data["labels"])
        try:
            rendering.check_wording(wording)
        except (TemplateError, TextError) as error:
            raise Code(error.code, str(error), "text") from None
        except ValueError as error:
            raise Code(str(error), f"At most {rendering.MAX_PARTS} parts, and not nothing.", "text") from None

    @post_load
    def _as_sent(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        sender = check_sender_id(data["sender"]) if data["sender"] is not None else None
        return {**data, "sender": sender, "name": data["name"].strip()}


class Settings(Message):
    """All settings of a campaign. Times are RFC 3339 with a zone; ``pace`` is messages per minute."""

    sender = fields.String(required=True, validate=_sender)
    price_class = fields.String(load_default="normal", validate=_one_of(*domain.PRICE_CLASSES))
    audience = fields.Nested(Audience, required=True)
    pace = fields.Integer(
        strict=True, allow_none=True, load_default=None, validate=validate.Range(min=1, max=MAX_PACE)
    )
    scheduled_at = fields.AwareDateTime(format="iso", allow_none=True, load_default=None)


class TemplateSettings(Message):
    """All settings of a template; without sender or price class, those of the account's settings when it is used."""

    name = fields.String(required=True, validate=[validate.Length(min=1, max=MAX_NAME), _clean, _not_blank])
    sender = fields.String(allow_none=True, load_default=None, validate=_sender)
    price_class = fields.String(allow_none=True, load_default=None, validate=_one_of(*domain.PRICE_CLASSES))


class TemplatePage(Schema):
    """A page of templates."""

    search = fields.String(allow_none=True, validate=validate.Length(max=MAX_NAME))
    sort = fields.String(validate=_one_of("name", "-name", "last_used", "-last_used"))
    limit = fields.Integer(strict=True, validate=validate.Range(min=1, max=500))


class When(Schema):
    """The time of a schedule; None takes the one that the campaign has."""

    at = fields.AwareDateTime(format="iso", allow_none=True, required=True)


class Page(Schema):
    """A page of campaigns."""

    state = fields.String(allow_none=True, validate=_one_of(*domain.STATES))
    limit = fields.Integer(strict=True, validate=validate.Range(min=1, max=500))


SETTINGS = tuple(Settings().fields)
TEMPLATE = tuple(TemplateSettings().fields)


def load(schema: type[Schema], data: Any) -> dict[str, Any]:
    """``data`` checked by ``schema``. Raises InvalidFields with a JSON pointer for each field at fault."""
    try:
        return dict(schema().load(data))
    except ValidationError as error:
        raise InvalidFields("Some fields are not valid.", list(_flatten(error.messages, ""))) from None


def refuse(pointer: str, code: str, detail: str) -> NoReturn:
    """Raise InvalidFields for one field."""
    raise InvalidFields("Some fields are not valid.", [{"pointer": pointer, "code": code, "detail": detail}])


def _flatten(messages: Any, pointer: str) -> Iterator[dict[str, str]]:
    if isinstance(messages, dict) and "code" in messages and "detail" in messages:
        yield {"pointer": pointer, **messages}
    elif isinstance(messages, dict):
        for key, value in messages.items():
            inner = pointer if key in ("_schema", "key", "value") else f"{pointer}/{_escaped(str(key))}"
            yield from _flatten(value, inner)
    elif isinstance(messages, list):
        for message in messages:
            yield from _flatten(message, pointer)
    else:
        yield {"pointer": pointer, "code": _code_of(str(messages)), "detail": str(messages)}


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")  # RFC 6901 §3


def _code_of(message: str) -> str:
    if message.startswith("Missing data"):
        return "required"
    return "unknown_field" if message.startswith("Unknown field") else "invalid"


def campaign(row: Campaign) -> dict[str, Any]:
    """A campaign as it is shown. ``accepted`` and ``submitted`` only grow (a funnel); the other counts are
    messages that are in that final state now."""
    counted = ("accepted", "submitted", *domain.FINALS)
    times = (
        "created_at",
        "updated_at",
        "scheduled_at",
        "started_at",
        "expanded_at",
        "sent_at",
        "finished_at",
    )
    return {
        "id": row.id,
        **{name: getattr(row, name) for name in SETTINGS if name != "scheduled_at"},
        "template_id": row.template_id,
        "state": row.state,
        "phase": row.phase,
        "pause_reason": row.pause_reason,
        "version": row.version,
        **{name: iso(getattr(row, name)) for name in times},
        "recipients": row.recipients,
        "duplicates": row.duplicates,
        "suppressed": row.suppressed,
        "counts": {
            "recipients": row.recipients,
            # A doubt that is resolved may be counted before it was counted as a doubt.
            **{name: max(0, getattr(row, name)) for name in counted},
        },
        "progress": {"expanded": row.cursor, "left": row.left_count, "total": row.recipients},
    }


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with Z, to the millisecond."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
