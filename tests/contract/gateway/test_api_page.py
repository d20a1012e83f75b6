"""docs/api.md speaks of calls, fields and codes that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gateway import openapi

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "api.md").read_text()
ADDRESSES = re.findall(r"\$v1(/[\w/.:-]+)", PAGE)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(openapi.served())
    return found


def test_every_address_on_the_page_is_in_the_document(document: dict[str, Any]) -> None:
    known = [re.sub(r"\{\w+\}", r"[^/]+", path) for path in document["paths"]]
    assert len(ADDRESSES) > 15
    for address in ADDRESSES:
        assert any(re.fullmatch(pattern, f"/api/v1{address}") for pattern in known), address


def test_every_code_on_the_page_is_in_the_source() -> None:
    table = PAGE.partition("| status |")[2].partition("##")[0]
    codes = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", table))
    sources = [path for part in ("gateway", "services", "libs") for path in (ROOT / part).rglob("*.py")]
    text = "".join(path.read_text() for path in sources)
    assert len(codes) > 12
    assert [code for code in codes if f'"{code}"' not in text] == []
