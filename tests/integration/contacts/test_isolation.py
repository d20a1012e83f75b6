"""Whatever an account asks about another account's things, they are not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from contracts.errors import NotFound
from servicekit.database import Database
from services.contacts import schemas
from services.contacts.queries import audiences as audiences_read
from services.contacts.queries import contacts as contacts_read
from services.contacts.queries import imports as imports_read
from services.contacts.queries import suppressions as suppressions_read
from services.contacts.use_cases import audiences, bulk, contacts, groups, imports, suppressions
from tests.integration.contacts.support import call, fetch, freeze, new_contact, new_group, told, upload

pytestmark = pytest.mark.integration

EVERYTHING = schemas.load(schemas.Listing, {})


@dataclass(frozen=True)
class Theirs:
    """One of each thing, of another account."""

    contact: int
    group: int
    import_: int
    snapshot: int


@pytest.fixture
def theirs(db: Database, other_account_id: int) -> Theirs:
    """Another account with one of each."""
    contact_id = new_contact(db, other_account_id, "6970000001", first_name="Θεανώ")
    call(db, suppressions.suppress, other_account_id, ["6970000001"], "theirs", "api")
    return Theirs(
        contact_id,
        new_group(db, other_account_id, contact_ids=[contact_id]),
        upload(db, other_account_id, b"6970000001"),
        freeze(db, other_account_id, 1, {"all": True}),
    )


Ask = Callable[[Any, int, Theirs], Any]

CALLS: dict[str, Ask] = {
    "get_contact": lambda s, me, t: contacts_read.get_contact(s, me, t.contact),
    "update_contact": lambda s, me, t: contacts.update_contact(s, me, t.contact, {"note": "x"}, None),
    "delete_contact": lambda s, me, t: contacts.delete_contact(s, me, t.contact),
    "list_contacts": lambda s, me, t: contacts_read.list_contacts(
        s, me, EVERYTHING | {"group_id": t.group}, None, 9
    ),
    "bulk filter": lambda s, me, t: bulk.bulk(s, me, "delete", {"filter": {"group_id": t.group}}, None),
    "bulk groups": lambda s, me, t: bulk.bulk(
        s, me, "add_to_groups", {"filter": {}}, {"group_ids": [t.group]}
    ),
    "get_group": lambda s, me, t: contacts_read.get_group(s, me, t.group),
    "update_group": lambda s, me, t: groups.update_group(s, me, t.group, {"name": "x"}, None),
    "delete_group": lambda s, me, t: groups.delete_group(s, me, t.group),
    "add_members": lambda s, me, t: groups.add_members(s, me, t.group, [t.contact]),
    "remove_members": lambda s, me, t: groups.remove_members(s, me, t.group, [t.contact]),
    "get_import": lambda s, me, t: imports_read.get_import(s, me, t.import_),
    "append_import": lambda s, me, t: imports.append_import(s, me, t.import_, 0, "eA=="),
    "analyse_import": lambda s, me, t: imports.analyse_import(s, me, t.import_),
    "update_import": lambda s, me, t: imports.update_import(s, me, t.import_, {"number": 0}),
    "commit_import": lambda s, me, t: imports.commit_import(s, me, t.import_, {}),
    "cancel_import": lambda s, me, t: imports.cancel_import(s, me, t.import_),
    "import_rejects": lambda s, me, t: imports_read.import_rejects(s, me, t.import_, 0),
    "unsuppress": lambda s, me, t: suppressions.unsuppress(s, me, "6970000001"),
    "snapshot": lambda s, me, t: audiences_read.snapshot(s, me, t.snapshot),
    "audience_page": lambda s, me, t: audiences_read.audience_page(s, me, t.snapshot, 0, 10),
    "freeze_audience": lambda s, me, t: audiences.freeze_audience(s, me, 1, {"group_ids": [t.group]}),
    "audience_estimate": lambda s, me, t: audiences.audience_estimate(
        s, me, {"minus_group_ids": [t.group]}, 0
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_another_accounts_thing_is_not_found(
    db: Database, account_id: int, theirs: Theirs, name: str
) -> None:
    new_contact(db, account_id, "6970000002")
    before = _everything(db)

    with pytest.raises(NotFound):
        call(db, CALLS[name], account_id, theirs)
    assert _everything(db) == before


@pytest.mark.parametrize("name", ["get_contact", "get_group", "get_import", "snapshot"])
@pytest.mark.parametrize("id_", [0, -1, 10**30, "1", None, "1 OR 1=1", True])
def test_what_is_no_id_is_not_found_either(db: Database, account_id: int, name: str, id_: Any) -> None:
    with pytest.raises(NotFound):
        call(db, CALLS[name], account_id, Theirs(id_, id_, id_, id_))


def test_lists_show_ones_own_only(db: Database, account_id: int, theirs: Theirs) -> None:
    lists = (
        lambda s: contacts_read.list_contacts(s, account_id, schemas.load(schemas.Listing, {}), None, 10),
        lambda s: contacts_read.list_groups(s, account_id, None, 10),
        lambda s: imports_read.list_imports(s, account_id, None, 10),
        lambda s: suppressions_read.list_suppressed(s, account_id, None, None, None, 10),
    )

    assert [call(db, look) for look in lists] == [{"data": [], "next_cursor": None}] * 4


def test_anothers_blacklist_does_not_stop_ones_own_messages(
    db: Database, account_id: int, theirs: Theirs
) -> None:
    freeze(db, account_id, 1, {"numbers": ["6970000001"]})

    (event,) = told(db, account_id, "contacts.audience_frozen")
    assert (event["recipients"], event["suppressed"]) == (1, 0)


def test_anothers_contact_lends_no_name_to_a_number(db: Database, account_id: int, theirs: Theirs) -> None:
    snapshot_id = freeze(db, account_id, 1, {"numbers": ["6970000001"], "contact_ids": [theirs.contact]})

    (member,) = call(db, audiences_read.audience_page, account_id, snapshot_id, 0, 10)["members"]
    assert member[3] == [""] * 9


def _everything(db: Database) -> list[Any]:
    tables = (
        "contacts",
        "phones",
        "groups",
        "group_members",
        "imports",
        "import_pieces",
        "import_pages",
        "import_mappings",
        "suppressions",
        "snapshots",
    )
    return [fetch(db, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]
