"""Data by the hundred thousand, put straight into the services' databases: faster than any way in, and the same rows."""

from __future__ import annotations

import time
from typing import Any

from services.contacts.jobs import sorting
from services.dispatcher import partitions
from services.dispatcher.domain import State

from . import people
from .stack import Stack

_CONTACTS = """
WITH made AS (
    INSERT INTO contacts (account_id, first_name, last_name, email, custom1, custom2, custom4)
    SELECT %(account)s, (%(first)s::text[])[1 + i %% %(firsts)s], (%(last)s::text[])[1 + i * 7 %% %(lasts)s],
        'p' || i || '@example.gr', (%(city)s::text[])[1 + i * 3 %% %(cities)s], (i %% 1000)::text,
        'K' || lpad((i %% 100000)::text, 5, '0')
    FROM generate_series(0, %(count)s - 1) AS i ORDER BY i RETURNING id
), numbered AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS i FROM made
), phoned AS (
    INSERT INTO phones (account_id, msisdn, contact_id, is_primary)
    SELECT %(account)s, %(number)s + i * 7919999 %% %(places)s, id, true FROM numbered
)
INSERT INTO group_members (group_id, contact_id) SELECT %(group)s, id FROM numbered
"""
_CHUNKS = """
INSERT INTO chunks (hold_id, account_id, campaign_id, price_class, kind, channel, validity_seconds, first_id, last_id,
    correlation_id, accepted_at)
SELECT 'seed' || f, %(account)s, %(campaign)s + (f - %(first)s) / %(a_campaign)s, 'normal', 'marketing', 'campaign', 86400,
    f, f + 499, 'seed', now() - make_interval(secs => (%(first)s + %(count)s - f) * 0.1)
FROM generate_series(%(first)s, %(first)s + %(count)s - 1, 500) AS f
RETURNING id
"""
_MESSAGES = """
INSERT INTO messages (id, chunk_id, account_id, connector_id, recipient, sender, text, encoding, parts, price, state, reason,
    accepted_at, submitted_at, done_at)
SELECT n, c.id, %(account)s, %(connector)s, %(number)s + (n - %(first)s) * 7919999 %% %(places)s, 'KERYX',
    'AΓAΠHTE, -15% ME TO K' || n || ' EΩΣ THN KYPIAKH. ME EKTIMHΣH EPMHΣ. STOP: https://k.gr/u/Ab3x' || n, 'gsm', 1, 45000,
    CASE WHEN n %% 25 = 0 THEN %(undelivered)s ELSE %(delivered)s END, CASE WHEN n %% 25 = 0 THEN 'receipt_UNDELIV_001' END,
    c.accepted_at, c.accepted_at + interval '1 second', c.accepted_at + interval '3 seconds'
FROM chunks c, generate_series(c.first_id, c.last_id) AS n WHERE c.hold_id LIKE 'seed%%' AND c.account_id = %(account)s
"""
_PARTS = """
INSERT INTO parts (message_id, no, connector_id, smsc_id, state, submitted_at, done_at, receipt_at)
SELECT id, 1, connector_id, id::text, state, submitted_at, done_at, done_at FROM messages WHERE account_id = %(account)s
"""
MESSAGES_A_CAMPAIGN = 50_000

_WAITING = "SELECT EXISTS (SELECT FROM search_changes)"
SORTING_LOOK_SECONDS = 0.1


def contacts(connection: Any, account_id: int, count: int) -> int:
    """``count`` customers with a number each, in a new group; its id. ``connection`` commits each statement."""
    cursor = connection.cursor()
    cursor.execute(
        "INSERT INTO groups (account_id, name) VALUES (%s, %s) RETURNING id", (account_id, f"Bench {count}")
    )
    group = int(cursor.fetchone()[0])
    names = {"first": list(people.FIRST), "last": list(people.LAST), "city": list(people.CITIES)}
    sizes = {"firsts": len(people.FIRST), "lasts": len(people.LAST), "cities": len(people.CITIES)}
    wanted = {"account": account_id, "group": group, "count": count, "number": people.FIRST_NUMBER}
    cursor.execute(_CONTACTS, {**names, **sizes, **wanted, "places": people.PLACES})
    sort_in(connection)
    for table in ("contacts", "phones", "group_members", "search_entries"):
        cursor.execute(f"VACUUM ANALYZE {table}")
    return group


def sort_in(connection: Any) -> None:
    """Return once every contact has its search entry, by the worker of the stack or without one."""
    cursor = connection.cursor()
    cursor.execute(_WAITING)
    while cursor.fetchone()[0]:
        if not sorting.sort_in(connection):
            time.sleep(SORTING_LOOK_SECONDS)
        cursor.execute(_WAITING)


def history(stack: Stack, account_id: int, count: int) -> None:
    """``count`` messages (rounded up to chunks of 500) as they lie there weeks after they were sent, with their parts."""
    count = -(-count // 500) * 500
    connection = stack.database("dispatcher")
    connection.autocommit = False
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM connectors LIMIT 1")
        (connector,) = cursor.fetchone()
        cursor.execute("UPDATE message_ids SET next_id = next_id + %s RETURNING next_id - %s", (count, count))
        (first,) = cursor.fetchone()
        partitions.ensure(cursor)
        values = {
            "account": account_id, "campaign": 1_000_000, "a_campaign": MESSAGES_A_CAMPAIGN, "first": first,
            "count": count, "connector": connector, "number": people.FIRST_NUMBER, "places": people.PLACES,
            "delivered": int(State.DELIVERED), "undelivered": int(State.UNDELIVERED),
        }  # fmt: skip
        for statement in (_CHUNKS, _MESSAGES.replace("-15% ", "-15%% "), _PARTS):
            cursor.execute(statement, values)
    connection.close()
    for table in ("chunks", "messages", "parts"):
        stack.sql("dispatcher", f"VACUUM ANALYZE {table}")
