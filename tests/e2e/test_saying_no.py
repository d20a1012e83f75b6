"""Saying no, as recipients do it: the link in a message, a word sent back; and what the account sees of it."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.support.waiting import eventually

from .shop import Keryx, Shop, numbers

pytestmark = pytest.mark.e2e

SHORT_CODE = "54555"
TOKEN = re.compile(r"/u/([0-9A-Za-z]{11})\b")
PREFETCH = {"Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender", "User-Agent": "LinkScanner/1.0"}


@pytest.fixture
def public(keryx: Keryx) -> httpx.Client:
    """A browser without a key."""
    return httpx.Client(base_url=keryx.url, timeout=40, headers={"Accept-Language": "el-GR"})


def campaign(keryx: Keryx, shop: Shop, *to: str, **more: Any) -> str:
    """Send to ``to`` with links, from the short code; the campaign's id once all is delivered."""
    campaign_id = shop.draft({"numbers": list(to)}, sender=SHORT_CODE, unsubscribe=True, **more)
    shop.start(campaign_id)
    shop.finished(campaign_id)
    return campaign_id


def link(keryx: Keryx, number: str) -> str:
    """The address of the last link that ``number`` got."""
    texts = [message.text for message in keryx.smsc.messages() if message.destination == number]
    found = TOKEN.search(texts[-1])
    assert found, texts
    return f"/u/{found[1]}"


def blacklist(shop: Shop) -> dict[str, str]:
    """Number → how it came."""
    return {one["number"]: one["source"] for one in shop.get("/blacklist")["data"]}


def notice(shop: Shop, count: int = 1) -> dict[str, Any]:
    """The newest notice, once there are ``count``."""

    def look() -> dict[str, Any]:
        found = shop.get("/notices")["data"]
        assert len(found) == count, found
        newest: dict[str, Any] = found[0]
        return newest

    return eventually(look, 30, 0.1, "the notices")


def test_the_link_is_a_page_that_only_a_press_of_its_button_records(
    keryx: Keryx, public: httpx.Client
) -> None:
    shop, (number, other) = keryx.shop(), numbers(2)
    campaign_id = campaign(keryx, shop, number, other)
    page = link(keryx, number)

    for method in ("GET", "HEAD", "OPTIONS", "GET"):
        assert public.request(method, page, headers=PREFETCH).status_code == 200
    shown = public.get(page)
    assert "69••••••00" in shown.text
    assert number not in shown.text
    assert re.search("Shop [0-9a-f]{10}", shown.text)
    assert "<form" in shown.text
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    assert 'lang="en"' in public.get(page, params={"lang": "en"}).text
    assert not blacklist(shop)

    for _ in range(2):
        done = public.post(page)
        assert (done.status_code, "Έγινε" in done.text) == (200, True)
    assert blacklist(shop) == {number: "link"}
    (request,) = shop.get("/opt-outs", state="approved")["data"]
    assert (request["number"], request["campaign_id"], request["automatic"]) == (number, campaign_id, True)
    told = notice(shop)
    assert (told["kind"], told["subject_id"]) == ("opt_out", request["id"])
    assert f"+{number}" in told["text"]

    again = shop.campaign(campaign(keryx, shop, number, other))
    assert (again["counts"]["recipients"], again["counts"]["delivered"]) == (1, 1)
    assert [m.destination for m in keryx.smsc.messages()].count(number) == 1


def test_a_changed_mind_is_followed_within_the_hour(keryx: Keryx, public: httpx.Client) -> None:
    shop, (number,) = keryx.shop(), numbers(1)
    campaign(keryx, shop, number)
    page = link(keryx, number)
    public.post(page)

    undone = public.post(f"{page}/undo", params={"lang": "en"})

    assert (undone.status_code, "Taken back" in undone.text) == (200, True)
    assert not blacklist(shop)
    assert public.post(f"{page}/undo").status_code == 409
    assert [one["state"] for one in shop.get("/opt-outs")["data"]] == ["withdrawn"]


def test_a_changed_mind_is_not_promised_what_the_account_does_not_want(
    keryx: Keryx, public: httpx.Client
) -> None:
    shop, (number,) = keryx.shop(), numbers(1)
    campaign(keryx, shop, number)
    page = link(keryx, number)
    public.post(page)
    shop.post("/blacklist", {"numbers": [number]})

    undone = public.post(f"{page}/undo", params={"lang": "en"})

    assert (undone.status_code, "Taken back" in undone.text) == (200, False)
    assert blacklist(shop) == {number: "api"}


def test_the_link_of_somebody_who_was_erased_still_opts_out(keryx: Keryx, public: httpx.Client) -> None:
    shop, (number, other) = keryx.shop(), numbers(2)
    campaign(keryx, shop, number, other)
    page = link(keryx, number)
    shop.post(f"/contacts/gdpr/{number}/erase", status=202)
    eventually(lambda: "erased" in str(shop.get("/messages")), 40, 0.1, "the history without the number")
    shop.get(f"/contacts/gdpr/{number}", 404)

    shown = public.get(page, params={"lang": "en"})
    assert (shown.status_code, "the number that got this message" in shown.text) == (200, True)
    assert "•" not in shown.text
    for _ in range(2):
        assert "Έγινε" in public.post(page).text
    assert "<form" not in public.get(page).text
    assert public.post(f"{page}/undo").status_code == 409

    assert (blacklist(shop), shop.get("/opt-outs")["data"]) == ({}, [])
    shop.get(f"/contacts/gdpr/{number}", 404)
    back = shop.post("/contacts", {"numbers": [{"number": number}]}, 201)
    assert back["blacklisted"]
    shop.blocked(number)


def test_a_pasted_number_that_opted_out_and_is_erased_is_nowhere_any_more(
    keryx: Keryx, public: httpx.Client
) -> None:
    shop, (number, other, last) = keryx.shop(), numbers(3)
    sent = campaign(keryx, shop, number, other)
    draft, lonely = shop.draft({"numbers": [number, last]}), shop.draft({"numbers": [number]})
    read = shop.http.get(f"/api/v1/campaigns/{draft}")
    public.post(link(keryx, number))
    assert f"+{number}" in notice(shop)["text"]
    known = shop.get(f"/contacts/gdpr/{number}")
    assert [(one["campaign_id"], one["fields"]) for one in known["audiences"]] == [(sent, None)]

    shop.post(f"/contacts/gdpr/{number}/erase", status=202)

    def shown() -> str:
        campaigns = [shop.campaign(one) for one in (sent, draft, lonely)]
        everything = [
            shop.get(path) for path in ("/campaigns", "/notices", "/messages", "/opt-outs", "/blacklist")
        ]
        return str(campaigns + everything)

    eventually(lambda: number not in shown(), 40, 0.1, "nothing shows the number")
    shop.get(f"/contacts/gdpr/{number}", 404)
    assert "έχει διαγραφεί" in notice(shop)["text"]
    assert shop.campaign(sent)["audience"]["numbers"] == [other]
    assert shop.campaign(draft)["audience"]["numbers"] == [last]
    changed = {"json": {"audience": read.json()["audience"]}, "headers": {"If-Match": read.headers["ETag"]}}
    shop.ask("PATCH", f"/campaigns/{draft}", 412, **changed)
    for refused in (
        shop.get(f"/campaigns/{lonely}/preflight", 409),
        shop.post(f"/campaigns/{lonely}/start", status=409),
    ):
        assert refused["code"] == "empty_audience"


def test_who_is_erased_gets_nothing_more_of_a_campaign_under_way(keryx: Keryx) -> None:
    shop, both = keryx.shop(), set(numbers(2))
    for number in both:
        shop.post("/contacts", {"numbers": [{"number": number}]}, 201)
    campaign_id = shop.draft({"all": True}, sender=SHORT_CODE, pace=10)  # one in six seconds
    shop.start(campaign_id)
    (sent,) = eventually(lambda: {m.destination for m in keryx.smsc.messages()}, 30, 0.05, "the first one")
    shop.post(f"/campaigns/{campaign_id}/pause")
    (gone,) = both - {sent}

    shop.post(f"/contacts/gdpr/{gone}/erase", status=202)
    shop.post(f"/campaigns/{campaign_id}/resume")

    counts = shop.finished(campaign_id)["counts"]
    assert (counts["recipients"], counts["delivered"]) == (2, 1)
    assert [message.destination for message in keryx.smsc.messages()] == [sent]


def test_a_link_that_nobody_got_is_a_friendly_page(keryx: Keryx, public: httpx.Client) -> None:
    for address in ("/u/AAAAAAAAAAA", "/u/short", "/u/zzzzzzzzzzz"):
        for method in ("GET", "POST"):
            response = public.request(method, address)
            assert (response.status_code, "Ο σύνδεσμος" in response.text) == (404, True), address


def test_a_stop_word_does_what_the_link_does_and_start_takes_it_back(keryx: Keryx) -> None:
    shop, (number, other) = keryx.shop(), numbers(2)
    campaign_id = campaign(keryx, shop, number, other)

    keryx.smsc.inbound(number, SHORT_CODE, "Στοπ παρακαλώ")
    keryx.smsc.inbound(other, SHORT_CODE, "Ευχαριστώ!")

    eventually(lambda: blacklist(shop) == {number: "keyword"}, 20, 0.1, "blacklisted by keyword")
    (request,) = shop.get("/opt-outs")["data"]
    assert (request["channel"], request["campaign_id"]) == ("keyword", campaign_id)
    assert request["text"] == "Στοπ παρακαλώ"
    notice(shop)
    keryx.smsc.inbound(number, SHORT_CODE, "ΝΑΙ")
    eventually(lambda: not blacklist(shop), 20, 0.1, "taken back by keyword")
    assert shop.get("/opt-outs")["data"][0]["state"] == "withdrawn"


def test_start_does_not_lift_what_the_account_put_there(keryx: Keryx) -> None:
    shop, (number, other) = keryx.shop(), numbers(2)
    campaign(keryx, shop, number, other)
    shop.post("/blacklist", {"text": f"παράπονο: {number}", "reason": "complained", "source": "hand"})

    keryx.smsc.inbound(number, SHORT_CODE, "START")
    keryx.smsc.inbound(other, SHORT_CODE, "STOP")

    eventually(lambda: other in blacklist(shop), 20, 0.1, "the later word was heard")
    assert blacklist(shop) == {number: "hand", other: "keyword"}


def test_a_word_goes_to_the_account_that_wrote_last(keryx: Keryx) -> None:
    first, last, (number,) = keryx.shop(), keryx.shop(), numbers(1)
    campaign(keryx, first, number)
    campaign(keryx, last, number)

    keryx.smsc.inbound(number, SHORT_CODE, "ΔΙΑΓΡΑΦΗ")

    eventually(lambda: blacklist(last) == {number: "keyword"}, 20, 0.1, "the last one heard it")
    assert not blacklist(first)


def test_where_the_account_decides_requests_wait_for_it(keryx: Keryx, public: httpx.Client) -> None:
    shop, (yes, no) = keryx.shop(), numbers(2)
    shop.ask("PATCH", "/opt-outs/settings", json={"auto_approve": False})
    campaign(keryx, shop, yes, no)
    for number in (yes, no):
        assert "στάλθηκε" in public.post(link(keryx, number)).text
    assert "περιμένει" in notice(shop, 2)["text"]
    waiting = {one["number"]: one["id"] for one in shop.get("/opt-outs", state="pending")["data"]}
    assert not blacklist(shop)

    approved = shop.post(f"/opt-outs/{waiting[yes]}/approve")
    rejected = shop.post(f"/opt-outs/{waiting[no]}/reject", {"reason": "Υπενθυμίσεις ραντεβού"})

    assert (approved["state"], rejected["state"]) == ("approved", "rejected")
    assert rejected["reason"] == "Υπενθυμίσεις ραντεβού"
    assert blacklist(shop) == {yes: "link"}
    assert shop.post(f"/opt-outs/{waiting[no]}/approve", status=409)["code"] == "opt_out_decided"
    assert shop.get("/opt-outs", state="pending")["data"] == []


def test_notices_are_read_one_by_one_and_all_at_once_in_the_accounts_language(keryx: Keryx) -> None:
    shop, people = keryx.shop(), numbers(3)
    campaign(keryx, shop, *people)
    for number in people:
        keryx.smsc.inbound(number, SHORT_CODE, "STOP")
    newest = notice(shop, 3)
    assert shop.get("/notices/unread") == {"unread": 3}

    assert shop.post(f"/notices/{newest['id']}/read")["read_at"]
    assert shop.get("/notices/unread") == {"unread": 2}
    shop.ask("PATCH", "/settings", json={"locale": "en"})
    page = shop.get("/notices", unread=True, limit=1)
    eventually(lambda: "blacklist" in shop.get("/notices", unread=True, limit=1)["data"][0]["text"], 20)
    assert shop.get("/notices", unread=True, cursor=page["next_cursor"])["data"]
    assert shop.post("/notices/read", {}) == {"read": 2}
    assert shop.get("/notices/unread") == {"unread": 0}


def test_a_request_survives_the_end_of_every_service_on_its_way(keryx: Keryx, public: httpx.Client) -> None:
    shop, (number,) = keryx.shop(), numbers(1)
    campaign(keryx, shop, number)
    page = link(keryx, number)
    keryx.kill("relay-contacts")
    keryx.kill("notifier")
    assert public.post(page).status_code == 200
    for process in ("contacts", "dispatcher", "notifier", "relay-contacts"):
        keryx.kill(process)

    eventually(lambda: public.get(page).status_code == 200, 40, 0.2, "contacts is back")
    assert f"+{number}" in notice(shop)["text"]
    assert blacklist(shop) == {number: "link"}
    eventually(
        lambda: shop.message(shop.send(to=number, text="x", sender="SHOP")["id"], "blocked"),
        40,
        0.5,
        "blocked",
    )
    assert len(shop.get("/notices")["data"]) == 1
