"""The end of an import, told in the transaction that ends it."""

from __future__ import annotations

from typing import Any

from contracts.events import ImportFinished
from servicekit import outbox

_COUNTS = ("rows", "accepted", "updated", "duplicates", "rejected")


def tell(session: Any, record: dict[str, Any], state: str, failed: str | None = None) -> None:
    """Tell that the import ``record`` ends as ``state`` with what it has stored; ``failed`` is the code of why it fails.

    The counts of one that failed are 0, as they are on the import itself.
    """
    counts = {name: 0 if failed else record[name] for name in _COUNTS}
    event = ImportFinished(
        account_id=record["account_id"],
        import_id=record["id"],
        filename=record["filename"],
        state=state,
        stored=record["applied"],
        failed=failed,
        **counts,
    )
    outbox.add(session, event, account_id=record["account_id"])
