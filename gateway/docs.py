"""``/api/v1/openapi.json``, and a page made from it to read: one file, no script, nothing fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson
from flask import Flask, Response, render_template
from markupsafe import Markup, escape

from .api.resource import KeryxApi

METHODS = ("get", "post", "put", "patch", "delete")
CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


def register(app: Flask, api: KeryxApi) -> None:
    """Both pages, made once: what they show cannot change while the process runs."""
    document = api.spec.to_dict()
    as_json = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    app.template_filter("ticks")(ticks)
    with app.app_context():
        page = render_template(
            "docs.html", document=document, tags=list(tags_of(document)), rows=Rows(document)
        )
    app.extensions["keryx_openapi"] = as_json
    app.add_url_rule(
        "/api/v1/openapi.json", "openapi", lambda: Response(as_json, content_type="application/json")
    )
    app.add_url_rule("/api/v1/docs", "docs", lambda: _html(page))


def ticks(text: str) -> Markup:
    """``text`` escaped, with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _html(page: str) -> Response:
    headers = {"Content-Security-Policy": CSP, "Referrer-Policy": "no-referrer"}
    return Response(page, content_type="text/html; charset=utf-8", headers=headers)


def tags_of(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each tag with its operations, in the order of the document."""
    for tag in document.get("tags", []):
        yield (
            tag,
            [operation for operation in operations_of(document) if tag["name"] in operation.get("tags", ())],
        )


def operations_of(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every operation with its ``path``, ``method``, an ``anchor``, and the parameters of its path."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                parameters = [*item.get("parameters", ()), *item[method].get("parameters", ())]
                anchor = f"{method}{path}".replace("/", "-").replace("{", "").replace("}", "")
                yield {
                    **item[method],
                    "path": path,
                    "method": method,
                    "anchor": anchor,
                    "parameters": parameters,
                }


class Rows:
    """Flattens a schema of the document to lines of a table: (depth, name, type, required, description)."""

    MAX_DEPTH = 5

    def __init__(self, document: dict[str, Any]) -> None:
        """Resolve references within ``document``."""
        self._schemas = document.get("components", {}).get("schemas", {})

    def __call__(self, schema: dict[str, Any]) -> list[tuple[int, str, str, bool, str]]:
        """Lines for ``schema``; empty when it has no fields to show."""
        return list(self._fields(schema, 0))

    def _fields(self, schema: dict[str, Any], depth: int) -> Iterator[tuple[int, str, str, bool, str]]:
        schema = self._resolve(schema)
        if schema.get("type") == "array":
            schema = self._resolve(schema.get("items", {}))
        required = schema.get("required", ())
        for name, field in schema.get("properties", {}).items():
            whole = self._resolve(field)
            description = str(field.get("description") or whole.get("description", ""))
            yield depth, name, self.kind(whole), name in required, description
            if depth < self.MAX_DEPTH:
                yield from self._fields(whole, depth + 1)

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        for part in schema.get("allOf", ()):
            schema = {**self._resolve(part), **{k: v for k, v in schema.items() if k != "allOf"}}
        reference = schema.get("$ref", "")
        return self._schemas.get(reference.rpartition("/")[2], {}) if reference else schema

    def kind(self, schema: dict[str, Any]) -> str:
        """A short word for the type: ``string (date-time)``, ``list of object``, ``"a" | "b"``."""
        schema = self._resolve(schema)
        if schema.get("enum"):
            return " | ".join(str(value) for value in schema["enum"] if value is not None)
        if schema.get("type") == "array":
            return "list of " + self.kind(schema.get("items", {}))
        name = str(schema.get("type", "any"))
        return f"{name} ({schema['format']})" if schema.get("format") else name
