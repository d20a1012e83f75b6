"""Kept files: handed on whole, in part, or not again."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from gateway.download import CSV, Kept, kept

CONTENT = bytes(range(250))
FILE = Kept("Μηνύματα-17.csv", "messages-17.csv", "17-250", 250, 100)


def fetch(offset: int) -> dict[str, Any]:
    """Three pieces of 100, 100 and 50 octets."""
    data = CONTENT[offset * 100 : (offset + 1) * 100]
    return {
        "data_b64": base64.b64encode(data).decode(),
        "next_offset": offset + 1 if offset < 2 else None,
        "filename": "unused",
    }


def answer(app: Flask, **headers: str) -> Any:
    with app.test_request_context(headers={name.replace("_", "-"): value for name, value in headers.items()}):
        return kept(FILE, fetch, CSV)


def test_the_whole_file_has_its_length_its_tag_and_a_greek_name(app: Flask) -> None:
    response = answer(app)
    assert (response.status_code, response.get_data()) == (200, CONTENT)
    assert response.headers["Content-Length"] == "250"
    assert response.headers["ETag"] == '"17-250"'
    name = "%CE%9C%CE%B7%CE%BD%CF%8D%CE%BC%CE%B1%CF%84%CE%B1-17.csv"
    disposition = f"attachment; filename=\"messages-17.csv\"; filename*=UTF-8''{name}"
    assert response.headers["Content-Disposition"] == disposition


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("0-0", 0, 1),
        ("0-99", 0, 100),
        ("99-100", 99, 101),
        ("150-", 150, 250),
        ("-30", 220, 250),
        ("0-9999", 0, 250),
    ],
)
def test_a_range_begins_and_ends_where_it_was_asked(app: Flask, wanted: str, start: int, stop: int) -> None:
    response = answer(app, Range=f"bytes={wanted}")
    assert (response.status_code, response.get_data()) == (206, CONTENT[start:stop])
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/250"
    assert response.headers["Content-Length"] == str(stop - start)


def test_a_range_behind_the_end_is_refused(app: Flask) -> None:
    with pytest.raises(RequestedRangeNotSatisfiable):
        answer(app, Range="bytes=250-")


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-1,5-6"},
        {"Range": "lines=0-1"},
        {"Range": "nonsense"},
        {"Range": "bytes=0-1", "If_Range": '"another"'},
        {"If_None_Match": '"another"'},
    ],
)
def test_what_is_not_one_range_of_this_very_file_gets_the_whole(app: Flask, headers: dict[str, str]) -> None:
    response = answer(app, **headers)
    assert (response.status_code, response.get_data()) == (200, CONTENT)


def test_who_has_the_file_does_not_get_it_again(app: Flask) -> None:
    response = answer(app, If_None_Match='"old", "17-250"')
    assert (response.status_code, response.get_data()) == (304, b"")


def test_a_download_that_broke_off_goes_on(app: Flask) -> None:
    response = answer(app, Range="bytes=180-", If_Range='"17-250"')
    assert (response.status_code, response.get_data()) == (206, CONTENT[180:])
