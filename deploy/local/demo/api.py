"""The REST API as one key sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

PAGE = 500


class Refused(Exception):
    """The API answered with an error; the text is its code and detail."""


class Api:
    """One key's view of the REST API. Every method raises Refused for a status of 400 and above."""

    def __init__(self, url: str, key: str) -> None:
        """``url`` is the gateway's, without /api/v1."""
        headers = {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=60)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of the answer."""
        return self._answer("GET", path, params=query).json()

    def post(self, path: str, body: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """The JSON of the answer to a JSON body, or to ``files=`` as a form."""
        return self._answer("POST", path, **({"json": body} if body is not None else {}), **more).json()

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON of the answer."""
        return self._answer("PATCH", path, json=body).json()

    def download(self, path: str) -> bytes:
        """The body of the answer."""
        return self._answer("GET", path).content

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All rows of a list, page by page."""
        page = self.get(path, limit=PAGE, **query)
        yield from page["data"]
        while page["next_cursor"]:
            page = self.get(path, limit=PAGE, cursor=page["next_cursor"], **query)
            yield from page["data"]

    def _answer(self, method: str, path: str, **more: Any) -> httpx.Response:
        response = self._http.request(method, path, **more)
        if response.status_code >= 400:
            raise Refused(f"{method} {path}: {response.status_code} {_problem(response)}")
        return response


def _problem(response: httpx.Response) -> str:
    if "json" not in response.headers.get("Content-Type", ""):
        return ""
    problem = response.json()
    wrong = "; ".join(f"{error['pointer']} {error['detail']}" for error in problem.get("errors", ()))
    return f"{problem.get('code')}: {problem.get('detail')} {wrong}".strip()
