"""One SMSC for all tests here, each of which finds it calm and empty."""

from collections.abc import Callable, Iterator

import pytest

from simulators.smsc import testing
from tests.integration.simulators.esme import BIND_TRANSCEIVER, Esme


@pytest.fixture(scope="session")
def smsc_process() -> Iterator[testing.Smsc]:
    """The process."""
    with testing.running(more_logins="second:secret") as smsc:
        yield smsc


@pytest.fixture
def smsc(smsc_process: testing.Smsc) -> testing.Smsc:
    """Calm, empty and without binds."""
    smsc_process.faults(preset="calm", seed=None, disconnect={"now": True})
    smsc_process.wait(binds=0)
    smsc_process.reset()
    return smsc_process


@pytest.fixture
def connect(smsc: testing.Smsc) -> Iterator[Callable[..., Esme]]:
    """`connect()` binds as a transceiver, `connect(BIND_RECEIVER)` otherwise, `connect(None)` not at all."""
    opened: list[Esme] = []

    def connect(command: int | None = BIND_TRANSCEIVER, system_id: str = "keryx") -> Esme:
        esme = Esme(smsc.address)
        opened.append(esme)
        if command is not None:
            assert esme.bind(command, system_id).status == 0
        return esme

    yield connect
    for esme in opened:
        esme.close()
