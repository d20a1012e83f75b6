"""The blueprint and the argument parser that every resource of the API uses."""

from __future__ import annotations

from typing import Any, NoReturn

import marshmallow as ma
import orjson
from flask import Request, Response
from flask_smorest import Api, Blueprint
from flask_smorest.utils import prepare_response
from webargs import core
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.routing import BaseConverter

from contracts.errors import BadRequest, Invalid
from gateway import auth
from gateway.errors import CONTENT_TYPE, Problem, field_errors
from gateway.fields import Day, Id, Money, SignedMoney, Time
from gateway.localtime import LocalTime


class Parser(FlaskParser):
    """Reads arguments strictly: unknown fields are refused wherever they are, JSON must be JSON."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": ma.RAISE, "query": ma.RAISE}  # noqa: RUF012  the base class's own shape

    def _raw_load_json(self, req: Request) -> Any:
        body = req.get_data(cache=True)
        if not body:
            return core.missing
        if not core.is_json(req.mimetype):
            raise UnsupportedMediaType
        return read_json(body)

    def handle_error(self, error: ma.ValidationError, *_: Any, **__: Any) -> NoReturn:
        """Raise Invalid with a pointer for each field at fault."""
        # webargs puts everything under its location; the caller knows where a thing was sent.
        messages = next(iter(error.messages.values())) if isinstance(error.messages, dict) else error.messages
        errors = list(field_errors(messages))[:100]
        raise Invalid("invalid_fields", "Some fields are not valid; errors names each.", errors)


def read_json(body: bytes) -> Any:
    """Decode a caller's JSON. Raises BadRequest if it is not JSON, too deep, or has a NUL."""
    if rb"\u0000" in body:
        raise BadRequest("nul_character", "The body contains a NUL character.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest("malformed_json", f"The body is not JSON in UTF-8: {error}") from None


# For ``@resource.doc``: headers that a call understands.
IDEMPOTENT: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": "Idempotency-Key",
            "description": "Repeated under the same key, the call happens once and answers the same",
            "schema": {"type": "string", "maxLength": 255},
        }
    ]
}
CONDITIONAL: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": "If-Match",
            "description": "The ETag that the change is based on; 412 when it is no longer the current one",
            "schema": {"type": "string"},
        }
    ]
}


class Resource(Blueprint):
    """A blueprint under /api/v1 whose every call needs a key with ``scope``."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, scope: str = "client", description: str = "") -> None:
        """Name the resource; its routes are full paths below /api/v1."""
        super().__init__(name, __name__, url_prefix="/api/v1", description=description)
        self.before_request(lambda: auth.require(scope))


def no_content() -> Response:
    """204, really without content."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


class IdConverter(BaseConverter):
    """An id in an address: digits, an int for the view. Anything else is no such address."""

    regex = r"[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        """As the services want it."""
        return int(value)


class KeryxApi(Api):
    """flask-smorest with our errors: documented as problem+json, and not handled by it."""

    ERROR_SCHEMA = Problem

    def _register_error_handlers(self) -> None:
        """gateway.errors has the one table."""

    def _register_responses(self) -> None:
        response = {"description": "Any failure", "schema": Problem}
        prepare_response(response, self.spec, CONTENT_TYPE)
        self.spec.components.response("DEFAULT_ERROR", response, lazy=True)
        unprocessable = {"description": "Some fields are not valid", "schema": Problem}
        prepare_response(unprocessable, self.spec, CONTENT_TYPE)
        self.spec.components.response("UNPROCESSABLE_ENTITY", unprocessable, lazy=True)
        self.spec.components.response("UNPROCESSABLE_CONTENT", unprocessable, lazy=True)

    def register_types(self) -> None:
        """How our own fields and addresses are documented."""
        self.register_converter(IdConverter, lambda _: {"type": "string", "pattern": "^[0-9]{1,18}$"})
        self.register_field(Id, "string", None)
        self.register_field(Money, "string", "decimal")
        self.register_field(SignedMoney, "string", "decimal")
        self.register_field(Time, "string", "date-time")
        self.register_field(Day, "string", "date")
        self.register_field(LocalTime, "string", None)
