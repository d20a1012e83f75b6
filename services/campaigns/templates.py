"""Templates: texts with a name, to be used again. Each function takes the session of the caller's transaction first."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, func, literal, select, text, tuple_
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert
from sqlalchemy.orm import Session

from servicekit import idempotency

from . import domain, rendering, schemas
from .errors import BadCursor, TemplateChanged, TemplateNameTaken, TooManyTemplates, UnknownTemplate
from .models import Template

MAX_TEMPLATES = 1_000
"""Templates an account may have: people choose from a list, and no list of texts is read beyond that."""

_TIMES = ("created_at", "updated_at", "last_used_at")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('templates', :account_id))")
_NEVER = literal("-infinity", TIMESTAMP(timezone=True))


def create(
    session: Session, account_id: int, data: dict[str, Any], idempotency_key: str | None, public_host: str
) -> dict[str, Any]:
    """A new template; ``data`` may have the account's ``labels``, which placeholders are checked against.

    Raises InvalidFields, TemplateNameTaken, TooManyTemplates, Conflict("idempotency_key_reused").
    """
    wanted = _checked(data)

    def produce() -> dict[str, Any]:
        session.execute(_LOCK, {"account_id": account_id})
        mine = select(func.count()).select_from(Template).where(Template.account_id == account_id)
        if (session.scalar(mine) or 0) >= MAX_TEMPLATES:
            raise TooManyTemplates(f"An account may have {MAX_TEMPLATES:,} templates; delete some.")
        made = insert(Template).values(account_id=account_id, **wanted).on_conflict_do_nothing()
        template_id = session.scalar(made.returning(Template.id))
        if template_id is None:
            raise TemplateNameTaken("There is a template of this name.")
        return get(session, account_id, template_id, public_host)

    answer: dict[str, Any] = idempotency.remember(
        session, account_id, idempotency_key, data, produce, operation="create_template"
    )
    return answer


def update(
    session: Session,
    account_id: int,
    template_id: int,
    changes: dict[str, Any],
    version: int | None,
    public_host: str,
) -> dict[str, Any]:
    """Change what ``changes`` names; the whole is checked again. ``version`` None changes whatever is there.

    Raises UnknownTemplate, TemplateChanged, InvalidFields, TemplateNameTaken.
    """
    session.execute(_LOCK, {"account_id": account_id})
    template = find(session, account_id, template_id, lock=True)
    _expect(template, version)
    if not isinstance(changes, dict):
        schemas.refuse("", "invalid", "An object is expected.")
    wanted = _checked({**{name: getattr(template, name) for name in schemas.TEMPLATE}, **changes})
    same = select(Template.id).where(
        Template.account_id == account_id,
        Template.name_key == wanted["name_key"],
        Template.id != template_id,
    )
    if session.scalar(same) is not None:
        raise TemplateNameTaken("There is a template of this name.")
    for name, value in wanted.items():
        setattr(template, name, value)
    template.version += 1
    template.updated_at = func.now()
    session.flush()
    return _shown(template, public_host)


def delete(session: Session, account_id: int, template_id: int, version: int | None = None) -> None:
    """Remove it; campaigns that were made from it stay as they are. Raises UnknownTemplate, TemplateChanged."""
    template = find(session, account_id, template_id, lock=True)
    _expect(template, version)
    session.delete(template)


def use(session: Session, account_id: int, template_id: Any) -> dict[str, Any]:
    """What a campaign takes over from the template, which is marked as used now. Raises UnknownTemplate."""
    if not isinstance(template_id, int):
        schemas.refuse("/template_id", "invalid", "An id is expected.")
    template = find(session, account_id, template_id, lock=True)
    template.last_used_at = func.now()
    taken = {name: getattr(template, name) for name in schemas.TEMPLATE if name != "labels"}
    return {name: value for name, value in taken.items() if value is not None}


def find(session: Session, account_id: int, template_id: int, *, lock: bool = False) -> Template:
    """A template of the account, locked for a change if asked. Raises UnknownTemplate, also for another's."""
    query = select(Template).where(Template.id == template_id, Template.account_id == account_id)
    found = session.scalar(query.with_for_update() if lock else query) if 0 < template_id < 2**63 else None
    if found is None:
        raise UnknownTemplate("There is no such template.")
    return found


def get(session: Session, account_id: int, template_id: int, public_host: str) -> dict[str, Any]:
    """A template as it is shown. Raises UnknownTemplate."""
    return _shown(find(session, account_id, template_id), public_host)


class _Order(NamedTuple):
    key: ColumnElement[Any]
    read: Callable[[Any], Any]
    descending: bool


_USED = func.coalesce(Template.last_used_at, _NEVER)


def _moment(value: Any) -> Any:
    return _NEVER if value is None else datetime.fromisoformat(value)


_ORDERS = {
    "name": _Order(Template.name_key.expression, str, False),
    "-name": _Order(Template.name_key.expression, str, True),
    "last_used": _Order(_USED, _moment, False),
    "-last_used": _Order(_USED, _moment, True),
}


def list_templates(
    session: Session,
    account_id: int,
    search: str | None,
    sort: str,
    cursor: str | None,
    limit: int,
    public_host: str,
) -> dict[str, Any]:
    """Templates by name, or by when they were last used (never comes first), ``-`` the other way round.

    ``search``: words that name and text have to contain, whatever their case and accents. Raises InvalidFields, BadCursor.
    """
    schemas.load(schemas.TemplatePage, {"search": search, "sort": sort, "limit": limit})
    order = _ORDERS[sort]
    query = select(Template).where(Template.account_id == account_id)
    for word in domain.folded(search or "").split():
        query = query.where(Template.search_key.contains(word, autoescape=True))
    place = tuple_(order.key, Template.id)
    if cursor is not None:
        after = tuple_(*_read_cursor(sort, cursor))
        query = query.where(place < after if order.descending else place > after)
    keys = [key.desc() if order.descending else key.asc() for key in (order.key, Template.id)]
    rows = session.scalars(query.order_by(*keys).limit(limit + 1)).all()
    page = rows[:limit]
    return {
        "data": [_shown(row, public_host) for row in page],
        "next_cursor": _write_cursor(sort, page[-1]) if len(rows) > limit else None,
    }


def _write_cursor(sort: str, last: Template) -> str:
    used = last.last_used_at.isoformat() if last.last_used_at else None
    key = last.name_key if sort.endswith("name") else used
    return base64.urlsafe_b64encode(orjson.dumps([sort, key, last.id])).decode().rstrip("=")


def _read_cursor(sort: str, cursor: str) -> list[Any]:
    try:
        made_for, key, last = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if made_for != sort or type(last) is not int or not 0 < last < 2**63 or "\x00" in (key or ""):
            raise ValueError(cursor)
        return [_ORDERS[sort].read(key), last]
    except (ValueError, TypeError, binascii.Error):
        raise BadCursor("The cursor is not one of this list.") from None


def _expect(template: Template, version: int | None) -> None:
    if version is not None and version != template.version:
        raise TemplateChanged("The template was changed since it was read.")


def _checked(data: Any) -> dict[str, Any]:
    wanted = schemas.load(schemas.TemplateSettings, data)
    name_key = domain.folded(wanted["name"])
    return {**wanted, "name_key": name_key, "search_key": f"{name_key}\n{domain.folded(wanted['text'])}"}


def _shown(template: Template, public_host: str) -> dict[str, Any]:
    encoding: Any = template.encoding
    wording = rendering.Wording(template.text, encoding, template.unsubscribe, template.labels)
    return {
        "id": template.id,
        **{name: getattr(template, name) for name in schemas.TEMPLATE},
        "version": template.version,
        "segment": rendering.least(wording, public_host),
        **{name: schemas.iso(getattr(template, name)) for name in _TIMES},
    }
