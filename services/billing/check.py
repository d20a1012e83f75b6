"""Proves the books: ``python -m services.billing.check`` prints what it found as JSON.

Exit status 0 when everything agrees, 1 when something does not, 2 when the database cannot be asked.
"""

from __future__ import annotations

import json
import sys

import psycopg2

from servicekit import database, settings

from . import checking


def main() -> int:
    """Check, keep what was found, print it."""
    try:
        with database.connect(settings.database_url("billing"), "billing-check") as connection:
            found = checking.check_and_keep(connection.cursor())
    except psycopg2.Error as problem:
        print(f"check: {type(problem).__name__}: {problem}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=2))
    return 0 if found["right"] else 1


if __name__ == "__main__":
    sys.exit(main())
