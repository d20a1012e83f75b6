"""People and their numbers, over REST on the running stack: found, changed, merged, acted upon, taken out, forgotten."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import uuid4

import openpyxl
import pytest

from tests.support.waiting import eventually

from .shop import Keryx, Shop

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def shop(running: Keryx) -> Shop:
    """An account with four customers, two of them the same person."""
    shop = running.shop(custom_labels=["Πόλη", "", "", ""])
    for name, surname, number, city in (
        ("ΓΙΏΡΓΟΣ", "Παπαδόπουλος", "697 123 4501", "Αθήνα"),
        ("Άννα", "Ζήση", "6971234502", "Βόλος"),
        ("Γιώργος", "", "6971234503", ""),
        ("=cmd()", "+1", "6971234504", "Χανιά"),
    ):
        person = {"first_name": name, "last_name": surname, "custom1": city, "numbers": [{"number": number}]}
        shop.post("/contacts", person, 201)
    return shop


def names(shop: Shop, **wanted: Any) -> list[str]:
    """First names of who is found, page by page."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = shop.get("/contacts", limit=1, **cursor, **wanted)
        found += [one["first_name"] for one in page["data"]]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def one(shop: Shop, search: str) -> dict[str, Any]:
    """The only contact that is found."""
    (found,) = shop.get("/contacts", search=search)["data"]
    return dict(found)


def over(shop: Shop, job: dict[str, Any], state: str = "done") -> dict[str, Any]:
    """The bulk action once it is over."""

    def look() -> dict[str, Any]:
        found: dict[str, Any] = shop.get(f"/contacts/bulk/{job['id']}")
        assert found["state"] == state, found
        return found

    return eventually(look, 90, 0.1, "the bulk action")


def file_of(shop: Shop, wanted: dict[str, Any]) -> bytes:
    """The file of an export."""
    job = shop.post("/exports", wanted, 202)
    eventually(lambda: shop.get(f"/exports/{job['id']}")["state"] == "done", 30, 0.1, "the file")
    return bytes(shop.get(f"/exports/{job['id']}/file"))


def test_people_are_found_whatever_the_case_the_accents_and_the_shape_of_the_number(shop: Shop) -> None:
    assert names(shop, search="γιωργος") == ["ΓΙΏΡΓΟΣ", "Γιώργος"]
    assert names(shop, search="παπαδοπουλοσ γιωργ") == ["ΓΙΏΡΓΟΣ"]
    assert names(shop, search="+30 697 1234502") == ["Άννα"]
    assert names(shop, search="34503") == ["Γιώργος"]
    assert names(shop, sort="name") == ["=cmd()", "Γιώργος", "Άννα", "ΓΙΏΡΓΟΣ"]
    assert names(shop, sort="-created", created_from="2020-01-01T00:00:00Z") == names(shop)[::-1]
    assert names(shop, created_until="2020-01-01T00:00:00Z") == []


def test_who_was_slower_gets_the_current_state_with_the_conflict(shop: Shop) -> None:
    contact = one(shop, "Ζήση")
    path = f"/contacts/{contact['id']}"
    tag = shop.http.get(f"/api/v1{path}").headers["ETag"]
    shop.ask("PATCH", path, json={"note": "first"}, headers={"If-Match": tag})

    refusal = shop.ask("PATCH", path, 412, json={"note": "second"}, headers={"If-Match": tag})

    assert (refusal["code"], refusal["current"]["note"]) == ("version_mismatch", "first")
    assert refusal["current"]["id"] == contact["id"]


def test_a_consent_is_on_the_card(shop: Shop) -> None:
    contact = one(shop, "Ζήση")
    said = {"how": "form", "wording": "Ναι, θέλω", "source": "/register", "at": "2026-01-02T10:00:00+02:00"}

    shop.post(f"/contacts/{contact['id']}/consents", said, 201)

    (written,) = shop.get(f"/contacts/{contact['id']}/consents")["data"]
    assert written["number"] == "306971234502"
    assert (written["how"], written["at"]) == ("form", "2026-01-02T08:00:00.000Z")
    assert written["actor"].startswith("key:")


def test_duplicates_become_one_with_everything_of_both(running: Keryx) -> None:
    shop = running.shop(money=0)
    groups = [shop.post("/groups", {"name": name}, 201)["id"] for name in ("a", "b")]
    people = [
        {
            "first_name": "Μαρία",
            "last_name": "Ρήγα",
            "numbers": [{"number": "6971234501"}],
            "group_ids": groups[:1],
            "note": "πρώτη",
        },
        {
            "first_name": "ΜΑΡΙΑ",
            "last_name": "ΡΗΓΑ",
            "email": "m@example.gr",
            "numbers": [{"number": "6971234502"}],
            "group_ids": groups,
        },
    ]
    kept, gone = (shop.post("/contacts", person, 201)["id"] for person in people)
    (alike,) = shop.get("/contacts/duplicates", by="name")["data"]
    assert (alike["value"], alike["count"]) == ("Μαρία Ρήγα", 2)
    assert [contact["id"] for contact in alike["contacts"]] == [kept, gone]

    merged = shop.post(f"/contacts/{kept}/merge", {"with": [gone]})

    assert (merged["first_name"], merged["email"], merged["note"]) == ("Μαρία", "m@example.gr", "πρώτη")
    assert [(number["number"], number["primary"]) for number in merged["numbers"]] == [
        ("306971234501", True),
        ("306971234502", False),
    ]
    assert merged["group_ids"] == groups
    shop.get(f"/contacts/{gone}", 404)
    assert [shop.get(f"/groups/{group}")["members"] for group in groups] == [1, 1]

    merge = f"/contacts/merges/{merged['merge_id']}"
    assert shop.get(merge)["undoable"]
    shop.ask("PATCH", f"/contacts/{kept}", json={"email": "maria@example.gr"})
    assert shop.post(f"{merge}/undo", status=409)["code"] == "not_undoable_changed"
    tag = shop.http.get(f"/api/v1/contacts/{kept}").headers["ETag"]
    undone = shop.post(f"{merge}/undo", headers={"If-Match": tag})
    assert undone["not_restored"] == [{"contact_id": kept, "code": "field_changed", "field": "email"}]
    assert shop.post(f"{merge}/undo") == undone == shop.get("/contacts/merges")["data"][0]
    assert [len(shop.get(f"/contacts/{one}")["numbers"]) for one in (kept, gone)] == [1, 1]
    assert shop.get(f"/contacts/{gone}")["note"] == ""
    assert [shop.get(f"/groups/{group}")["members"] for group in groups] == [2, 1]


def test_a_small_selection_is_done_at_once_and_undone(shop: Shop) -> None:
    found = {"filter": {"search": "γιωργος"}}
    job = shop.post("/contacts/bulk", {"action": "delete", "selection": found})

    assert (job["state"], job["changed"], job["undoable"]) == ("done", 2, True)
    assert names(shop, search="γιωργος") == []
    assert shop.post(f"/contacts/bulk/{job['id']}/undo")["state"] == "undone"
    assert names(shop, search="γιωργος") == ["ΓΙΏΡΓΟΣ", "Γιώργος"]
    again = shop.post(f"/contacts/bulk/{job['id']}/undo")
    assert (again["undoable"], again["why"]) == (False, "undone")
    nothing = shop.post("/contacts/bulk", {"action": "unblacklist", "selection": found})
    assert (
        shop.post(f"/contacts/bulk/{nothing['id']}/undo", status=409)["code"]
        == "not_undoable_nothing_changed"
    )


def test_a_large_one_survives_the_death_of_its_worker_with_the_same_counts(running: Keryx) -> None:
    shop = running.shop(money=0)
    count = 12_000
    pasted = "\n".join(str(306_950_000_000 + n) for n in range(count))
    group = shop.group_of(pasted)
    other = shop.post("/groups", {"name": "B"}, 201)["id"]
    wanted = {
        "action": "add_to_groups",
        "selection": {"filter": {"group_id": group["id"]}},
        "group_ids": [other],
    }
    key = {"Idempotency-Key": uuid4().hex}

    job = shop.post("/contacts/bulk", wanted, 202, headers=key)
    assert shop.post("/contacts/bulk", wanted, 202, headers=key)["id"] == job["id"]
    eventually(lambda: shop.get(f"/contacts/bulk/{job['id']}")["progress"]["done"] > 0, 60, 0.01, "under way")
    running.kill("contacts-worker")

    done = over(shop, job)
    assert (done["matched"], done["changed"], done["progress"]) == (
        count,
        count,
        {"done": count, "total": count},
    )
    assert shop.get(f"/groups/{other}")["members"] == count
    shop.post(f"/contacts/bulk/{job['id']}/undo", status=202)
    over(shop, job, "undone")
    assert shop.get(f"/groups/{other}")["members"] == 0
    assert shop.get(f"/groups/{group['id']}")["members"] == count


def test_contacts_leave_as_a_file_that_harms_no_spreadsheet(shop: Shop) -> None:
    rows = list(
        csv.DictReader(io.StringIO(file_of(shop, {"what": "contacts", "format": "csv"}).decode("utf-8-sig")))
    )
    assert len(rows) == 4
    assert (rows[3]["first_name"], rows[3]["last_name"], rows[3]["Πόλη"]) == ("'=cmd()", "'+1", "Χανιά")
    assert rows[0]["number"] == "306971234501"

    chosen = {"what": "contacts", "filter": {"ids": [one(shop, "Ζήση")["id"]]}}
    book = openpyxl.load_workbook(io.BytesIO(file_of(shop, chosen)))
    assert [row[4] for row in book["contacts"].iter_rows(values_only=True)] == ["first_name", "Άννα"]
    refusal = shop.post("/exports", {"what": "contacts", "filter": {"state": "delivered"}}, 422)
    assert refusal["errors"][0]["pointer"] == "/filter/state"


def test_a_saved_filter_is_an_audience(shop: Shop) -> None:
    saved = shop.post("/filters", {"name": "Γιώργηδες", "filter": {"search": "γιωργος"}}, 201)
    assert shop.post("/filters", {"name": "ΓΙΩΡΓΗΔΕΣ", "filter": {}}, 409)["code"] == "filter_name_taken"
    minus = shop.post("/groups", {"name": f"minus {uuid4().hex[:6]}"}, 201)["id"]
    shop.ask("PUT", f"/groups/{minus}/members", json={"contact_ids": [one(shop, "Παπαδόπουλος")["id"]]})

    campaign = shop.draft({"filter_ids": [saved["id"]], "minus_group_ids": [minus]})

    preflight = shop.get(f"/campaigns/{campaign}/preflight")
    assert (preflight["recipients"], preflight["samples"][0]["to"]) == (1, "306971234503")
    shop.start(campaign)
    assert shop.finished(campaign)["counts"]["recipients"] == 1
    shop.ask("PATCH", f"/filters/{saved['id']}", json={"filter": {"search": "χανια"}})
    assert shop.get(f"/filters/{saved['id']}")["filter"] == {"search": "χανια"}
    shop.ask("DELETE", f"/filters/{saved['id']}", 204)


def test_the_audit_says_who_did_what(running: Keryx) -> None:
    shop = running.shop(money=0)
    contact = shop.post("/contacts", {"numbers": [{"number": "6971234501"}]}, 201)
    shop.ask("PATCH", f"/contacts/{contact['id']}", json={"note": "x"})
    shop.ask("DELETE", f"/contacts/{contact['id']}", 204)
    shop.post(f"/contacts/{contact['id']}/restore")

    found = shop.get("/audit", object=f"contact:{contact['id']}")["data"]

    done = ["contact.restored", "contact.deleted", "contact.updated", "contact.created"]
    assert [one["action"] for one in found] == done
    assert {one["actor"][:4] for one in found} == {"key:"}
    assert found[2]["details"] == {"fields": ["note"]}
    assert [one["action"] for one in shop.get("/audit", action="contact.deleted")["data"]] == done[1:2]


def test_a_number_is_handed_out_and_erased_and_stays_opted_out(running: Keryx) -> None:
    shop = running.shop()
    number = "306971234599"
    person = {"first_name": "Ερμής", "numbers": [{"number": number}, {"number": "6971234598"}]}
    contact = shop.post("/contacts", person, 201)
    shop.post(f"/contacts/{contact['id']}/consents", {"how": "form"}, 201)
    sent = shop.send(to=number, text="Καλημέρα Ερμή")
    shop.message(sent["id"], "delivered")
    shop.post("/blacklist", {"numbers": [number]})

    known = shop.get("/contacts/gdpr/697 123 4599", limit=1)
    assert known["contact"]["first_name"] == "Ερμής"
    assert [one["text"] for one in known["messages"]["data"]] == ["Καλημέρα Ερμή"]
    assert (known["consents"][0]["how"], known["blacklist"][0]["active"]) == ("form", True)
    assert shop.post(f"/contacts/gdpr/{number}/erase", status=202) == {"numbers": 2, "opted_out": 1}

    def is_gone() -> bool:
        message = shop.get(f"/messages/{sent['id']}")
        return (message["to"], message["text"], message["state"]) == ("erased", "", "delivered")

    eventually(is_gone, 30, 0.1, "the history without the number")
    shop.get(f"/contacts/gdpr/{number}", 404)
    shop.get(f"/contacts/{contact['id']}", 404)
    assert shop.get("/blacklist")["data"] == []
    assert number not in str(shop.get("/audit"))
    assert len(shop.get("/audit", action="number.disclosed")["data"]) == 1, "erasing shows nobody anything"
    again = shop.send(to=number, text="Again")
    assert shop.message(again["id"], "blocked", "delivered")["state"] == "blocked"
    back = shop.post("/contacts", {"numbers": [{"number": number}]}, 201)
    assert back["blacklisted"]

    shop.ask("DELETE", f"/blacklist/{number}", 204)

    def is_delivered() -> bool:
        sent = shop.send(to=number, text="Welcome back")
        return str(shop.message(sent["id"], "blocked", "delivered")["state"]) == "delivered"

    eventually(is_delivered, 30, 0.5, "the dispatcher has heard that it is lifted")
