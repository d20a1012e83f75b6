"""``/exports``."""

from __future__ import annotations

from typing import Any

from flask import Response

from gateway import auth
from gateway.api.resource import IDEMPOTENT, Resource
from gateway.clients import services
from gateway.download import CSV, XLSX, chunks, streamed
from gateway.request import idempotency_key

from .schemas.exports import Export, NewExport

resource = Resource("exports", description="History as a file")


@resource.route("/exports", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(NewExport)
@resource.response(202, Export)
def create_export(data: dict[str, Any]) -> Any:
    """Begin an export; poll it until it is `done`, then fetch the file."""
    return services().dispatcher.create_export(
        auth.account_id(), data["what"], data["format"], data["filter"], idempotency_key()
    )


@resource.route("/exports/<id:export_id>")
@resource.response(200, Export)
def get_export(export_id: int) -> Any:
    """How far it is."""
    return services().dispatcher.get_export(auth.account_id(), export_id)


@resource.route("/exports/<id:export_id>/file")
@resource.response(200, content_type=XLSX, description="The file")
@resource.alt_response(200, content_type=CSV, success=True, description="The file")
def export_file(export_id: int) -> Response:
    """The file, once it is `done`."""
    account_id, dispatcher = auth.account_id(), services().dispatcher
    file = chunks(lambda offset: dispatcher.export_chunk(account_id, export_id, offset))
    return streamed(file, CSV if file.filename.endswith(".csv") else XLSX)
