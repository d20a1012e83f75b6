"""Settings of the SMSC, from the environment."""

from dataclasses import dataclass

from simulators import support
from simulators.smsc.faults import BadFaults, Faults, merged


@dataclass(frozen=True)
class Settings:
    """Where to listen, who may bind, how to behave at first, how many submits to hold."""

    host: str
    port: int
    http_port: int
    logins: dict[bytes, bytes]
    start: Faults
    keep: int
    enquire_s: int


def load() -> Settings:
    """Read KERYX_SMSC_…; raises CannotStart naming the one that is wrong."""
    seed = support.text("KERYX_SMSC_SEED", "")
    try:
        changes: dict[str, object] = {"preset": support.text("KERYX_SMSC_PRESET", "calm")}
        if seed:
            changes["seed"] = support.number("KERYX_SMSC_SEED", 0)
        start = merged(Faults(), changes)
    except BadFaults as error:
        raise support.CannotStart(f"KERYX_SMSC_PRESET: {error}") from error
    return Settings(
        host=support.text("KERYX_SMSC_HOST", "127.0.0.1"),
        port=support.port("KERYX_SMSC_PORT", 2775),
        http_port=support.port("KERYX_SMSC_HTTP_PORT", 2776),
        logins=_logins(),
        start=start,
        keep=support.number("KERYX_SMSC_KEEP", 2_000_000, 1),
        enquire_s=support.number("KERYX_SMSC_ENQUIRE_S", 60),
    )


def _logins() -> dict[bytes, bytes]:
    """KERYX_SMSC_SYSTEM_ID with its password, and more as name:password,… in KERYX_SMSC_MORE_LOGINS."""
    first = support.text("KERYX_SMSC_SYSTEM_ID", "keryx")
    pairs = [(first, support.text("KERYX_SMSC_PASSWORD", "secret"))]
    for entry in filter(None, support.text("KERYX_SMSC_MORE_LOGINS", "").split(",")):
        name, _, password = entry.strip().partition(":")
        pairs.append((name, password))
    for name, password in pairs:
        if not (name.isascii() and password.isascii() and 1 <= len(name) <= 15 and len(password) <= 8):
            raise support.CannotStart(
                "A system_id has 1 to 15 ASCII characters and its password at most 8 (SMPP 3.4 §4.1)."
            )
    return {name.encode(): password.encode() for name, password in pairs}
