"""No call answers with another tenant's row: every address of the OpenAPI document that takes an id is tried.

Runs against a running stack: KERYX_URL and KERYX_OPERATOR_KEY from the environment, or from ``.run/env``.
Addresses are found in the document the gateway serves, so a new one is tried as soon as it exists.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local import environment
from deploy.local.layout import current
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

METHODS = ("get", "put", "post", "patch", "delete")
NUMBER = "6912345678"
OPERATORS = (
    *("account_id", "key_id", "name", "route_id", "spender"),
    *("order_id", "refund_id", "deposit_id", "statement_id", "profile", "package_id", "batch_id"),
)
"""Parameters of the operator's addresses."""


@dataclass
class Tenant:
    """An account of this test with a key of its own, and the ids of what it has."""

    http: httpx.Client
    mark: str
    ids: dict[str, str]

    def make(self, path: str, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
        """POST that must succeed."""
        response = self.http.post(path, json=body)
        assert response.status_code == status, (path, response.text)
        made: dict[str, Any] = response.json()
        return made


@dataclass
class Stack:
    """The running gateway with its document."""

    url: str
    operator: httpx.Client
    document: dict[str, Any]

    def calls(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """(method, path with {parameters}, operation) of every documented call."""
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method, path, item[method]

    def tenant(self) -> Tenant:
        """A new account that can pay."""
        mark = f"secret-{uuid4().hex[:10]}"
        body = {"name": mark, "email": f"{mark}@example.com"}
        made = self.operator.post("/api/v1/operator/accounts", json=body).json()
        topup = {"account_id": made["account_id"], "amount": "10.00", "reason": "test"}
        assert self.operator.post("/api/v1/operator/topups", json=topup).status_code == 201
        prices = [{"prefix": "3069", "price": "0.045"}]
        own = {"price_class": "normal", "account_id": made["account_id"], "prices": prices}
        assert self.operator.post("/api/v1/operator/prices", json=own).status_code == 200
        http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {made['api_key']}"}, timeout=40
        )
        return Tenant(http, mark, {})


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    told = dict(os.environ)
    if "KERYX_URL" not in told:
        told |= environment.read_env_file(current())
    url, key = told.get("KERYX_URL"), told.get("KERYX_OPERATOR_KEY")
    if not url or not key:
        pytest.skip("needs a running stack: make up")
    document = httpx.get(f"{url}/api/v1/openapi.json", timeout=10).json()
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=40) as operator:
        yield Stack(url, operator, document)


@pytest.fixture(scope="module")
def owner(stack: Stack) -> Iterator[Tenant]:
    """A tenant that has one of everything; each name carries its mark."""
    tenant = stack.tenant()
    group = tenant.make("/api/v1/groups", {"name": tenant.mark})
    contact = tenant.make(
        "/api/v1/contacts",
        {"first_name": tenant.mark, "numbers": [{"number": NUMBER}], "group_ids": [group["id"]]},
    )
    campaign = tenant.make(
        "/api/v1/campaigns",
        {
            "name": tenant.mark,
            "text": tenant.mark,
            "sender": "Keryx",
            "audience": {"group_ids": [group["id"]]},
        },
    )
    template = tenant.make("/api/v1/templates", {"name": tenant.mark, "text": tenant.mark})
    message = {"to": NUMBER, "text": tenant.mark, "sender": "Keryx"}
    sent = tenant.make("/api/v1/messages", message, 202)["data"][0]
    tenant.make("/api/v1/blacklist", {"numbers": ["6987654321"], "reason": tenant.mark}, 200)
    export = tenant.make("/api/v1/exports", {"what": "messages", "format": "csv"}, 202)
    saved = tenant.make("/api/v1/filters", {"name": tenant.mark, "filter": {"search": "x"}})
    selection = {"ids": [contact["id"]]}
    bulk = tenant.make("/api/v1/contacts/bulk", {"action": "unblacklist", "selection": selection}, 200)
    double = tenant.make(
        "/api/v1/contacts", {"first_name": tenant.mark, "numbers": [{"number": "6944444444"}]}
    )
    merged = tenant.make(f"/api/v1/contacts/{contact['id']}/merge", {"with": [double["id"]]}, 200)
    imported = tenant.http.post("/api/v1/imports", json={"text": f"6911111111 {tenant.mark}"})
    assert imported.status_code in (201, 202), imported.text
    profile = {"name": tenant.mark, "country": "GR"}
    assert tenant.http.put("/api/v1/billing-profile", json=profile).status_code == 200
    order = tenant.make("/api/v1/orders", {"amount": "10.00", "method": "bank"})
    tenant.ids.update(
        group_id=group["id"],
        contact_id=contact["id"],
        campaign_id=campaign["id"],
        template_id=template["id"],
        message_id=sent["id"],
        export_id=export["id"],
        filter_id=saved["id"],
        bulk_id=bulk["id"],
        merge_id=merged["merge_id"],
        import_id=imported.json()["id"],
        order_id=order["id"],
        receipt_id="1",
        msisdn="306987654321",
        **left_alone(stack, tenant),
    )
    yield tenant
    tenant.http.close()


@pytest.fixture(scope="module")
def intruder(stack: Stack) -> Iterator[Tenant]:
    """A tenant that has nothing and asks for everything."""
    tenant = stack.tenant()
    yield tenant
    tenant.http.close()


def left_alone(stack: Stack, tenant: Tenant) -> dict[str, str]:
    """Ids of a request to be left alone, which waits, and of its notice: somebody pressed the button behind their link."""
    assert tenant.http.patch("/api/v1/opt-outs/settings", json={"auto_approve": False}).status_code == 200
    wanted = {"name": tenant.mark, "text": "x", "sender": "Keryx", "unsubscribe": True}
    campaign = tenant.make("/api/v1/campaigns", {**wanted, "audience": {"numbers": ["6955555555"]}})
    assert tenant.http.post(f"/api/v1/campaigns/{campaign['id']}/start").status_code == 200

    def first(path: str, **query: str) -> dict[str, Any] | None:
        data = tenant.http.get(path, params=query).json()["data"]
        return data[0] if data else None

    message = eventually(lambda: first("/api/v1/messages", campaign_id=campaign["id"]), 30)
    assert message
    link = re.search("/u/[0-9A-Za-z]{11}", message["text"])
    assert link
    assert httpx.post(f"{stack.url}{link[0]}", timeout=40).status_code == 200
    opt_out, notice = first("/api/v1/opt-outs"), eventually(lambda: first("/api/v1/notices"), 30)
    assert opt_out
    assert notice
    return {"opt_out_id": opt_out["id"], "notice_id": notice["id"]}


def address(path: str, ids: dict[str, str]) -> str:
    """``path`` with its parameters filled in; KeyError names one that this test has no id for."""
    return re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], path)


def body_for(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    """The smallest valid body of ``operation``, made from its schema; None when it takes none."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema = _resolved(document, content["schema"])
    body = _example(document, schema)
    if not body and schema.get("properties"):
        name, field = next(iter(schema["properties"].items()))
        body = {name: _example(document, field)}
    return body


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for part in schema.get("allOf", ()):
        schema = {**_resolved(document, part), **schema}
    if "$ref" in schema:
        return dict(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return schema


def _example(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    schema = _resolved(document, schema)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        if not properties:
            return {"number": 0}
        return {name: _example(document, properties[name]) for name in schema.get("required", ())}
    if kind == "array":
        return [_example(document, schema["items"])] * max(1, schema.get("minItems", 1))
    if kind == "integer":
        return schema.get("minimum", 1)
    if kind == "boolean":
        return False
    by_format = {"date-time": "2999-01-01T00:00:00Z", "decimal": "1.00", "email": "a@example.com"}
    return schema.get("example") or by_format.get(schema.get("format", ""), "1")


def snapshot(tenant: Tenant) -> dict[str, Any]:
    """What the owner sees of everything it has."""
    return {
        path: tenant.http.get(address(path, tenant.ids)).json()
        for path in (
            "/api/v1/contacts/{contact_id}",
            "/api/v1/groups/{group_id}",
            "/api/v1/campaigns/{campaign_id}",
            "/api/v1/templates/{template_id}",
            "/api/v1/imports/{import_id}",
            "/api/v1/blacklist",
            "/api/v1/opt-outs",
            "/api/v1/notices",
            "/api/v1/orders/{order_id}",
            "/api/v1/billing-profile",
        )
    }


def test_every_address_with_an_id_is_404_for_another_tenant(
    stack: Stack, owner: Tenant, intruder: Tenant
) -> None:
    eventually(
        lambda: (
            owner.http.get(address("/api/v1/imports/{import_id}", owner.ids)).json()["state"] == "analysed"
        ),
        timeout=30,
    )
    before = snapshot(owner)
    tried = []
    for method, path, operation in stack.calls():
        if "{" not in path or "/operator/" in path:
            continue
        call = (method, address(path, owner.ids))
        response = intruder.http.request(*call, json=body_for(stack.document, operation))
        assert response.status_code == 404, (call, response.status_code, response.text)
        assert owner.mark not in response.text
        tried.append(call)
    assert len(tried) >= 25
    assert snapshot(owner) == before


def test_an_id_that_does_not_exist_is_answered_like_another_tenants(
    stack: Stack, owner: Tenant, intruder: Tenant
) -> None:
    nothing = {**dict.fromkeys(owner.ids, "999999999999"), "msisdn": "306900000000"}
    for method, path, operation in stack.calls():
        if "{" not in path or "/operator/" in path:
            continue
        body = body_for(stack.document, operation)
        theirs = intruder.http.request(method, address(path, owner.ids), json=body)
        nobodys = intruder.http.request(method, address(path, nothing), json=body)
        assert (theirs.status_code, theirs.json()["code"]) == (nobodys.status_code, nobodys.json()["code"]), (
            path
        )


def test_no_list_shows_another_tenants_rows(stack: Stack, owner: Tenant, intruder: Tenant) -> None:
    for method, path, _ in stack.calls():
        if method != "get" or "{" in path or "/operator/" in path:
            continue
        response = intruder.http.get(path)
        assert response.status_code == 200, (path, response.text)
        assert owner.mark not in response.text, path
        if path not in ("/api/v1/ledger", "/api/v1/prices"):
            assert not response.headers["Content-Type"].startswith(
                "application/json"
            ) or not response.json().get("data"), path


def test_no_filter_reaches_another_tenants_rows(owner: Tenant, intruder: Tenant) -> None:
    messages = intruder.http.get("/api/v1/messages", params={"campaign_id": owner.ids["campaign_id"]})
    assert messages.json()["data"] == []
    assert intruder.http.get("/api/v1/messages", params={"id": owner.ids["message_id"]}).json()["data"] == []
    contacts = intruder.http.get("/api/v1/contacts", params={"group_id": owner.ids["group_id"]})
    assert contacts.status_code == 404


def test_no_body_reaches_another_tenants_rows(owner: Tenant, intruder: Tenant) -> None:
    before = snapshot(owner)
    mine = intruder.make("/api/v1/groups", {"name": "mine"})
    members = f"/api/v1/groups/{mine['id']}/members"
    theirs = {"contact_ids": [owner.ids["contact_id"]]}
    assert intruder.http.put(members, json=theirs).status_code == 404
    contact = {"numbers": [{"number": "6944444444"}], "group_ids": [owner.ids["group_id"]]}
    assert intruder.http.post("/api/v1/contacts", json=contact).status_code == 404
    for action in ("delete", "blacklist"):
        bulk = {"action": action, "selection": {"ids": [owner.ids["contact_id"]]}}
        assert intruder.http.post("/api/v1/contacts/bulk", json=bulk).json()["matched"] == 0
    assert snapshot(owner) == before


def test_a_campaign_to_another_tenants_group_finds_nobody(owner: Tenant, intruder: Tenant) -> None:
    audience = {"group_ids": [owner.ids["group_id"]], "contact_ids": [owner.ids["contact_id"]]}
    body = {"name": "theft", "text": "x", "sender": "Keryx", "audience": audience}
    created = intruder.http.post("/api/v1/campaigns", json=body)
    if created.status_code == 201:
        preflight = intruder.http.get(f"/api/v1/campaigns/{created.json()['id']}/preflight")
        assert owner.mark not in preflight.text
        assert preflight.status_code in (404, 422) or preflight.json()["recipients"] == 0
    else:
        assert created.status_code in (404, 422)


def test_no_operator_address_opens_to_a_client(stack: Stack, owner: Tenant) -> None:
    ids = dict.fromkeys(OPERATORS, "1")
    for method, path, operation in stack.calls():
        if "/operator/" in path:
            body = body_for(stack.document, operation)
            assert owner.http.request(method, address(path, ids), json=body).status_code == 403, path


def test_no_address_opens_without_a_key(stack: Stack, owner: Tenant) -> None:
    ids = {**owner.ids, **dict.fromkeys(OPERATORS, "1")}
    with httpx.Client(base_url=stack.url, timeout=40) as anybody:
        for method, path, operation in stack.calls():
            response = anybody.request(method, address(path, ids), json=body_for(stack.document, operation))
            assert response.status_code == 401, path
