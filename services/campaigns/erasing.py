"""Erased numbers go out of the audiences that they were pasted into, whatever became of the campaign.

Whoever edits a draft or a scheduled campaign meanwhile is told so: ``version``, which is the ETag, grows. In all other states
it stays: nobody can edit those, and a newer version would be a stop that the dispatcher has to be told of.
"""

from __future__ import annotations

from typing import Any

from contracts.events import NumbersErased

# Locked in the order of ids, as whoever counts does (progress). An audience without numbers has no list of them.
_CAMPAIGNS = """
UPDATE campaigns SET
    audience = CASE WHEN (audience->'numbers') - %(numbers)s::text[] = '[]' THEN audience - 'numbers'
                    ELSE jsonb_set(audience, '{numbers}', (audience->'numbers') - %(numbers)s::text[]) END,
    version = version + (state IN ('draft', 'scheduled'))::int,
    updated_at = CASE WHEN state IN ('draft', 'scheduled') THEN now() ELSE updated_at END
WHERE id = ANY(ARRAY(
    SELECT id FROM campaigns WHERE account_id = %(account_id)s AND audience->'numbers' ?| %(numbers)s::text[]
    ORDER BY id FOR NO KEY UPDATE))
"""

# What was answered to a request under a key, and is answered again if it is repeated.
_ANSWERS = """
UPDATE idempotency_keys SET response = jsonb_set(
    response, '{audience,numbers}', (response->'audience'->'numbers') - %(numbers)s::text[])
WHERE account_id = %(account_id)s AND response->'audience'->'numbers' ?| %(numbers)s::text[]
"""


def erase(cursor: Any, event: NumbersErased) -> int:
    """Take the erased numbers out of all campaigns of the account and out of kept answers; how many campaigns had one.

    A draft may be left with nobody in its audience (``errors.EmptyAudience``). Frozen audiences are contacts' own.
    """
    if not event.numbers:
        return 0
    params = {"account_id": event.account_id, "numbers": event.numbers}
    cursor.execute(_CAMPAIGNS, params)
    changed = int(cursor.rowcount)
    cursor.execute(_ANSWERS, params)
    return changed
