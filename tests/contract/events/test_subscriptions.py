"""Who listens and who tells, in the code as in the contracts."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

from contracts.chunks import Chunk
from contracts.events import ALL, Event
from contracts.queues import SUBSCRIPTIONS
from servicekit.migrate import SERVICES
from servicekit.service import EVENT_ATTRIBUTE, QUEUE_ATTRIBUTE

ROOT = Path(__file__).parents[3]
TOLD: dict[str, Any] = {shape.__name__: shape for shape in (*ALL, Chunk)}


def service_class(service: str) -> Any:
    module = importlib.import_module(f"services.{service}.service")
    (found,) = [
        one for _, one in inspect.getmembers(module, inspect.isclass) if getattr(one, "name", None) == service
    ]
    return found


def subscriptions(service: str) -> list[tuple[str, type[Event]]]:
    methods = vars(service_class(service)).values()
    return [
        (getattr(m, QUEUE_ATTRIBUTE), getattr(m, EVENT_ATTRIBUTE))
        for m in methods
        if hasattr(m, QUEUE_ATTRIBUTE)
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_listens_to_the_queues_named_after_it_and_to_no_others(service: str) -> None:
    found = subscriptions(service)

    assert len(dict(found)) == len(found), "two consumers on one queue"
    assert dict(found) == {q: e for q, e in SUBSCRIPTIONS.items() if q.split(".")[0] == service}


def test_every_queue_has_a_service_and_a_name_that_says_both() -> None:
    for queue, event in SUBSCRIPTIONS.items():
        assert queue in dict(subscriptions(queue.split(".")[0]))
        assert queue.split(".")[1] == event.TYPE


def test_every_event_has_somebody_who_listens() -> None:
    assert set(SUBSCRIPTIONS.values()) == set(ALL)


def test_an_event_is_told_by_its_producer_and_by_nobody_else() -> None:
    told: dict[str, set[str]] = {name: set() for name in TOLD}
    for path in sorted((ROOT / "services").rglob("*.py")):
        imported = _imported_from_contracts(tree := ast.parse(path.read_text(encoding="utf-8")))
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and imported.get(node.func.id) in told
            ):
                told[imported[node.func.id]].add(path.relative_to(ROOT).parts[1])

    assert told == {name: {shape.PRODUCER} for name, shape in TOLD.items()}


def _imported_from_contracts(tree: ast.AST) -> dict[str, str]:
    """Names in a module that stand for shapes of contracts."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("contracts")
        for alias in node.names
    }
