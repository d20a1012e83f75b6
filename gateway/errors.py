"""Every failure leaves as ``application/problem+json`` (RFC 9457); exception → HTTP is the table below."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import marshmallow as ma
import orjson
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException

from contracts.errors import RETRY_AT, KeryxError
from servicekit import logs

log = logs.get(__name__)

RETRY_AFTER_SECONDS = {429: 1, 503: 2}
CONTENT_TYPE = "application/problem+json"

# What Flask and werkzeug raise by themselves, by status: (code, detail). What is not here is a fault of ours.
HTTP_FAILURES: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request cannot be read."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method."),
    406: ("not_acceptable", "This address has no such representation."),
    408: ("request_timeout", "The request took too long to arrive."),
    411: ("length_required", "The request must say its length."),
    413: ("too_large", "The request is larger than is taken at once."),
    414: ("address_too_long", "The address is too long."),
    415: ("unsupported_media_type", "The body must be JSON (Content-Type: application/json)."),
    416: ("range_not_satisfiable", "The range begins behind the end of the file."),
    431: ("headers_too_large", "The headers are too large."),
}

UNEXPECTED = (500, "internal_error", "Something went wrong on our side; quote the request_id.")

# Beginning of a validation message → stable code of the field's error.
FIELD_CODES: tuple[tuple[str, str], ...] = (
    ("Missing data", "required"),
    ("Unknown field", "unknown_field"),
    ("Field may not be null", "null"),
    ("Must be one of", "not_allowed"),
    ("Length must", "length"),
    ("Longer than", "length"),
    ("Shorter than", "length"),
    ("Must be greater", "range"),
    ("Must be less", "range"),
    ("Not a valid", "invalid"),
    ("Clocks are put forward", "no_such_time"),
    ("Clocks are put back", "ambiguous_time"),
    ("Invalid", "invalid"),
    ("Give ", "alternatives"),
)


class Problem(ma.Schema):
    """What every failure looks like."""

    type = ma.fields.String(metadata={"description": "URN of the code"})
    title = ma.fields.String()
    status = ma.fields.Integer()
    code = ma.fields.String(metadata={"description": "Stable; decide by this one"})
    detail = ma.fields.String(metadata={"description": "For people; may change"})
    request_id = ma.fields.String(metadata={"description": "Quote it when asking for help"})
    current = ma.fields.Dict(metadata={"description": "Of 412 on a change: the thing as it is now"})
    errors = ma.fields.List(
        ma.fields.Nested(
            ma.Schema.from_dict(
                {"pointer": ma.fields.String(), "code": ma.fields.String(), "detail": ma.fields.String()},
                name="FieldProblem",
            )
        ),
        metadata={"description": "One for each field at fault, with a JSON pointer into what was sent"},
    )


def problem(status: int, code: str, detail: str, errors: list[dict[str, str]] | None = None) -> Response:
    """The response for a failure, with the headers that belong to its status."""
    body = described(status, code, detail, g.get("request_id", ""), errors or [])
    if status == 412 and "current" in g:
        body["current"] = g.current
    response = Response(orjson.dumps(body), status, content_type=CONTENT_TYPE)
    response.headers.update(headers_of(status, errors or []))
    return response


def described(
    status: int, code: str, detail: str, request_id: str, errors: list[dict[str, str]]
) -> dict[str, Any]:
    """What the body of a failure says."""
    return {
        "type": f"urn:keryx:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail or HTTPStatus(status).description,
        "request_id": request_id,
        "errors": errors,
    }


def headers_of(status: int, errors: list[dict[str, str]]) -> dict[str, str]:
    """The headers that belong to the status of a failure."""
    if status in RETRY_AFTER_SECONDS:
        return {"Retry-After": str(_retry_after(errors) or RETRY_AFTER_SECONDS[status])}
    return {"WWW-Authenticate": 'Bearer realm="Keryx"'} if status == 401 else {}


def _retry_after(errors: list[dict[str, str]]) -> int | None:
    """Whole seconds until the time that one of the errors tells, at least one; None when none tells."""
    told = [datetime.fromisoformat(error["detail"]) for error in errors if error["code"] == RETRY_AT]
    if not told:
        return None
    return max(1, math.ceil((max(told) - datetime.now(UTC)).total_seconds()))


def of_keryx(error: KeryxError) -> Response:
    """An expected failure, our own or a service's: its kind knows the status."""
    return problem(type(error).status, error.code, error.detail, error.errors)


def of_http(error: HTTPException) -> Any:
    """What Flask or werkzeug refused. A redirect is no failure and passes."""
    status = error.code or 500
    if status < 400:
        return error
    if status not in HTTP_FAILURES:
        return of_unexpected(error)
    response = problem(status, *HTTP_FAILURES[status])
    valid_methods = getattr(error, "valid_methods", None)
    if valid_methods:
        response.headers["Allow"] = ", ".join(sorted(valid_methods))
    return response


def of_unexpected(error: BaseException) -> Response:
    """A fault of ours: the log has the traceback under the request id, the caller only the id."""
    log.error("request_failed", exc_info=error)
    return problem(*UNEXPECTED)


def register(app: Flask) -> None:
    """Install the table: exception class → translation."""
    app.register_error_handler(KeryxError, of_keryx)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(Exception, of_unexpected)


def field_errors(messages: Any, pointer: str = "") -> Iterator[dict[str, str]]:
    """marshmallow's nested messages as a flat list of ``{pointer, code, detail}``."""
    if isinstance(messages, dict):
        for key, value in messages.items():
            step = "" if key == "_schema" else "/" + str(key).replace("~", "~0").replace("/", "~1")
            yield from field_errors(value, pointer + step)
        return
    for message in messages if isinstance(messages, list) else [messages]:
        text = str(message)
        code = next((code for start, code in FIELD_CODES if text.startswith(start)), "invalid")
        yield {"pointer": pointer[:200], "code": code, "detail": text[:500]}
