"""Changes to one thing: its version goes out as ``ETag``, comes back as ``If-Match`` (RFC 9110 §13.1.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import g, request

from contracts.errors import PreconditionFailed

_TAG = re.compile(r'"(\d{1,18})"', re.ASCII)


def tagged(thing: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What a view answers: the thing, and its ``version`` as ETag header when it has one."""
    version = thing.get("version")
    return thing, {} if version is None else {"ETag": f'"{version}"'}


def expected_version() -> int | None:
    """The version that If-Match asks for; None without the header or for ``*``.

    Raises PreconditionFailed for a tag that cannot be one of ours (weak ones never match).
    """
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    match = _TAG.fullmatch(header.strip())
    if match is None:
        raise PreconditionFailed("version_mismatch", "If-Match is not the ETag of this resource.")
    return int(match[1])


@contextmanager
def conflict_shows(current: Callable[[], Any]) -> Iterator[None]:
    """When somebody was faster, the problem carries the thing as it is now, so that the two can be compared at once."""
    try:
        yield
    except PreconditionFailed:
        g.current = current()
        raise
