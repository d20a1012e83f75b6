"""Failures that a caller can act on.

A *kind* says what the caller may do (and which HTTP status fits); the *code* is stable and says what happened.
Services define leaves (``class UnknownHold(NotFound): code = "unknown_hold"``); over RPC a leaf travels as its kind
with its code, so a caller needs to know this module only.
"""

from __future__ import annotations

from typing import Any, ClassVar


class KeryxError(Exception):
    """An expected failure.

    ``KeryxError(code, detail, errors)``, or ``Leaf(detail, errors)`` where the class itself carries the code.
    ``errors`` is a list of ``{"pointer", "code", "detail"}``, one for each field at fault.
    """

    status: ClassVar[int] = 500
    code: str = ""

    def __init__(self, *args: Any, errors: list[dict[str, str]] | None = None) -> None:
        """Take ``(code, detail[, errors])``, or ``(detail[, errors])`` on a class that has a code."""
        rest = list(args)
        if not type(self).code:
            self.code = str(rest.pop(0)) if rest else "error"
        self.detail = str(rest.pop(0)) if rest else ""
        self.errors: list[dict[str, str]] = list(errors or (rest.pop(0) if rest else None) or [])
        super().__init__(self.code, self.detail, self.errors)

    def as_kind(self) -> KeryxError:
        """The same failure as an instance of its kind, which every process knows."""
        return kind_of(type(self))(self.code, self.detail, self.errors)

    def to_data(self) -> dict[str, Any]:
        """As data, for an answer that tells of several requests."""
        kind = kind_of(type(self)).__name__
        return {"kind": kind, "code": self.code, "detail": self.detail, "errors": self.errors}


class BadRequest(KeryxError):
    """The request cannot be read."""

    status = 400


class Unauthorized(KeryxError):
    """Who is asking is not known."""

    status = 401


class InsufficientFunds(KeryxError):
    """The balance does not cover it."""

    status = 402


class Forbidden(KeryxError):
    """Known, and not allowed."""

    status = 403


class NotFound(KeryxError):
    """There is no such thing, or it is another account's."""

    status = 404


class Conflict(KeryxError):
    """The state of the thing does not allow it now."""

    status = 409


class PreconditionFailed(KeryxError):
    """Somebody changed it since it was read."""

    status = 412


class TooLarge(KeryxError):
    """More than is taken at once."""

    status = 413


class Invalid(KeryxError):
    """Readable, but a value is wrong; ``errors`` says which."""

    status = 422


RETRY_AT = "retry_at"
"""The code of an entry of ``errors`` whose detail is the time (ISO 8601) from which it may be tried again."""


class TooMany(KeryxError):
    """Too fast or too much; try later, at the time of an entry with the code RETRY_AT if there is one."""

    status = 429


class Unexpected(KeryxError):
    """A fault of ours; the log has the traceback."""

    status = 500


class Unavailable(KeryxError):
    """A part of the system is not there now; try later."""

    status = 503


KINDS: tuple[type[KeryxError], ...] = (
    BadRequest, Unauthorized, InsufficientFunds, Forbidden, NotFound, Conflict,
    PreconditionFailed, TooLarge, Invalid, TooMany, Unexpected, Unavailable,
)  # fmt: skip


def from_data(data: dict[str, Any]) -> KeryxError:
    """The failure that ``to_data`` wrote; Unexpected when its kind is not known here."""
    kind = next((one for one in KINDS if one.__name__ == data["kind"]), Unexpected)
    return kind(data["code"], data["detail"], data["errors"])


def kind_of(leaf: type[KeryxError]) -> type[KeryxError]:
    """The kind that ``leaf`` derives from; ``Unexpected`` if it derives from none."""
    return next((base for base in leaf.__mro__ if base in KINDS), Unexpected)
