"""``/imports``: a file or a paste, looked at first, taken over when confirmed."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from flask import Response, current_app, request
from marshmallow import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from contracts.errors import BadRequest, Invalid, TooLarge
from gateway import auth
from gateway.api.resource import IDEMPOTENT, Resource, no_content, read_json
from gateway.clients import services
from gateway.defaults import custom_field_labels
from gateway.download import XLSX, attachment, chunks, streamed
from gateway.errors import field_errors
from gateway.paging import PageArgs, page_of
from gateway.request import idempotency_key

from .schemas.imports import Commit, Import, ImportChanges, ImportSummary, Paste, TemplateArgs

resource = Resource("imports", description="Contacts from Excel, CSV or a paste")

PIECE_BYTES = 1024 * 1024
POLL_SECONDS = 0.2
ENVELOPE_BYTES = 64 * 1024  # what multipart adds around the file
FINISHED_LOOKING = frozenset({"analysed", "failed"})
MOST_WAITING = 4

_waiting = threading.BoundedSemaphore(MOST_WAITING)

UPLOAD_DOC = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": ".xlsx or .csv"}
                    },
                }
            },
            "application/json": {"schema": Paste},
        },
    }
}


@resource.route("/imports", methods=["POST"])
@resource.doc(**UPLOAD_DOC, **IDEMPOTENT)
@resource.response(201, Import)
@resource.alt_response(202, schema=Import, success=True, description="Still being looked at; poll it")
def create_import() -> Any:
    """Upload a file (multipart `file`, at most 128 MB) or send a paste (JSON `{text}`); nothing is saved yet.

    The answer shows what was found: header row, mapping of columns and where that is from, a preview and counts.
    """
    account_id, key = auth.account_id(), idempotency_key()
    if request.mimetype == "multipart/form-data":
        import_id = _upload(account_id, key)
    else:
        import_id = services().contacts.create_import_text(account_id, _pasted_text(), key)["id"]
    found = _look_at(account_id, import_id)
    return found, 201 if found["state"] in FINISHED_LOOKING else 202


def _pasted_text() -> str:
    if request.mimetype != "application/json":
        raise BadRequest("no_file", "Send a file as multipart/form-data, or JSON {text}.")
    try:
        return str(Paste().load(read_json(request.get_data()))["text"])
    except ValidationError as error:
        errors = list(field_errors(error.messages))
        raise Invalid("invalid_fields", "Some fields are not valid; errors names each.", errors) from None


def _upload(account_id: int, key: str | None) -> int:
    limit = current_app.config["MAX_UPLOAD_BYTES"]
    request.max_content_length = limit + ENVELOPE_BYTES
    try:
        upload = request.files.get("file")
    except RequestEntityTooLarge:
        raise TooLarge("file_too_large", f"A file may have at most {limit // 2**20} MB.") from None
    if upload is None or not upload.filename:
        raise BadRequest("no_file", "The form has no part named file with a file name.")
    size = _size(upload.stream)
    if size > limit:
        raise TooLarge("file_too_large", f"A file may have at most {limit // 2**20} MB.")
    contacts = services().contacts
    filename = upload.filename.replace("\x00", "")[-200:]
    labels = auth.identity().settings["custom_labels"]
    digest = _digest(upload.stream) if key else ""
    place = contacts.create_import(account_id, filename, size, labels, digest, key)
    import_id: int = place["id"]
    if (
        place["state"] == "receiving"
    ):  # under a known key: what broke off goes on, pieces that arrived do no harm
        for sequence, piece in enumerate(_pieces(upload.stream)):
            contacts.append_import(account_id, import_id, sequence, base64.b64encode(piece).decode())
        contacts.analyse_import(account_id, import_id)
    return import_id


def _digest(stream: BinaryIO | Any) -> str:
    found = hashlib.sha256()
    for piece in _pieces(stream):
        found.update(piece)
    stream.seek(0)
    return found.hexdigest()


def _size(stream: Any) -> int:
    size = int(stream.seek(0, 2))
    stream.seek(0)
    return size


def _pieces(stream: BinaryIO | Any) -> Iterator[bytes]:
    while piece := stream.read(PIECE_BYTES):
        yield piece


def _look_at(account_id: int, import_id: int) -> Any:
    # Who waits holds a thread: only a few may, the others poll from outside.
    if not _waiting.acquire(blocking=False):
        return services().contacts.get_import(account_id, import_id)
    try:
        return _wait_until_looked_at(account_id, import_id)
    finally:
        _waiting.release()


def _wait_until_looked_at(account_id: int, import_id: int) -> Any:
    deadline = time.monotonic() + current_app.config["IMPORT_WAIT_SECONDS"]
    while True:
        found = services().contacts.get_import(account_id, import_id)
        if found["state"] in FINISHED_LOOKING or time.monotonic() >= deadline:
            return found
        time.sleep(POLL_SECONDS)


@resource.route("/imports")
@resource.arguments(PageArgs, location="query")
@resource.response(200, page_of(ImportSummary))
def list_imports(args: dict[str, Any]) -> Any:
    """Imports, newest first."""
    return services().contacts.list_imports(auth.account_id(), **args)


@resource.route("/imports/<id:import_id>")
@resource.response(200, Import)
def get_import(import_id: int) -> Any:
    """How far it is."""
    return services().contacts.get_import(auth.account_id(), import_id)


@resource.route("/imports/<id:import_id>", methods=["PATCH"])
@resource.arguments(ImportChanges)
@resource.response(200, Import)
def update_import(data: dict[str, Any], import_id: int) -> Any:
    """Say which column holds what, before it is taken over; files with the same headers are then read so.

    Or which sheet of the workbook is to be read.
    """
    return services().contacts.update_import(auth.account_id(), import_id, **data)


@resource.route("/imports/<id:import_id>/commit", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(Commit)
@resource.response(202, Import)
def commit_import(data: dict[str, Any], import_id: int) -> Any:
    """Take the rows over; poll the import for progress and counts. The same commit again changes nothing."""
    return services().contacts.commit_import(
        auth.account_id(),
        import_id,
        data["policy"],
        data["group_ids"],
        data["blacklist"],
        data["group_names"],
        idempotency_key(),
    )


@resource.route("/imports/<id:import_id>", methods=["DELETE"])
@resource.response(204)
def cancel_import(import_id: int) -> Any:
    """Give it up. Before the commit nothing is stored; a running import stops between two pages.

    Rows stored by then (`progress.done` of them) are stored whole and stay, the others are untouched. Importing the file
    again stores the rest and doubles nothing.
    """
    services().contacts.cancel_import(auth.account_id(), import_id)
    return no_content()


@resource.route("/imports/<id:import_id>/rejects.xlsx")
@resource.response(200, content_type=XLSX, description="A workbook")
def import_rejects(import_id: int) -> Response:
    """The rejected rows with a reason each, as Excel."""
    account_id, contacts = auth.account_id(), services().contacts
    return streamed(chunks(lambda offset: contacts.import_rejects(account_id, import_id, offset)), XLSX)


@resource.route("/imports/template.xlsx")
@resource.arguments(TemplateArgs, location="query")
@resource.response(200, content_type=XLSX, description="A workbook")
def import_template(args: dict[str, Any]) -> Response:
    """An empty workbook with the columns that are understood, in Greek or English."""
    locale = args.get("lang") or auth.identity().settings["locale"]
    labels = {field: label for label, field in custom_field_labels().items()}
    found = services().contacts.import_template(locale, labels)
    return attachment(base64.b64decode(found["data_b64"]), found["filename"], XLSX)
