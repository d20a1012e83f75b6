"""The process around the SMSC: its HTTP side, its start and its end."""

import http.client
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable

import pytest

from simulators.client import ROOT, Http, Refused
from simulators.smsc.testing import Smsc, running
from tests.integration.simulators.esme import BIND_TRANSMITTER, UNBIND, Esme

Connect = Callable[..., Esme]


def get(url: str) -> tuple[int, str, str]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.headers["Content-Type"], answer.read().decode()


def test_health_readiness_and_metrics_are_there(connect: Connect, smsc: Smsc) -> None:
    esme = connect()
    esme.submit()
    esme.read_many(2)
    assert get(f"{smsc.url}/healthz")[0] == 200
    assert get(f"{smsc.url}/readyz")[0] == 200
    _, kind, text = get(f"{smsc.url}/metrics")
    assert kind.startswith("text/plain")
    assert 'keryx_smsc_submits_total{status="ESME_ROK"} 1' in text
    assert 'keryx_smsc_receipts_total{state="DELIVRD"} 1' in text
    assert "keryx_smsc_binds 1" in text


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("DELETE", "/stats", None, 405),
        ("GET", "/received.ndjson?since=-1", None, 422),
        ("GET", "/wait", None, 422),
        ("GET", "/wait?weather=1", None, 422),
        ("POST", "/mo", {"from": "1"}, 422),
        ("POST", "/mo", {"from": "1", "to": "2", "text": 3}, 422),
        ("POST", "/mo", {"from": "1", "to": "2", "text": "x", "system_id": "nobody"}, 422),
        ("POST", "/mo", {"from": "1", "to": "2", "text": "ά", "encoding": "gsm"}, 422),
        ("POST", "/faults", [1], 400),
    ],
)
def test_a_bad_request_gets_a_clear_error(
    smsc: Smsc, method: str, path: str, body: object, status: int
) -> None:
    with pytest.raises(Refused) as refusal:
        Http(smsc.host, int(smsc.url.rsplit(":", 1)[1])).call(method, path, body)
    assert refusal.value.status == status
    assert '"code"' in refusal.value.body


def test_waiting_ends_when_the_condition_holds(connect: Connect, smsc: Smsc) -> None:
    esme = connect(BIND_TRANSMITTER)
    seen: list[dict[str, object]] = []
    waiter = threading.Thread(target=lambda: seen.append(smsc.wait(submits=2, rok=2)))
    waiter.start()
    for number in range(2):
        esme.submit(number)
    waiter.join(10)
    assert seen[0]["held"] is True
    assert seen[0]["submits"] == 2


def test_waiting_ends_when_time_runs_out(smsc: Smsc) -> None:
    with pytest.raises(AssertionError, match="waited"):
        smsc.wait(submits=1, timeout=0.1)


def test_readers_that_leave_early_do_no_harm(connect: Connect, smsc: Smsc) -> None:
    esme = connect(BIND_TRANSMITTER)
    for number in range(2000):
        esme.submit(number, registered=0)
    esme.read_many(2000)
    for _ in range(3):
        reader = http.client.HTTPConnection(smsc.host, int(smsc.url.rsplit(":", 1)[1]), timeout=10)
        reader.request("GET", "/received.ndjson")
        reader.getresponse().read(100)
        reader.close()
    assert sum(1 for _ in smsc.received()) == 2000


def test_sigterm_unbinds_and_ends_cleanly() -> None:
    with running() as smsc:
        esme = Esme(smsc.address)
        esme.bind()
        os.kill(smsc.pid, signal.SIGTERM)
        assert esme.read().command == UNBIND
        with pytest.raises(EOFError):
            esme.read()
        esme.close()


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"KERYX_SMSC_PORT": "many"}, "KERYX_SMSC_PORT must be a whole number"),
        ({"KERYX_SMSC_PRESET": "weekend"}, "KERYX_SMSC_PRESET"),
        ({"KERYX_SMSC_PASSWORD": "far-too-long"}, "at most 8"),
    ],
)
def test_a_wrong_setting_is_one_clear_sentence(environment: dict[str, str], says: str) -> None:
    status, error = start("simulators.smsc", environment)
    assert status == 1
    assert says in error
    assert error.count("\n") == 1


def test_a_taken_port_is_one_clear_sentence(smsc: Smsc) -> None:
    status, error = start("simulators.smsc", {"KERYX_SMSC_PORT": str(smsc.port)})
    assert status == 1
    assert f"Cannot listen on 127.0.0.1:{smsc.port}" in error
    assert "set KERYX_SMSC_PORT to another" in error


def test_a_full_store_refuses_rather_than_forgets() -> None:
    with running(keep=2) as smsc:
        esme = Esme(smsc.address)
        esme.bind(BIND_TRANSMITTER)
        for number in range(3):
            esme.submit(number)
        assert [pdu.status for pdu in esme.read_many(3)] == [0, 0, 0x14]
        esme.close()


def start(module: str, environment: dict[str, str]) -> tuple[int, str]:
    """Exit status and standard error of a process that must not stay."""
    ended = subprocess.run(
        [sys.executable, "-m", module], env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stderr
