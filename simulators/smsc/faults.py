"""How the operator behaves: one tree of plain values, changed over HTTP by merging JSON into it.

Every misbehaviour has a name and rests (zero, false, empty) unless asked for. Shares are 0…1, times are in
the unit their name ends with. Countdowns (`next`, `after_submits`) run down to zero as they are used up.
"""

from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, get_origin

from simulators.smsc.pdu import STATES, STATUS

ID_FORMS = ("decimal", "hex", "random", "sequential")
NO_RECEIPT = "NONE"
DAY_MS = 86_400_000


class BadFaults(ValueError):
    """The JSON asks for something that does not exist or is out of range; the message names it."""


@dataclass
class Range:
    """Milliseconds, drawn evenly between the two."""

    min: float = 0
    max: float = 0


@dataclass
class Throttle:
    """ESME_RTHROTTLED to all: for `for_ms` each `every_s`, or `burst` in a row each `every_n` submits."""

    every_s: float = 0
    for_ms: float = 0
    every_n: int = 0
    burst: int = 0


@dataclass
class Drop:
    """The message is taken and its submit_sm_resp never sent: this share, and the `next` ones."""

    rate: float = 0
    next: int = 0


@dataclass
class Half:
    """Half of a submit_sm_resp, the rest of the connection's output after `delay_ms`; null: never."""

    rate: float = 0
    next: int = 0
    delay_ms: float | None = 200


@dataclass
class Disconnect:
    """Close every connection `now`, or the one whose submit is the `after_submits`-th from now.

    That submit is taken but not answered; with `mid_pdu` half of its response is written first.
    """

    now: bool = False
    after_submits: int = 0
    mid_pdu: bool = False


@dataclass
class Silent:
    """Hear everything, say nothing for `for_s`; `then` "answer" late or "drop" what was to be said."""

    for_s: float = 0
    then: str = "answer"


@dataclass
class Receipts:
    """Delivery receipts: when, with which outcome, in which form, and what goes wrong with them."""

    delay_ms: Range = field(default_factory=Range)
    outcomes: dict[str, float] = field(default_factory=lambda: {"DELIVRD": 1.0})
    errors: dict[str, list[str]] = field(
        default_factory=lambda: {
            "UNDELIV": ["001", "027", "099"],
            "EXPIRED": ["034"],
            "REJECTD": ["088", "011"],
        }
    )
    early: float = 0
    early_by_ms: float = 50
    duplicate: float = 0
    paused: bool = False
    window: int = 100
    tlvs: bool = True
    text: bool = True
    date_digits: int = 10
    retry_ms: float = 1000
    timeout_s: float = 60


@dataclass
class Faults:
    """Everything /faults shows and takes."""

    seed: int | None = None
    message_id: str = "decimal"
    latency_ms: Range = field(default_factory=Range)
    errors: dict[str, float] = field(default_factory=dict)
    error_times: int = 1
    throttle: Throttle = field(default_factory=Throttle)
    parts_per_second: int = 0
    drop: Drop = field(default_factory=Drop)
    half: Half = field(default_factory=Half)
    disconnect: Disconnect = field(default_factory=Disconnect)
    silent: Silent = field(default_factory=Silent)
    refuse_binds: str = ""
    receipts: Receipts = field(default_factory=Receipts)

    def as_json(self) -> dict[str, Any]:
        """The tree as /faults shows it."""
        return asdict(self)


PRESETS: dict[str, dict[str, Any]] = {
    "calm": {},
    "operator": {
        "throttle": {"every_n": 400, "burst": 2},
        "receipts": {
            "delay_ms": {"min": 0, "max": 2000},
            "outcomes": {"DELIVRD": 0.95, "UNDELIV": 0.03, "EXPIRED": 0.01, "REJECTD": 0.01},
            "early": 0.02,
        },
    },
    "rough": {
        "latency_ms": {"min": 5, "max": 40},
        "errors": {"ESME_RSYSERR": 0.002, "ESME_RMSGQFUL": 0.002, "ESME_RINVDSTADR": 0.001},
        "throttle": {"every_s": 3, "for_ms": 300},
        "drop": {"rate": 0.001},
        "receipts": {
            "delay_ms": {"min": 0, "max": 5000},
            "outcomes": {"DELIVRD": 0.9, "UNDELIV": 0.05, "EXPIRED": 0.02, "REJECTD": 0.01, "NONE": 0.02},
            "early": 0.05,
            "duplicate": 0.05,
        },
    },
}


def preset(name: str) -> Faults:
    """A fresh tree by its name: calm, operator or rough; raises BadFaults for another."""
    if not isinstance(name, str) or name not in PRESETS:
        raise BadFaults(f"preset must be one of {', '.join(PRESETS)}.")
    return merged(Faults(), PRESETS[name])


def merged(current: Faults, changes: dict[str, Any]) -> Faults:
    """A new tree: `current` with `changes` laid over it, or over a preset if one is named.

    A preset takes everything back but the seed.

    Tables (`outcomes`, `errors`) are replaced whole. Raises BadFaults when any of it is wrong.
    """
    rest = dict(changes)
    name = rest.pop("preset", None)
    base = current if name is None else replace(preset(name), seed=current.seed)
    tree: Faults = _laid_over(base, rest, "")
    _check(tree)
    return tree


def _laid_over(base: Any, changes: object, path: str) -> Any:
    """A new dataclass like `base`, with the given fields changed, and those of the dataclasses inside it."""
    if not isinstance(changes, dict):
        raise BadFaults(f"{path.rstrip('.')} must be an object.")
    known = {each.name: each.type for each in fields(base)}
    unknown = sorted(str(name) for name in changes if name not in known)
    if unknown:
        raise BadFaults(f"Unknown fault {path + unknown[0]!r}.")
    values: dict[str, Any] = {}
    for name, kind in known.items():
        old = getattr(base, name)
        if is_dataclass(old):
            values[name] = _laid_over(old, changes.get(name, {}), f"{path}{name}.")
        else:
            values[name] = _fitting(kind, changes[name], path + name) if name in changes else old
    return type(base)(**values)


def _fitting(kind: Any, new: Any, place: str) -> Any:
    """`new` when it is of the field's kind; raises BadFaults otherwise."""
    if kind in (int | None, float | None):
        if new is None:
            return None
        kind = int if kind == int | None else float
    if kind in (int, float):
        good = isinstance(new, (int, float)) and not isinstance(new, bool) and 0 <= new <= 2**53
        if not good or (kind is int and new != int(new)):
            raise BadFaults(f"{place} must be a {'whole ' if kind is int else ''}number of 0 or more.")
        return kind(new)
    plain = get_origin(kind) or kind
    if not isinstance(new, plain):
        raise BadFaults(f"{place} must be of type {plain.__name__}.")
    return new


def _check(tree: Faults) -> None:
    receipts = tree.receipts
    _check_table("receipts.outcomes", receipts.outcomes, {*STATES, NO_RECEIPT})
    _check_table("errors", tree.errors, set(STATUS) - {"ESME_ROK"})
    if abs(sum(receipts.outcomes.values()) - 1) > 1e-6:
        raise BadFaults("receipts.outcomes must add up to 1.")
    for name, codes in receipts.errors.items():
        good = isinstance(codes, list) and codes and all(_is_code(code) for code in codes)
        if name not in STATES or not good:
            raise BadFaults("receipts.errors maps an outcome to a list of three-digit codes.")
    shares = {
        "drop.rate": tree.drop.rate, "half.rate": tree.half.rate,
        "receipts.early": receipts.early, "receipts.duplicate": receipts.duplicate,
    }  # fmt: skip
    for place, share in shares.items():
        if share > 1:
            raise BadFaults(f"{place} is a share from 0 to 1.")
    for place, span in (("latency_ms", tree.latency_ms), ("receipts.delay_ms", receipts.delay_ms)):
        if not span.min <= span.max <= DAY_MS:
            raise BadFaults(f"{place} needs min ≤ max ≤ a day.")
    _check_words(tree)


def _check_words(tree: Faults) -> None:
    if tree.message_id not in ID_FORMS:
        raise BadFaults(f"message_id must be one of {', '.join(ID_FORMS)}.")
    if tree.silent.then not in ("answer", "drop"):
        raise BadFaults('silent.then must be "answer" or "drop".')
    if tree.refuse_binds and tree.refuse_binds not in STATUS:
        raise BadFaults('refuse_binds must be the name of a command_status, or "".')
    if tree.receipts.date_digits not in (10, 12):
        raise BadFaults("receipts.date_digits must be 10 or 12.")
    if not 1 <= tree.receipts.window <= 10_000:
        raise BadFaults("receipts.window must be from 1 to 10000.")


def _is_code(code: object) -> bool:
    return isinstance(code, str) and len(code) == 3 and code.isascii() and code.isdigit()


def _check_table(place: str, table: dict[str, float], known: set[str]) -> None:
    for name, share in table.items():
        if name not in known:
            raise BadFaults(f"{place} knows no {name!r}.")
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
            raise BadFaults(f"{place}.{name} is a share from 0 to 1.")
    if sum(table.values()) > 1 + 1e-6:
        raise BadFaults(f"{place} must not add up to more than 1.")
