"""Snapshots of audiences: asked for here, made by ``freezing`` in the worker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from servicekit import context

from .. import domain, queries, schemas
from ..errors import InvalidFields
from ..queries import audiences as read
from . import filters

_INSERT = """
INSERT INTO snapshots (account_id, campaign_id, audience, correlation_id)
VALUES (%(account_id)s, %(campaign_id)s, %(audience)s::jsonb, %(correlation_id)s)
ON CONFLICT (account_id, campaign_id) DO UPDATE SET state = 'freezing', error_code = '', audience = excluded.audience
    WHERE snapshots.state = 'failed'
"""

_FIND = "SELECT id FROM snapshots WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s"


def freeze_audience(session: Any, account_id: int, campaign_id: int, audience: Any) -> dict[str, Any]:
    """Ask for the snapshot of a campaign; ends with AudienceFrozen. The same campaign again gets the same snapshot.

    Only one that failed is made anew. Raises InvalidFields, UnknownGroup, UnknownFilter.
    """
    if not domain.is_id(campaign_id):
        raise InvalidFields(
            "campaign_id", [{"pointer": "/campaign_id", "code": "invalid", "detail": "not an id"}]
        )
    wanted = _checked(session, account_id, audience)
    params = {"account_id": account_id, "campaign_id": campaign_id}
    made = params | {"audience": queries.json(wanted.to_data()), "correlation_id": context.correlation_id()}
    queries.run(session, _INSERT, made)
    queries.value(session, "SELECT pg_notify('snapshots', '')", {})
    return {"snapshot_id": queries.value(session, _FIND, params)}


def audience_estimate(session: Any, account_id: int, audience: Any, sample: int) -> dict[str, Any]:
    """What a freeze would find now. Raises InvalidFields, UnknownGroup, UnknownFilter."""
    return read.estimate(session, account_id, _checked(session, account_id, audience), int(sample))


def _checked(session: Any, account_id: int, audience: Any) -> domain.Audience:
    wanted, filter_ids = schemas.load_audience(audience)
    queries.require_groups(session, account_id, [*wanted.group_ids, *wanted.minus_group_ids])
    return replace(wanted, filters=tuple(filters.definitions(session, account_id, filter_ids)))
