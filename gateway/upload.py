"""A small file that a form brings, whole."""

from __future__ import annotations

import base64
from typing import Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from contracts.errors import BadRequest, TooLarge

ENVELOPE_BYTES = 64 * 1024  # what multipart adds around the file

# For ``@resource.doc(requestBody=…)``.
UPLOADED: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        }
    },
}


def uploaded(limit: int) -> str:
    """The form's part ``file``, in base64. Raises BadRequest("no_file"), TooLarge("file_too_large")."""
    request.max_content_length = limit + ENVELOPE_BYTES
    try:
        upload = request.files.get("file")
    except RequestEntityTooLarge:
        raise _too_large(limit) from None
    if upload is None or not upload.filename:
        raise BadRequest("no_file", "The form has no part named file with a file name.")
    data = upload.stream.read(limit + 1)
    if len(data) > limit:
        raise _too_large(limit)
    return base64.b64encode(data).decode("ascii")


def _too_large(limit: int) -> TooLarge:
    return TooLarge("file_too_large", f"A file may have at most {limit // 2**20} MB.")
