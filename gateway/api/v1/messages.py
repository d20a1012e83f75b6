"""``/messages``."""

from __future__ import annotations

from typing import Any

from gateway import auth
from gateway.api.resource import IDEMPOTENT, Resource
from gateway.clients import services
from gateway.defaults import with_defaults
from gateway.paging import page_of
from gateway.request import idempotency_key

from .schemas.messages import Message, MessageDetail, MessageListArgs, Send, SendResult

resource = Resource("messages", description="Single messages and the history of all")


@resource.route("/messages", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(Send)
@resource.response(202, SendResult)
def send(data: dict[str, Any]) -> Any:
    """Send one message or up to 1,000.

    The answer has one entry a message, in order: accepted with its id, or `error`. With `all_or_nothing`
    one that cannot be accepted refuses all.
    """
    all_or_nothing = data.pop("all_or_nothing")
    given = data.get("messages") or [{"kind": "transactional", **data}]
    messages = [{"reference": None, **with_defaults(message)} for message in given]
    return services().dispatcher.accept(auth.account_id(), messages, all_or_nothing, idempotency_key())


@resource.route("/messages")
@resource.arguments(MessageListArgs, location="query")
@resource.response(200, page_of(Message))
def list_messages(args: dict[str, Any]) -> Any:
    """The history, newest first: every message of every channel."""
    cursor, limit, parts_detail = args.pop("cursor"), args.pop("limit"), args.pop("parts_detail")
    return services().dispatcher.messages(auth.account_id(), args, cursor, limit, parts_detail)


@resource.route("/messages/<id:message_id>")
@resource.response(200, MessageDetail)
def get_message(message_id: int) -> Any:
    """One message with its parts and its history."""
    return services().dispatcher.message(auth.account_id(), message_id)


@resource.route("/messages/<id:message_id>/cancel", methods=["POST"])
@resource.response(200, MessageDetail)
def cancel_message(message_id: int) -> Any:
    """Stop a message that has not left."""
    return services().dispatcher.cancel_message(auth.account_id(), message_id)
