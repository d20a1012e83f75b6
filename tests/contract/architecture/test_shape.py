"""How the code is built (DESIGN in docs/architecture.md): what every part looks like, and how long it may get."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from servicekit.migrate import SERVICES

ROOT = Path(__file__).parents[3]
CODE = ("services", "libs", "gateway")
ALL_CODE = (*CODE, "simulators", "deploy", "bench", "clients", "tests")
MODULE_LINES = 400
FUNCTION_LINES = 60
PERSONAL = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def is_revision(path: Path) -> bool:
    return path.parent.name == "versions"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_shape_of_all_services(service: str) -> None:
    folder = ROOT / "services" / service
    expected = [
        "README.md",
        "__init__.py",
        "main.py",
        "service.py",
        "domain.py",
        "models.py",
        "migrations/versions",
    ]
    if "@rpc" in (folder / "service.py").read_text(encoding="utf-8"):
        expected.append("errors.py")  # who answers says what can go wrong
    missing = [one for one in expected if not (folder / one).exists()]
    assert missing == []
    assert (folder / "use_cases.py").exists() or (folder / "use_cases").is_dir() or service == "dispatcher"
    revisions = [
        path.name for path in (folder / "migrations" / "versions").glob("*.py") if path.name != "__init__.py"
    ]
    assert revisions
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.py", one) for one in revisions)


def test_there_are_no_services_beside_those_that_are_migrated() -> None:
    folders = {path.parent.name for path in (ROOT / "services").glob("*/service.py")}
    assert folders == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_the_process_of_a_service_is_patched_before_anything_else_is_imported(service: str) -> None:
    first, patch, *_ = [
        node for node in tree(ROOT / "services" / service / "main.py").body if not _is_docstring(node)
    ]
    assert ast.unparse(first) == "from servicekit import cooperative"
    assert ast.unparse(patch) == "cooperative.patch()"


def test_an_entry_point_is_a_line_of_a_table_of_contents() -> None:
    long = [
        f"{name(path)}: {function.name} has {len(body)} statements"
        for path in (ROOT / "services" / service / "service.py" for service in SERVICES)
        for function in ast.walk(tree(path))
        if isinstance(function, Function)
        and len(body := [one for one in function.body if not _is_docstring(one)]) > 5
    ]
    assert long == []


def test_every_module_says_what_it_is() -> None:
    silent = [name(path) for path in modules(*CODE) if tree(path).body and not ast.get_docstring(tree(path))]
    assert silent == []


def test_every_public_function_and_class_says_what_it_guarantees() -> None:
    silent = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in modules(*CODE)
        if not is_revision(path)
        for node in _public(tree(path))
        if not ast.get_docstring(node) and not _is_declared_only(node)
    ]
    assert silent == []


def test_no_module_is_too_long_to_be_read() -> None:
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(*CODE)}
    assert {path: length for path, length in lengths.items() if length > MODULE_LINES} == {}


def test_no_function_scrolls() -> None:
    long = [
        f"{name(path)}:{node.lineno} {node.name}: {length} lines"
        for path in modules(*CODE)
        if not is_revision(path)
        for node in ast.walk(tree(path))
        if isinstance(node, Function)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    ]
    assert long == []


def test_nothing_is_left_to_be_done_later() -> None:
    left = [
        f"{name(path)}:{token.start[0]} {token.string}"
        for path in modules(*ALL_CODE)
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
        if token.type == tokenize.COMMENT and PERSONAL.search(token.string)
    ]
    assert left == []


def _public(node: ast.AST) -> Iterator[Function | ast.ClassDef]:
    """Functions and classes that others may use: not those with an underscore, nor what is inside them or functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef) and not child.name.startswith("_"):
            yield child
            if isinstance(child, ast.ClassDef):
                yield from _public(child)


def _is_declared_only(node: Function | ast.ClassDef) -> bool:
    """An attribute of a protocol: its class says what it is."""
    return isinstance(node, Function) and ast.unparse(node.body[-1]) == "..." and len(node.body) == 1


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
