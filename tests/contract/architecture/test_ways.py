"""Ways that are closed: nobody publishes but the relay, nobody reads the environment but settings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from servicekit.migrate import SERVICES

from .test_shape import CODE, ROOT, modules, name, tree

KIT = "libs/servicekit/"
ACCEPTOR = "services/dispatcher/acceptor.py"  # buries a chunk that nobody can read

CLOSED = {
    "nameko.events": (KIT,),
    "nameko.messaging": (KIT,),
    "nameko.rpc": (KIT,),
    "nameko.timer": (KIT,),
    "nameko.standalone": (KIT, "gateway/calls.py"),
    "nameko.amqp": (KIT,),
    "kombu": (KIT,),
    "pika": (KIT, "services/dispatcher/acceptor.py", "services/dispatcher/sending/"),
}
"""What may be imported only below the given paths: these let an event be lost or published beside the outbox."""

PUBLISHING = {"basic_publish", "EventDispatcher", "event_handler", "send_and_receive"}
MAY_PUBLISH = ("libs/servicekit/relay.py", "libs/servicekit/dead.py", ACCEPTOR)

MAY_READ_THE_ENVIRONMENT = (
    "libs/servicekit/settings.py",
    "gateway/settings.py",
    "services/accounts/bootstrap.py",  # a script: keys handed back to be kept
    "services/dispatcher/secrets.py",
    "libs/servicekit/confined.py",  # empties it for a child
)


def is_allowed(path: Path, ways: tuple[str, ...]) -> bool:
    return name(path).startswith(ways)


def imports(module: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a module imports."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def words(module: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of everything a module names."""
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.alias):
            yield node.lineno, node.name


@pytest.mark.parametrize("library", CLOSED)
def test_messaging_is_imported_by_the_kit_alone(library: str) -> None:
    found = [
        f"{name(path)}:{line} imports {imported}"
        for path in modules(*CODE)
        if not is_allowed(path, CLOSED[library])
        for line, imported in imports(tree(path))
        if (imported == library or imported.startswith(f"{library}."))
        and imported not in {"pika.exceptions.AMQPError"}  # to know an outage by its name
    ]
    assert found == []


def test_nobody_publishes_but_the_relay() -> None:
    found = [
        f"{name(path)}:{line} {word}"
        for path in modules(*CODE)
        if not is_allowed(path, MAY_PUBLISH)
        for line, word in words(tree(path))
        if word in PUBLISHING
    ]
    assert found == []


def test_the_environment_is_read_by_settings_alone() -> None:
    found = [
        f"{name(path)}:{line} {word}"
        for path in modules(*CODE)
        if not is_allowed(path, MAY_READ_THE_ENVIRONMENT)
        for line, word in words(tree(path))
        if word in {"environ", "getenv"}
    ]
    assert found == []


@pytest.mark.parametrize(
    ("kept", "forgotten"),
    [
        (("consumes", "first_time"), "inbox.forget_old"),
        (("idempotency.remember", "idempotency.recall"), "idempotency.forget_old"),
    ],
    ids=["event ids", "idempotency keys"],
)
def test_what_a_service_remembers_it_also_forgets(kept: tuple[str, ...], forgotten: str) -> None:
    forgetful = []
    for service in SERVICES:
        calls = {
            ast.unparse(node.func)
            for path in modules(f"services/{service}")
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Call)
        }
        if any(call.endswith(kept) for call in calls) and forgotten not in calls:
            forgetful.append(service)
    assert forgetful == []


def test_allowances_are_used() -> None:
    for way in {*MAY_PUBLISH, *MAY_READ_THE_ENVIRONMENT, *(one for ways in CLOSED.values() for one in ways)}:
        assert (ROOT / way).exists(), f"{way} is gone: take its allowance away"


def test_everything_broad_is_caught_at_an_edge_and_said_why() -> None:
    found = [
        f"{name(path)}:{node.lineno}"
        for path in modules(*CODE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and not _says_why(path, node)
    ]
    assert found == []


def _says_why(path: Path, handler: ast.ExceptHandler) -> bool:
    """A comment of more than the lint rule's name, or the failure is logged or goes on upwards."""
    line = path.read_text(encoding="utf-8").splitlines()[handler.lineno - 1]
    comment = line.partition("#")[2].replace("noqa: BLE001", "").strip()
    inside = [node for statement in handler.body for node in ast.walk(statement)]
    goes_on = any(isinstance(node, ast.Raise) for node in inside)
    logged = any(
        isinstance(node, ast.Attribute) and node.attr in {"exception", "error", "critical"} for node in inside
    )
    return bool(comment) or goes_on or logged
