"""Rules of campaigns: the state machine, when one is sent and finished, sender ids. Pure: no database, no clock.

::

    draft ◀▶ scheduled ─▶ running ⇄ paused ─▶ finished
                 └──────────┴─────────┴─────▶ cancelled
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.events import ChunkProgress

from .errors import EmptyAudience, WrongState

STATES = ("draft", "scheduled", "running", "paused", "finished", "cancelled")
PHASES = ("freezing", "expanding", "sending")
PRICE_CLASSES = ("normal", "low")
ENCODINGS = ("auto", "gsm", "unicode")
FINALS = ("delivered", "undelivered", "expired", "rejected", "blocked", "cancelled", "uncertain")

BY_USER = "by_user"

# Command → (where it leads, from where). Who repeats unschedule, pause, resume or cancel gets what is there already.
_COMMANDS: dict[str, tuple[str, frozenset[str]]] = {
    "edit": ("", frozenset({"draft", "scheduled"})),
    "delete": ("", frozenset({"draft"})),
    "schedule": ("scheduled", frozenset({"draft", "scheduled"})),
    "unschedule": ("draft", frozenset({"draft", "scheduled"})),
    "start": ("running", frozenset({"draft", "scheduled"})),
    "pause": ("paused", frozenset({"running", "paused"})),
    "resume": ("running", frozenset({"paused", "running"})),
    "cancel": ("cancelled", frozenset({"scheduled", "running", "paused", "cancelled"})),
    "finish": ("finished", frozenset({"running", "paused"})),
}
COMMANDS = tuple(_COMMANDS)


def next_state(command: str, state: str) -> str:
    """Where ``command`` leads a campaign in ``state``; the same state when it only changes what is in it.

    The one guard of the state machine. Raises WrongState when it is not allowed there.
    """
    target, allowed = _COMMANDS[command]
    if state not in allowed:
        raise WrongState(f"A campaign that is {state} cannot take {command!r}.")
    return target or state


def names_somebody(audience: Mapping[str, Any]) -> bool:
    """Whether an audience says at all who is in it; groups to leave out alone do not."""
    return any(audience.get(name) for name in ("all", "group_ids", "filter_ids", "contact_ids", "numbers"))


def require_somebody(audience: Mapping[str, Any]) -> None:
    """Raise EmptyAudience where ``audience`` names nobody, as one does whose last number was erased."""
    if not names_somebody(audience):
        raise EmptyAudience("Nobody is left in the audience: its last number was erased. Choose another.")


def folded(text: str) -> str:
    """Without case, accents and needless blanks, as names are compared: «Πάσχα  2» and «ΠΑΣΧΑ 2» are one."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(plain.casefold().split())


def phase_in(state: str, phase: str | None) -> str | None:
    """The phase that goes with ``state``: at first ``freezing``, kept over a pause, none when nothing runs."""
    return (phase or "freezing") if state in ("running", "paused") else None


@dataclass(frozen=True)
class Standing:
    """What is needed to tell how far a campaign is.

    ``finals`` counts messages in a final state, those refused while rendering too; ``open_chunks`` says that a
    chunk has messages that may still leave.
    """

    state: str
    is_expanded: bool
    recipients: int
    unsent: int
    finals: int
    open_chunks: bool


def is_sent(standing: Standing) -> bool:
    """Nothing more will leave: every recipient went through a chunk, and every chunk is finished."""
    return _no_more_chunks(standing) and not standing.open_chunks


def is_finished(standing: Standing) -> bool:
    """Every recipient that was ever in a chunk, or refused while rendering, is in a final state.

    Counting is by differences whose sum only grows towards the truth, so this turns true once and in any order.
    """
    return _no_more_chunks(standing) and standing.finals >= standing.recipients - standing.unsent


def _no_more_chunks(standing: Standing) -> bool:
    return standing.is_expanded or standing.state == "cancelled"


@dataclass
class Delta:
    """What changed for one chunk, summed over the entries of an event."""

    accepted: int = 0
    submitted: int = 0
    left: int = 0
    finals: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FINALS, 0))


def deltas_by_chunk(entries: Iterable[ChunkProgress]) -> Mapping[int, Delta]:
    """Sum ``entries`` by chunk of a campaign; entries of direct sends are left out.

    Raises ValueError for a final state nobody knows: better a dead letter than a campaign that never ends.
    """
    result: dict[int, Delta] = {}
    for entry in entries:
        chunk_id = chunk_of_hold(entry.hold_id)
        if entry.campaign_id is None or chunk_id is None:
            continue
        delta = result.setdefault(chunk_id, Delta())
        delta.accepted += entry.accepted
        delta.submitted += entry.submitted
        delta.left += entry.left
        for state, change in entry.finals.items():
            if state not in delta.finals:
                raise ValueError(f"unknown final state {state!r}")
            delta.finals[state] += change
    return result


def hold_of_chunk(chunk_id: int) -> str:
    """The id of the hold that pays for a chunk."""
    return f"c{chunk_id}"


def chunk_of_hold(hold_id: str) -> int | None:
    """The chunk that a hold pays for; None when it is no chunk's."""
    digits = hold_id[1:]
    return int(digits) if hold_id[:1] == "c" and digits.isascii() and digits.isdigit() else None
