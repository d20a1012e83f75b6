"""A function of this package run in a confined child process, for one hostile file.

Arguments and answers cross as JSON, never as pickles: a child that a file has taken over can lie about that file's rows and
do nothing else to its parent.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

import orjson

from servicekit import confined

from .errors import BadFile, BadMapping

_PACKAGE: Final = __package__ or "services.contacts.importing"
MAX_ANSWER: Final = 32 << 20
"""Bytes of one answer; the largest page has a third of it."""
_DATA, _END, _BAD_FILE, _BAD_MAPPING, _CRASH = "data", "end", "bad_file", "bad_mapping", "crash"


class SandboxCrash(RuntimeError):
    """The child ended by a fault of ours; the text is its traceback."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Address space in bytes and CPU in seconds of one child. A million rows of 8 columns fit both."""

    address_space: int = 1_536 << 20
    cpu_seconds: int = 240


DEFAULT_LIMITS: Final = Limits()


def stream(function: Callable[..., Any], *args: Any, limits: Limits = DEFAULT_LIMITS) -> Generator[Any]:
    """Each item that `function(*args)`, a module-level function of this package, yields in a child, as it
    comes.

    Arguments and items are JSON values; the pipe holds the child back when the caller is slow, and closing
    the iterator ends the child. Raises BadFile and BadMapping as the function does, BadFile
    workbook_too_large when the child died of its limits, SandboxCrash for a fault of ours.
    """
    call = {"function": f"{function.__module__}:{function.__qualname__}", "args": args}
    with confined.child(f"{_PACKAGE}.sandbox", orjson.dumps(call | {"limits": asdict(limits)})) as child:
        try:
            yield from _answers(iter(partial(child.said.readline, MAX_ANSWER), b""))
        except _Cut:
            child.process.kill()  # one that is alive waits for a reader of the rest, for ever
            status = child.process.wait()
            raise BadFile(
                "workbook_too_large", f"reading it took more than is allowed (status {status})"
            ) from None


class _Cut(Exception):
    """The child's answers stop without an end."""


def _answers(lines: Iterable[bytes]) -> Iterator[Any]:
    for line in lines:
        try:
            kind, value = orjson.loads(line)
        except orjson.JSONDecodeError:
            break
        if kind == _DATA:
            yield value
        elif kind == _END:
            return
        elif kind == _BAD_FILE:
            raise BadFile(*value)
        elif kind == _BAD_MAPPING:
            raise BadMapping(*value)
        else:
            raise SandboxCrash(value)
    raise _Cut


def _resolve(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    if not module.startswith(f"{_PACKAGE}."):
        raise ValueError(f"{module} is not of {_PACKAGE}")
    resolved: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return resolved


def _say(kind: str, value: Any = None) -> None:
    sys.stdout.buffer.write(orjson.dumps([kind, value]) + b"\n")


def _main() -> None:
    call = orjson.loads(sys.stdin.buffer.read())
    function = _resolve(call["function"])
    confined.confine(**call["limits"])
    gc.disable()  # a seventh of the time, and a process that ends has no cycles to fear
    try:
        for item in function(*call["args"]):
            _say(_DATA, item)
        _say(_END)
    except BadFile as refusal:
        _say(_BAD_FILE, [refusal.code, refusal.detail])
    except BadMapping as refusal:
        _say(_BAD_MAPPING, [refusal.pointer, refusal.code, refusal.detail])
    except MemoryError:
        os.abort()
    except Exception:  # noqa: BLE001 - the edge of the process: the parent raises and logs it
        _say(_CRASH, traceback.format_exc())
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main()
