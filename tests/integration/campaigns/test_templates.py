"""Templates: saved, found, changed, and taken over by campaigns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.errors import Conflict
from services.campaigns import templates, use_cases
from services.campaigns.errors import (
    BadCursor,
    InvalidFields,
    TemplateChanged,
    TemplateNameTaken,
    TooManyTemplates,
    UnknownTemplate,
)
from tests.integration.campaigns.support import ACCOUNT, Campaigns

pytestmark = pytest.mark.integration

HOST = "sms.gr"
TEXT = "Γεια {%firstname|σου}"


def do(campaigns: Campaigns, function: Callable[..., Any], *arguments: Any, account: int = ACCOUNT) -> Any:
    """One function of ``templates`` in a transaction."""
    with campaigns.db.transaction() as session:
        return function(session, account, *arguments)


def make(campaigns: Campaigns, name: str, key: str | None = None, **more: Any) -> dict[str, Any]:
    data = {"name": name, "text": TEXT, **more}
    made: dict[str, Any] = do(campaigns, templates.create, data, key, HOST)
    return made


def names(campaigns: Campaigns, search: str | None = None, sort: str = "name", limit: int = 2) -> list[str]:
    """The names of a list, through all its pages."""
    found, cursor = [], None
    while True:
        page = do(campaigns, templates.list_templates, search, sort, cursor, limit, HOST)
        found += [one["name"] for one in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def test_a_template_says_how_its_text_counts_with_the_unsubscribe_line(campaigns: Campaigns) -> None:
    made = make(campaigns, " Πάσχα ", sender="KERYX")
    assert (made["name"], made["text"], made["encoding"], made["sender"]) == ("Πάσχα", TEXT, "auto", "KERYX")
    assert (made["price_class"], made["unsubscribe"], made["last_used_at"]) == (None, False, None)
    assert made["segment"] == {"encoding": "unicode", "units": 8, "parts": 1, "remaining": 62}
    longer = do(campaigns, templates.update, made["id"], {"unsubscribe": True}, made["version"], HOST)
    assert longer["segment"]["units"] == len("Γεια σου\nSTOP: sms.gr/u/") + 11
    capitals = make(campaigns, "capitals", text="Καλημέρα", encoding="gsm")
    assert capitals["segment"] == {"encoding": "gsm", "units": 8, "parts": 1, "remaining": 152}


def test_a_text_that_could_not_be_sent_is_refused_as_a_campaigns_is(campaigns: Campaigns) -> None:
    for data, pointer, code in (
        ({"text": "{%nobody}"}, "/text", "unknown_placeholder"),
        ({"text": " "}, "/text", "text_empty"),
        ({"text": "😀", "encoding": "gsm"}, "/text", "not_gsm"),
        ({"name": "  "}, "/name", "required"),
        ({"sender": "ΚΑΤΑΣΤΗΜΑ"}, "/sender", "sender_characters"),
        ({"price_class": "free"}, "/price_class", "invalid"),
        ({"pace": 3}, "/pace", "unknown_field"),
    ):
        with pytest.raises(InvalidFields) as refused:
            make(campaigns, **{"name": "x", **data})  # type: ignore[arg-type]
        error = refused.value.errors[0]
        assert (error["pointer"], error["code"]) == (pointer, code), data
    with pytest.raises(InvalidFields) as refused:
        make(campaigns, "x", text="Γεια {%nobody}")
    assert "nobody" in refused.value.errors[0]["detail"]


def test_labels_of_custom_fields_are_placeholders(campaigns: Campaigns) -> None:
    made = make(campaigns, "coupon", text="{%Κουπόνι}!", labels={"Κουπόνι": "custom1"})
    assert do(campaigns, templates.get, made["id"], HOST) == made
    with pytest.raises(InvalidFields):
        do(campaigns, templates.update, made["id"], {"labels": {"Πόλη": "custom1"}}, None, HOST)


def test_a_name_is_there_once_whatever_its_case_and_accents(campaigns: Campaigns) -> None:
    first = make(campaigns, "Καλό  Πάσχα")
    for name in ("ΚΑΛΟ ΠΑΣΧΑ", "καλό πάσχα", "Καλό Πάσχα "):
        with pytest.raises(TemplateNameTaken):
            make(campaigns, name)
    second = make(campaigns, "Θέρος")
    with pytest.raises(TemplateNameTaken):
        do(campaigns, templates.update, second["id"], {"name": "καλο πασχα"}, None, HOST)
    renamed = do(campaigns, templates.update, first["id"], {"name": "ΚΑΛΟ ΠΑΣΧΑ"}, None, HOST)
    assert renamed["name"] == "ΚΑΛΟ ΠΑΣΧΑ"
    data = {"name": "Θέρος", "text": "x"}
    assert do(campaigns, templates.create, data, None, HOST, account=ACCOUNT + 1)["name"] == "Θέρος"


def test_a_repeated_request_gets_the_first_answer(campaigns: Campaigns) -> None:
    first = make(campaigns, "a", "k")
    assert make(campaigns, "a", "k") == first
    with pytest.raises(Conflict) as refused:
        make(campaigns, "b", "k")
    assert refused.value.code == "idempotency_key_reused"


def test_an_account_may_have_a_thousand(campaigns: Campaigns) -> None:
    campaigns.sql(
        "INSERT INTO templates (account_id, name, name_key, search_key, text, encoding, unsubscribe, labels)"
        " SELECT %s, n::text, n::text, n::text, 'x', 'auto', false, '{}' FROM generate_series(1, 999) n",
        ACCOUNT,
    )
    thousandth = make(campaigns, "the last")
    with pytest.raises(TooManyTemplates):
        make(campaigns, "one more")
    do(campaigns, templates.delete, thousandth["id"])
    make(campaigns, "one more")


def test_a_change_or_removal_needs_the_version_it_was_made_from(campaigns: Campaigns) -> None:
    made = make(campaigns, "a")
    assert do(campaigns, templates.update, made["id"], {"text": "Νέο"}, 1, HOST)["version"] == 2
    with pytest.raises(TemplateChanged):
        do(campaigns, templates.update, made["id"], {"text": "Άλλο"}, 1, HOST)
    with pytest.raises(TemplateChanged):
        do(campaigns, templates.delete, made["id"], 1)
    do(campaigns, templates.delete, made["id"], 2)
    with pytest.raises(UnknownTemplate):
        do(campaigns, templates.get, made["id"], HOST)


def test_another_accounts_template_is_not_there(campaigns: Campaigns) -> None:
    mine = make(campaigns, "a")["id"]
    data = {"audience": {"group_ids": [1]}, "defaults": {"sender": "K"}}
    for template_id in (mine, 10**30, 0, -1):
        attempts: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
            (templates.get, (template_id, HOST)),
            (templates.update, (template_id, {"name": "b"}, None, HOST)),
            (templates.delete, (template_id,)),
            (use_cases.create, ({**data, "template_id": template_id}, None)),
        ]
        for function, arguments in attempts:
            with pytest.raises(UnknownTemplate):
                do(campaigns, function, *arguments, account=ACCOUNT + 1)
    assert do(campaigns, templates.get, mine, HOST)["last_used_at"] is None
    assert (
        do(campaigns, templates.list_templates, None, "name", None, 9, HOST, account=ACCOUNT + 1)["data"]
        == []
    )


def test_lists_are_sorted_and_searched_whatever_case_and_accents(campaigns: Campaigns) -> None:
    ids = {name: make(campaigns, name)["id"] for name in ("Ωδή", "άνοιξη", "Βράδυ", "ΓΙΟΡΤΗ", "zen")}
    do(campaigns, templates.update, ids["Βράδυ"], {"text": "Εκπτώσεις 20% σήμερα"}, None, HOST)
    for name in ("ΓΙΟΡΤΗ", "zen", "άνοιξη"):
        do(campaigns, templates.use, ids[name])
    assert names(campaigns) == ["zen", "άνοιξη", "Βράδυ", "ΓΙΟΡΤΗ", "Ωδή"]
    assert names(campaigns, sort="-name") == names(campaigns)[::-1]
    assert names(campaigns, sort="-last_used") == ["άνοιξη", "zen", "ΓΙΟΡΤΗ", "Βράδυ", "Ωδή"]
    assert names(campaigns, sort="last_used") == ["Ωδή", "Βράδυ", "ΓΙΟΡΤΗ", "zen", "άνοιξη"]
    assert names(campaigns, "ΑΝΟΙ") == ["άνοιξη"]
    assert names(campaigns, "σημερα 20%") == ["Βράδυ"]
    assert names(campaigns, "βραδυ_") == []
    page = do(campaigns, templates.list_templates, None, "name", None, 2, HOST)
    for sort, cursor in (("-name", page["next_cursor"]), ("name", "x'; --"), ("name", "ά"), ("name", "WzFd")):
        with pytest.raises(BadCursor):
            do(campaigns, templates.list_templates, None, sort, cursor, 2, HOST)
    with pytest.raises(InvalidFields):
        do(campaigns, templates.list_templates, None, "text", None, 2, HOST)


def test_a_campaign_takes_over_what_it_does_not_say_itself_and_remembers_the_template(
    campaigns: Campaigns,
) -> None:
    made = make(campaigns, "Άνοιξη", sender="SPRING", encoding="gsm", unsubscribe=True)
    defaults = {"sender": "Shop", "price_class": "low", "encoding": "auto"}
    data = {"template_id": made["id"], "audience": {"group_ids": [1]}, "defaults": defaults}

    taken = campaigns.do("create", data, "k")
    own = campaigns.do("create", {**data, "name": "Δική μου", "unsubscribe": False, "encoding": "auto"}, None)

    assert {name: taken[name] for name in ("name", "text", "sender", "price_class", "encoding", "unsubscribe")} == {
        "name": "Άνοιξη", "text": TEXT, "sender": "SPRING", "price_class": "low", "encoding": "gsm", "unsubscribe": True,
    }  # fmt: skip
    assert (own["name"], own["text"], own["unsubscribe"], own["encoding"]) == (
        "Δική μου",
        TEXT,
        False,
        "auto",
    )
    used = do(campaigns, templates.get, made["id"], HOST)
    assert (used["last_used_at"] is not None, used["version"]) == (True, 1)
    do(campaigns, templates.update, made["id"], {"text": "Άλλο"}, None, HOST)
    assert campaigns.do("create", data, "k") == taken
    do(campaigns, templates.delete, made["id"])
    assert (campaigns.get(taken["id"])["text"], campaigns.get(taken["id"])["template_id"]) == (
        TEXT,
        made["id"],
    )


def test_a_template_without_a_sender_needs_one_when_it_is_used(campaigns: Campaigns) -> None:
    made = make(campaigns, "a")
    data = {"template_id": made["id"], "audience": {"group_ids": [1]}, "defaults": {}}
    with pytest.raises(InvalidFields) as refused:
        campaigns.do("create", data, None)
    assert refused.value.errors[0]["pointer"] == "/sender"
    assert do(campaigns, templates.get, made["id"], HOST)["last_used_at"] is None
