"""Shapes at the edge of contacts: what the RPC calls take, checked and cleaned; what they answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from servicekit import cooperative
from smstext import InvalidNumber, parse_msisdn

from . import domain
from .domain import Audience
from .errors import InvalidFields
from .importing import cells

BREATH = 500
"""Numbers that are read before others may go on."""


class CleanText(fields.String):
    """Text without controls and invisible characters, at most ``limit`` characters; None is ""."""

    def __init__(self, limit: int, *, lines: bool = False, **kwargs: Any) -> None:
        """``lines`` keeps line breaks."""
        super().__init__(allow_none=True, **kwargs)
        self._limit, self._clean = limit, cells.lines if lines else cells.text

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if len(text) > 40_000:
            raise ValidationError("too_long")
        text = self._clean(text)
        if len(text) > self._limit:
            raise ValidationError("too_long")
        return text

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        """None counts as blank."""
        return super().deserialize("" if value is None else value, *args, **kwargs)


class Msisdn(fields.Field[int]):
    """A mobile number in any shape, as an integer of its E.164 digits."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        try:
            return int(parse_msisdn(value))
        except InvalidNumber as error:
            raise ValidationError(error.reason) from None


class Msisdns(fields.Field[list[int]]):
    """So many mobile numbers at most, each as ``Msisdn``. Others go on while they are read: some take 0.05 ms each."""

    def __init__(self, most: int, **kwargs: Any) -> None:
        """``most`` of them."""
        super().__init__(**kwargs)
        self._most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[int]:
        if not isinstance(value, list):
            raise ValidationError("invalid")
        if len(value) > self._most:
            raise ValidationError("too_many")
        good, bad = _read_numbers(value)
        if bad:
            raise ValidationError({one["index"]: [one["code"]] for one in bad})
        return good


def _read_numbers(values: list[Any]) -> tuple[list[int], list[dict[str, Any]]]:
    good: list[int] = []
    bad: list[dict[str, Any]] = []
    for index, raw in enumerate(values):
        if index % BREATH == 0:
            cooperative.breathe()
        try:
            good.append(int(parse_msisdn(raw)))
        except InvalidNumber as error:
            bad.append({"index": index, "code": error.reason})
    return good, bad


class Number(Schema):
    """A number of a contact."""

    number = Msisdn(required=True)
    primary = fields.Boolean(load_default=False)


def _email(value: str) -> None:
    if value:
        validate.Email(error="not_an_email")(value)


def _id() -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(min=1, max=domain.MAX_ID, error="not_an_id"))


def _ids(most: int, **kwargs: Any) -> fields.List:
    return fields.List(_id(), validate=validate.Length(max=most, error="too_many"), **kwargs)


class ContactChanges(Schema):
    """A part of a contact; what is not given stays. ``numbers`` and ``group_ids`` replace all there are."""

    title = CleanText(domain.TEXT_LIMITS["title"])
    first_name = CleanText(domain.TEXT_LIMITS["first_name"])
    last_name = CleanText(domain.TEXT_LIMITS["last_name"])
    email = CleanText(domain.TEXT_LIMITS["email"], validate=_email)
    custom1 = CleanText(domain.TEXT_LIMITS["custom1"])
    custom2 = CleanText(domain.TEXT_LIMITS["custom2"])
    custom3 = CleanText(domain.TEXT_LIMITS["custom3"])
    custom4 = CleanText(domain.TEXT_LIMITS["custom4"])
    vocative = CleanText(domain.TEXT_LIMITS["vocative"])
    note = CleanText(domain.TEXT_LIMITS["note"], lines=True)
    numbers = fields.List(
        fields.Nested(Number),
        validate=validate.Length(1, domain.MAX_NUMBERS_PER_CONTACT, error="number_count"),
    )
    group_ids = _ids(100)


class NewContact(ContactChanges):
    """A contact; it has at least one number."""

    numbers = fields.List(
        fields.Nested(Number),
        required=True,
        validate=validate.Length(1, domain.MAX_NUMBERS_PER_CONTACT, error="number_count"),
    )


class NewConsent(Schema):
    """A consent to be written down; ``number`` is one of the contact's, or left out for its primary one."""

    number = Msisdn()
    how = CleanText(40, required=True, validate=validate.Length(min=1, error="required"))
    wording = CleanText(2_000, lines=True, load_default="")
    source = CleanText(500, load_default="")
    at = fields.AwareDateTime(format="iso", allow_none=True, load_default=None)


class GroupChanges(Schema):
    """A part of a group."""

    name = CleanText(domain.MAX_GROUP_NAME, validate=validate.Length(min=1, error="required"))
    description = CleanText(1_000, lines=True)


class NewGroup(GroupChanges):
    """A group."""

    name = CleanText(domain.MAX_GROUP_NAME, required=True, validate=validate.Length(min=1, error="required"))


class Filter(Schema):
    """Which contacts a list shows or a bulk action takes."""

    search = CleanText(200, load_default="")
    group_id = fields.Integer(strict=True, allow_none=True, load_default=None)
    blacklisted = fields.Boolean(allow_none=True, load_default=None)
    created_from = fields.AwareDateTime(format="iso", allow_none=True, load_default=None)
    created_until = fields.AwareDateTime(format="iso", allow_none=True, load_default=None)


class Listing(Filter):
    """A filter and the order of what it finds."""

    sort = fields.String(load_default="created", validate=validate.OneOf(domain.SORTS, error="unknown_sort"))


class Selection(Schema):
    """Contacts by id, or all that match a filter: exactly one of the two."""

    ids = _ids(domain.MAX_SELECTION)
    filter = fields.Nested(Filter)


class ExportSelection(Filter):
    """What of the contacts goes into a file: those of ``ids`` (None: all) that match the filter."""

    ids = _ids(domain.MAX_SELECTION, allow_none=True, load_default=None)
    labels = fields.Dict(keys=fields.String(), values=CleanText(40), load_default=dict)


class Merge(Schema):
    """The contacts that another one takes over."""

    others = fields.List(
        _id(),
        data_key="with",
        attribute="with",
        required=True,
        validate=validate.Length(1, 20, error="number_count"),
    )


class BulkParams(Schema):
    """What a bulk action needs besides its selection."""

    group_ids = _ids(100, load_default=list)
    reason = CleanText(500, load_default="")


class FilterChanges(Schema):
    """A part of a saved filter; ``filter`` is replaced as a whole."""

    name = CleanText(100, validate=validate.Length(min=1, error="required"))
    filter = fields.Nested(Filter)


class NewFilter(FilterChanges):
    """A saved filter."""

    name = CleanText(100, required=True, validate=validate.Length(min=1, error="required"))
    filter = fields.Nested(Filter, required=True)


class SuppressionWords(Schema):
    """Why a number is blacklisted, and by what way that came."""

    reason = CleanText(500, load_default="")
    source = CleanText(50, load_default="")


class Paste(Schema):
    """A text with numbers to blacklist."""

    text = fields.String(required=True, validate=validate.Length(min=1, max=domain.MAX_PIECE_BYTES))


class SuppressionFilter(Schema):
    """Which part of the blacklist a list shows."""

    search = CleanText(40, load_default="")
    source = CleanText(50, load_default="")


class Rejection(Schema):
    """Why a request to be left alone is not followed."""

    reason = CleanText(500, required=True, validate=validate.Length(min=1, error="required"))


class OptOutSettings(Schema):
    """What an account does with requests to be left alone."""

    auto_approve = fields.Boolean(truthy={True}, falsy={False})


class OptOutFilter(Schema):
    """Which requests a list shows."""

    state = fields.String(
        allow_none=True, validate=validate.OneOf(domain.OPT_OUT_STATES, error="unknown_state")
    )
    number = Msisdn(allow_none=True)


class AudienceData(Schema):
    """An audience as campaigns give it."""

    all = fields.Boolean(load_default=False)
    group_ids = _ids(1_000, load_default=list)
    minus_group_ids = _ids(1_000, load_default=list)
    filter_ids = _ids(20, load_default=list)
    contact_ids = _ids(domain.MAX_AUDIENCE_LIST, load_default=list)
    numbers = Msisdns(domain.MAX_AUDIENCE_LIST, load_default=list)


class CommitImport(Schema):
    """How the rows of an import are stored."""

    policy = fields.String(
        load_default="skip", validate=validate.OneOf(domain.POLICIES, error="unknown_policy")
    )
    group_ids = _ids(100, load_default=list)
    group_names = fields.List(
        CleanText(domain.MAX_GROUP_NAME, validate=validate.Length(min=1, error="required")),
        load_default=list,
        validate=validate.Length(max=20, error="too_many"),
    )
    blacklist = fields.Boolean(load_default=False)


class NewImport(Schema):
    """A file that will come. ``labels`` are the account's names of the custom fields, in their order; ``digest`` tells
    apart two files of one name and size."""

    filename = CleanText(255, load_default="")
    size = fields.Integer(strict=True, required=True, validate=validate.Range(min=0, error="negative"))
    labels = fields.List(CleanText(40), load_default=list, validate=validate.Length(max=4, error="too_many"))
    digest = CleanText(64, load_default="")


def load(schema: type[Schema], data: Any) -> dict[str, Any]:
    """``data`` checked by ``schema``. Raises InvalidFields with a JSON pointer for each field at fault."""
    try:
        return dict(schema().load(data))
    except ValidationError as error:
        raise InvalidFields("Some fields are not valid.", list(_flatten(error.messages, ""))[:100]) from None


def load_audience(data: Any) -> tuple[Audience, list[int]]:
    """An audience, its numbers read, and the saved filters it names. Raises InvalidFields."""
    known = load(AudienceData, data)
    audience = Audience(
        everyone=known["all"],
        group_ids=tuple(sorted(set(known["group_ids"]))),
        minus_group_ids=tuple(sorted(set(known["minus_group_ids"]))),
        contact_ids=tuple(known["contact_ids"]),
        numbers=tuple(known["numbers"]),
    )
    return audience, sorted(set(known["filter_ids"]))


def load_numbers(numbers: Any) -> tuple[list[int], list[dict[str, Any]]]:
    """(msisdns, invalid ones as ``{"index", "code"}``) of a list of numbers in any shape. Raises InvalidFields."""
    if not isinstance(numbers, list):
        raise InvalidFields(
            "numbers must be a list", [{"pointer": "/numbers", "code": "invalid", "detail": "not a list"}]
        )
    good, bad = _read_numbers(numbers)
    return list(dict.fromkeys(good)), bad


def _flatten(messages: Any, pointer: str) -> Iterator[dict[str, str]]:
    if isinstance(messages, Mapping):
        for key, value in messages.items():
            yield from _flatten(value, pointer if key == "_schema" else f"{pointer}/{key}")
        return
    for message in messages:
        code = message if message.replace("_", "").isalnum() else "invalid"
        yield {"pointer": pointer, "code": code, "detail": message}


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with Z, to the millisecond."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
