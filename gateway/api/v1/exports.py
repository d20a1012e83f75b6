"""``/exports``: each service writes the files of what it owns; an id says at its end which one that is."""

from __future__ import annotations

from typing import Any

from flask import Response

from contracts.errors import NotFound
from gateway import auth
from gateway.api.resource import IDEMPOTENT, Resource
from gateway.clients import services
from gateway.defaults import custom_field_labels
from gateway.download import CSV, XLSX, chunks, streamed
from gateway.request import idempotency_key

from .schemas.exports import Export, NewExport

resource = Resource("exports", description="History, contacts and the ledger as a file")

OWNERS = ("dispatcher", "contacts", "billing")
"""The last digit of an export's id is its owner's place here: new ones are added at the end."""
OWNER_OF = {"contacts": "contacts", "ledger": "billing"}


@resource.route("/exports", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(NewExport)
@resource.response(202, Export)
def create_export(data: dict[str, Any]) -> Any:
    """Begin an export; poll it until it is `done`, then fetch the file."""
    owner = OWNER_OF.get(data["what"], OWNERS[0])
    wanted = data["filter"]
    if data["what"] == "contacts":
        wanted = wanted | {"labels": {field: label for label, field in custom_field_labels().items()}}
    made = _client(owner).create_export(
        auth.account_id(), data["what"], data["format"], wanted, idempotency_key()
    )
    return _shown(owner, made)


@resource.route("/exports/<id:export_id>")
@resource.response(200, Export)
def get_export(export_id: int) -> Any:
    """How far it is."""
    owner, own_id = _owned(export_id)
    return _shown(owner, _client(owner).get_export(auth.account_id(), own_id))


@resource.route("/exports/<id:export_id>/file")
@resource.response(200, content_type=XLSX, description="The file")
@resource.alt_response(200, content_type=CSV, success=True, description="The file")
def export_file(export_id: int) -> Response:
    """The file, once it is `done`."""
    owner, own_id = _owned(export_id)
    account_id, client = auth.account_id(), _client(owner)
    file = chunks(lambda offset: client.export_chunk(account_id, own_id, offset))
    return streamed(file, CSV if file.filename.endswith(".csv") else XLSX)


def _client(owner: str) -> Any:
    return getattr(services(), owner)


def _shown(owner: str, export: dict[str, Any]) -> dict[str, Any]:
    return export | {"id": export["id"] * 10 + OWNERS.index(owner)}


def _owned(export_id: int) -> tuple[str, int]:
    own_id, owner = divmod(export_id, 10)
    if owner >= len(OWNERS):
        raise NotFound("unknown_export", "There is no such export.")
    return OWNERS[owner], own_id
