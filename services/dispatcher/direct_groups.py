"""Direct sends, who travels with whom: the requests of a call, and which messages share a hold, a chunk and a batch."""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.errors import KeryxError
from servicekit.idempotency import Asked

from .direct import Checked


@dataclass(frozen=True)
class Request:
    """One client's request. ``actor`` is who spends the money; ``key`` its Idempotency-Key."""

    account_id: int
    messages: list[dict[str, Any]]
    all_or_nothing: bool = False
    key: str | None = None
    actor: str | None = None

    def asked(self) -> Any:
        """What the answer under the key is for."""
        return {"messages": self.messages, "all_or_nothing": self.all_or_nothing}


@dataclass
class Group:
    """Messages that are held and accepted together, each with the place of its request in the call.

    ``shared``: another call may ask for the same hold, being a repetition of the request under its key.
    """

    hold_id: str
    account_id: int
    members: list[tuple[int, Checked]]
    shared: bool = False

    @property
    def amount(self) -> int:
        """What they cost."""
        return sum(one.message.price * one.message.parts for _, one in self.members)

    def places(self) -> set[int]:
        """The requests it serves."""
        return {place for place, _ in self.members}


@dataclass
class Call:
    """Requests on their way through: ``answers`` by place; whoever has one is done."""

    requests: Mapping[int, Request]
    answers: dict[int, dict[str, Any] | KeryxError] = field(default_factory=dict)
    wrong: dict[int, dict[int, dict[str, Any]]] = field(default_factory=dict)
    good: dict[int, list[Checked]] = field(default_factory=dict)

    def open(self) -> dict[int, Request]:
        """Requests without an answer."""
        return {place: one for place, one in self.requests.items() if place not in self.answers}

    def keyed(self) -> list[tuple[int, Asked]]:
        """Those of the open ones that have a key."""
        return [
            (place, Asked(one.account_id, one.key, one.asked()))
            for place, one in self.open().items()
            if one.key is not None
        ]

    def refuse(self, places: set[int], error: KeryxError) -> None:
        """The same answer for those of ``places`` that have none."""
        self.answers.update(dict.fromkeys(places - self.answers.keys(), error))


def one_a_key(requests: Mapping[int, Request]) -> dict[int, Request]:
    """The first request of each key, and all that have none."""
    first: dict[Any, int] = {}
    for place, one in requests.items():
        first.setdefault((one.account_id, one.key) if one.key is not None else place, place)
    return {place: requests[place] for place in first.values()}


def grouped(call: Call) -> tuple[list[Group], dict[int, list[Group]]]:
    """Groups of the requests that may share one, and those of requests with several classes or kinds, by request."""
    together: defaultdict[tuple[Any, ...], list[tuple[int, Checked]]] = defaultdict(list)
    alone: dict[int, list[Group]] = {}
    for place, request in call.open().items():
        sorts: defaultdict[str, list[tuple[int, Checked]]] = defaultdict(list)
        for one in call.good[place]:
            sorts[_sort(one)].append((place, one))
        if len(sorts) > 1:
            alone[place] = [Group(_new_id(sort), request.account_id, m) for sort, m in sorts.items()]
        for sort, members in sorts.items() if len(sorts) == 1 else ():
            together[request.account_id, request.actor, sort] += members
    return [
        _group(call, account_id, sort, members) for (account_id, _, sort), members in together.items()
    ], alone


def _group(call: Call, account_id: int, sort: str, members: list[tuple[int, Checked]]) -> Group:
    places = {place for place, _ in members}
    if len(places) == 1:
        request = call.requests[places.pop()]
        return Group(_hold_id(request, sort), account_id, members, shared=request.key is not None)
    return Group(_new_id(sort), account_id, members)


def split(call: Call, group: Group) -> list[Group]:
    """The group as one of each request it serves."""
    by_place: defaultdict[int, list[tuple[int, Checked]]] = defaultdict(list)
    for place, one in group.members:
        by_place[place].append((place, one))
    return [_group(call, group.account_id, _sort(m[0][1]), m) for m in by_place.values()]


def _sort(one: Checked) -> str:
    return f"{one.price_class[0]}{one.kind[0]}"


def _new_id(sort: str) -> str:
    return f"d{uuid.uuid4().hex}:{sort}"


def _hold_id(request: Request, sort: str) -> str:
    """The hold of a request repeated under its key is the same hold."""
    if request.key is None:
        return _new_id(sort)
    digest = hashlib.sha256(f"{request.account_id}\n{request.key}".encode()).hexdigest()
    return f"d{digest[:32]}:{sort}"
