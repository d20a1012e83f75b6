"""Settings: read once from the environment, into one frozen object a process."""

from __future__ import annotations

import os
import secrets
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

T = TypeVar("T")


class BadSetting(SystemExit):
    """A variable is missing or unreadable; the message names it. Ends the process with one sentence."""


@dataclass(frozen=True)
class Settings:
    """What every process knows of its surroundings.

    ``database_url`` is a libpq URL of the service's own database, ``amqp_uri`` the broker's with virtual host,
    ``health_port`` 0 means no health server (tests), ``instance`` names this process in leases and logs.
    """

    service: str
    amqp_uri: str
    database_url: str
    health_port: int
    health_host: str
    log_level: str
    instance: str


def load(service: str) -> Settings:
    """The settings of a process of ``service``. Raises BadSetting when a variable is missing."""
    return Settings(
        service=service,
        amqp_uri=amqp_uri(),
        database_url=database_url(service),
        health_port=_convert("health_port", os.environ.get("KERYX_HEALTH_PORT") or "0", int),
        health_host=os.environ.get("KERYX_HEALTH_HOST", "127.0.0.1"),
        log_level=os.environ.get("KERYX_LOG_LEVEL", "info"),
        instance=os.environ.get("KERYX_INSTANCE") or _unique_name(),
    )


def _unique_name() -> str:
    """Never used before: a container that starts again has its host name and pid again, but not its leases."""
    return f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(3)}"


def amqp_uri() -> str:
    """The broker's URI with its virtual host, from KERYX_AMQP_URI."""
    return _need("KERYX_AMQP_URI")


def crash_points() -> Path | None:
    """The folder of armed crash points (see ``crashpoints``), from KERYX_CRASH_POINTS; None, as in production, when not set."""
    folder = os.environ.get("KERYX_CRASH_POINTS")
    return Path(folder) if folder else None


def temporary_folder() -> str:
    """Where files are written that nobody keeps: TMPDIR, or /tmp. Always the same one, also when it is full."""
    return os.environ.get("TMPDIR") or "/tmp"


def database_url(service: str) -> str:
    """The URL of the database that ``service`` owns, from KERYX_DATABASE_URL_<SERVICE>."""
    return _need(f"KERYX_DATABASE_URL_{service.upper()}")


def read(kind: type[T]) -> T:
    """An instance of the frozen dataclass ``kind``, field ``smtp_host`` from KERYX_SMTP_HOST and so on.

    int, float, bool and str are understood; a field without default must be set. Raises BadSetting.
    """
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for item in fields(kind):  # type: ignore[arg-type]
        raw = os.environ.get(f"KERYX_{item.name.upper()}")
        if raw is not None and raw != "":
            values[item.name] = _convert(item.name, raw, hints[item.name])
        elif _required(item):
            raise BadSetting(f"KERYX_{item.name.upper()} must be set")
    return kind(**values)


def _required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _convert(name: str, raw: str, kind: Any) -> Any:
    try:
        if kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                raw.lower()
            ]
        if kind in (int, float):
            return kind(raw)
    except (KeyError, ValueError):
        raise BadSetting(f"KERYX_{name.upper()} is not a {kind.__name__}: {raw!r}") from None
    return raw


def _need(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise BadSetting(f"{name} must be set (see `make help`; `make up` sets it by itself)")
    return value
