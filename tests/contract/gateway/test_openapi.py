"""The committed document is the served one, and it has every call that API.md names at this depth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import openapi

CALLS = """
GET /me | GET /settings | PATCH /settings
POST /contacts | GET /contacts | GET /contacts/{contact_id} | PATCH /contacts/{contact_id}
DELETE /contacts/{contact_id} | POST /contacts/bulk
POST /groups | GET /groups | PATCH /groups/{group_id} | DELETE /groups/{group_id}
PUT /groups/{group_id}/members | DELETE /groups/{group_id}/members
POST /imports | GET /imports/{import_id} | PATCH /imports/{import_id} | POST /imports/{import_id}/commit
GET /imports/{import_id}/rejects.xlsx | GET /imports/template.xlsx
GET /blacklist | POST /blacklist | DELETE /blacklist/{msisdn}
POST /campaigns | GET /campaigns | GET /campaigns/{campaign_id} | GET /campaigns/{campaign_id}/preflight
POST /campaigns/{campaign_id}/start | POST /campaigns/{campaign_id}/schedule
POST /campaigns/{campaign_id}/pause | POST /campaigns/{campaign_id}/resume
POST /campaigns/{campaign_id}/cancel
POST /templates | GET /templates | GET /templates/{template_id} | PATCH /templates/{template_id}
DELETE /templates/{template_id}
POST /messages | GET /messages | GET /messages/{message_id} | POST /messages/{message_id}/cancel
POST /exports | GET /exports/{export_id} | GET /exports/{export_id}/file | DELETE /exports/{export_id}
POST /text/segment
GET /balance | GET /ledger | GET /prices | POST /quote
GET /operator/accounts | POST /operator/accounts | POST /operator/topups
GET /operator/prices | POST /operator/prices
GET /operator/connectors | POST /operator/connectors | GET /operator/connectors/{name}
GET /operator/routes | POST /operator/routes | GET /operator/books | GET /operator/overview
GET /operator/costs | POST /operator/costs | POST /operator/costs/import | GET /operator/costs/export
GET /operator/margin | GET /operator/margin.xlsx
"""

FIELDS = {
    "Settings": "default_sender price_class encoding timezone locale custom_labels low_balance",
    "NewContact": "title first_name last_name email custom1 custom2 custom3 custom4 vocative note numbers group_ids",
    "Import": "id state header_row mapping preview counts",
    "Counts": "rows accepted updated duplicates rejected",
    "Commit": "policy group_ids blacklist",
    "NewCampaign": "name text sender price_class encoding audience unsubscribe scheduled_at pace",
    "Audience": "group_ids minus_group_ids contact_ids numbers",
    "Campaign": "id state counts money",
    "Template": "id name text encoding sender price_class unsubscribe",
    "CampaignCounts": "recipients accepted submitted delivered undelivered expired rejected blocked cancelled uncertain",
    "CampaignMoney": "held captured released",
    "Preflight": "recipients duplicates suppressed parts price by_country samples savings",
    "NewMessage": "to text sender price_class encoding reference kind",
    "Accepted": "id to state parts price reference error",
    "MessageDetail": "parts_detail history",
    "NewExport": "what format filter",
    "Export": "id state progress rows total size failure expires_at",
    "Segmentation": "encoding units parts remaining advice",
    "Balance": "available held currency remaining",
    "NewTopup": "account_id amount reason",
    "NewConnector": "name host port system_id password bind window parts_per_second",
    "Connector": "name state rates",
    "NewRoute": "price_class prefix connector priority weight",
    "MarginRow": "connector account_id destination country day unknown parts revenue cost margin margin_percent"
    " parts_without_cost revenue_without_cost complete",
    "Problem": "type title status code detail request_id errors",
}  # fmt: skip


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(openapi.served())
    return found


def test_the_committed_document_is_the_served_one() -> None:
    assert openapi.PATH.read_bytes().strip() == openapi.served().strip(), "run: python -m gateway.openapi"


@pytest.mark.parametrize(
    "call", [call.strip() for line in CALLS.strip().splitlines() for call in line.split("|")]
)
def test_the_document_has_every_call_that_outsiders_rely_on(document: dict[str, Any], call: str) -> None:
    method, _, path = call.partition(" ")
    assert method.lower() in document["paths"][f"/api/v1{path}"]


@pytest.mark.parametrize("schema", FIELDS)
def test_shapes_have_the_fields_that_outsiders_rely_on(document: dict[str, Any], schema: str) -> None:
    properties = document["components"]["schemas"][schema]["properties"]
    assert set(FIELDS[schema].split()) <= properties.keys()


def test_a_filter_of_messages_has_the_names_that_outsiders_rely_on(document: dict[str, Any]) -> None:
    names = {parameter["name"] for parameter in document["paths"]["/api/v1/messages"]["get"]["parameters"]}
    assert names >= {
        "id",
        "from",
        "until",
        "to",
        "sender",
        "state",
        "campaign_id",
        "channel",
        "limit",
        "cursor",
    }


def test_every_call_says_what_it_does_and_how_it_fails(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method in item.keys() - {"parameters"}:
            assert item[method]["summary"], (method, path)
            assert item[method]["responses"]["default"] == {"$ref": "#/components/responses/DEFAULT_ERROR"}
    failure = document["components"]["responses"]["DEFAULT_ERROR"]
    assert "application/problem+json" in failure["content"]


def test_a_secret_is_never_part_of_an_answer(document: dict[str, Any]) -> None:
    assert "password" not in document["components"]["schemas"]["Connector"]["properties"]
    assert "api_key" not in document["components"]["schemas"]["ApiKey"]["properties"]
