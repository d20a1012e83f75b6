"""``/exports``: each service writes the files of what it owns; an id says at its end which one that is."""

from __future__ import annotations

from typing import Any

from flask import Response

from contracts.errors import Conflict, NotFound
from gateway import auth
from gateway.api.resource import IDEMPOTENT, Resource, no_content
from gateway.clients import services
from gateway.defaults import custom_field_labels
from gateway.download import CSV, XLSX, Kept, kept
from gateway.request import idempotency_key

from .schemas.exports import Export, NewExport

resource = Resource("exports", description="History, contacts and the ledger as a file")

OWNERS = ("dispatcher", "contacts", "billing")
"""The last digit of an export's id is its owner's place here: new ones are added at the end."""
OWNER_OF = {"contacts": "contacts", "ledger": "billing"}
GREEK = {"messages": "Μηνύματα", "contacts": "Επαφές", "ledger": "Κινήσεις"}
PARTIAL = {
    "parameters": [
        {
            "in": "header",
            "name": "Range",
            "schema": {"type": "string"},
            "description": "One range of bytes; answered 206",
        },
        {
            "in": "header",
            "name": "If-None-Match",
            "schema": {"type": "string"},
            "description": "An ETag; 304 when it is this one's",
        },
    ]
}


@resource.route("/exports", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(NewExport)
@resource.response(202, Export)
def create_export(data: dict[str, Any]) -> Any:
    """Begin an export; poll it until it is `done`, then fetch the file. Its times are in the account's time zone."""
    owner = OWNER_OF.get(data["what"], OWNERS[0])
    wanted = data["filter"]
    if data["what"] == "contacts":
        wanted = wanted | {"labels": {field: label for label, field in custom_field_labels().items()}}
    zone = auth.identity().settings["timezone"]
    made = _client(owner).create_export(
        auth.account_id(), data["what"], data["format"], wanted, idempotency_key(), zone=zone
    )
    return _shown(owner, made)


@resource.route("/exports/<id:export_id>")
@resource.response(200, Export)
def get_export(export_id: int) -> Any:
    """How far it is."""
    owner, own_id = _owned(export_id)
    return _shown(owner, _client(owner).get_export(auth.account_id(), own_id))


@resource.route("/exports/<id:export_id>", methods=["DELETE"])
@resource.response(204)
def delete_export(export_id: int) -> Response:
    """Remove the file, or end an export that is being written."""
    owner, own_id = _owned(export_id)
    _client(owner).delete_export(auth.account_id(), own_id)
    return no_content()


@resource.route("/exports/<id:export_id>/file")
@resource.doc(**PARTIAL)
@resource.response(200, content_type=XLSX, description="The file")
@resource.alt_response(200, content_type=CSV, success=True, description="The file")
def export_file(export_id: int) -> Response:
    """The file, once it is `done` and until `expires_at`. A download that broke off goes on by `Range`."""
    owner, own_id = _owned(export_id)
    account_id, client = auth.account_id(), _client(owner)
    export = client.get_export(account_id, own_id)
    if export["state"] != "done":
        raise Conflict("export_not_ready", f"The export is {export['state']}.")
    plain = f"{export['what']}-{export_id}.{export['format']}"
    file = Kept(
        _name(export["what"], plain),
        plain,
        f"{export_id}-{export['size']}",
        export["size"],
        export["piece_octets"],
    )
    return kept(
        file,
        lambda offset: client.export_chunk(account_id, own_id, offset),
        CSV if export["format"] == "csv" else XLSX,
    )


def _name(what: str, plain: str) -> str:
    """The file's name in the account's language."""
    if auth.identity().settings["locale"] != "el" or what not in GREEK:
        return plain
    return GREEK[what] + plain.removeprefix(what)


def _client(owner: str) -> Any:
    return getattr(services(), owner)


def _shown(owner: str, export: dict[str, Any]) -> dict[str, Any]:
    return export | {"id": export["id"] * 10 + OWNERS.index(owner)}


def _owned(export_id: int) -> tuple[str, int]:
    own_id, owner = divmod(export_id, 10)
    if owner >= len(OWNERS):
        raise NotFound("unknown_export", "There is no such export.")
    return OWNERS[owner], own_id
