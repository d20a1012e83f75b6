"""Single messages: what is sent, what is shown, what is searched."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from gateway.fields import Id, Money, Time
from gateway.paging import PageArgs

from .common import Msisdn, encoding, number, price_class, shown_number, string

STATES = (
    "accepted", "queued", "submitted", "delivered", "undelivered", "expired", "rejected", "blocked",
    "cancelled", "uncertain",
)  # fmt: skip
KINDS = ("transactional", "marketing")
MAX_MESSAGES = 1_000
MAX_TEXT = 2_000


class NewMessage(Schema):
    """A message; what is not given comes from the account's settings."""

    to = number(required=True)
    text = string(MAX_TEXT, 1, required=True)
    sender = string(16)
    price_class = price_class()
    encoding = encoding()
    reference = string(100, metadata={"description": "Your own id, handed back"})
    kind = fields.String(load_default="transactional", validate=validate.OneOf(KINDS))


class Send(NewMessage):
    """One message, or `messages` with many."""

    to = number()
    text = string(MAX_TEXT, 1)
    kind = fields.String(validate=validate.OneOf(KINDS))
    messages = fields.List(fields.Nested(NewMessage), validate=validate.Length(min=1, max=MAX_MESSAGES))
    all_or_nothing = fields.Boolean(load_default=False)

    @validates_schema
    def _one_or_many(self, data: dict[str, Any], **_: Any) -> None:
        single = data.keys() - {"messages", "all_or_nothing"}
        if "messages" in data:
            if single:
                raise ValidationError("Give either one message or messages.")
            return
        missing = {name: ["Missing data for required field."] for name in ("to", "text") if name not in data}
        if missing:
            raise ValidationError(missing)


class MessageError(Schema):
    """Why a message was not accepted."""

    code = fields.String()
    detail = fields.String()


class Accepted(Schema):
    """What became of one of the messages sent: accepted, or `error`."""

    id = Id()
    to = fields.String()
    state = fields.String()
    parts = fields.Integer()
    price = Money()
    reference = fields.String(allow_none=True)
    error = fields.Nested(MessageError)


class SendResult(Schema):
    """In the order they were sent."""

    data = fields.List(fields.Nested(Accepted))


class Part(Schema):
    """A part of a message, as the operator knows it."""

    no = fields.Integer()
    state = fields.String()
    connector = fields.String(allow_none=True)
    smsc_id = fields.String(allow_none=True)
    error = fields.String(allow_none=True)
    submitted_at = Time(allow_none=True)
    done_at = Time(allow_none=True)
    receipt_at = Time(allow_none=True)


class Step(Schema):
    """A state and when it was entered."""

    state = fields.String()
    at = Time()
    reason = fields.String(allow_none=True)


class Message(Schema):
    """A message as shown in lists."""

    id = Id()
    to = shown_number()
    sender = fields.String()
    text = fields.String()
    encoding = fields.String()
    parts = fields.Integer()
    price_class = fields.String()
    price = Money(metadata={"description": "For all parts"})
    state = fields.String(metadata={"enum": list(STATES)})
    reason = fields.String(allow_none=True)
    kind = fields.String()
    channel = fields.String()
    reference = fields.String(allow_none=True)
    campaign_id = Id(allow_none=True)
    accepted_at = Time()
    submitted_at = Time(allow_none=True)
    done_at = Time(allow_none=True)
    parts_detail = fields.List(
        fields.Nested(Part), metadata={"description": "In lists only when asked for with `parts_detail=true`"}
    )


class MessageDetail(Message):
    """A message with everything known about it."""

    history = fields.List(fields.Nested(Step))


class MessageFilter(Schema):
    """Which messages; all that is given must hold."""

    id = Id()
    since = Time(data_key="from", metadata={"description": "Accepted at or after"})
    until = Time(metadata={"description": "Accepted before"})
    to = Msisdn()
    sender = string(16, 1)
    state = fields.String(validate=validate.OneOf(STATES))
    campaign_id = Id()
    channel = string(20, 1)


class MessageListArgs(MessageFilter, PageArgs):
    """Which messages, which page, how much of each."""

    parts_detail = fields.Boolean(load_default=False, metadata={"description": "Show the parts of each too"})
