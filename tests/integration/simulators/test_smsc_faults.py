"""Each named misbehaviour happens as told, and the SMSC keeps true books of it."""

import socket
import time
from collections.abc import Callable

import pytest

from simulators.client import Refused
from simulators.smsc.testing import Smsc
from tests.integration.simulators.esme import (
    BIND_TRANSMITTER,
    ENQUIRE_LINK,
    ENQUIRE_LINK_RESP,
    SUBMIT_SM_RESP,
    Esme,
)

Connect = Callable[..., Esme]
ROK, THROTTLED = 0, 0x58


def answers(smsc: Smsc) -> list[str]:
    return [line["answer"] for line in smsc.received()]


def test_dropped_responses_never_come_and_are_not_counted_as_answered(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(drop={"next": 2})
    esme = connect(BIND_TRANSMITTER)
    sequences = [esme.submit(number) for number in range(3)]
    assert esme.read().sequence == sequences[2]
    assert answers(smsc) == ["dropped", "dropped", "sent"]
    stats = smsc.stats()
    assert (stats["accepted"], stats["rok"], stats["rok_dropped"], stats["distinct"]) == (3, 1, 2, 1)
    assert smsc.faults()["drop"]["next"] == 0


def test_half_a_response_is_followed_by_the_rest(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(half={"next": 1, "delay_ms": 1000})
    esme = connect(BIND_TRANSMITTER)
    esme.submit(1)
    esme.submit(2)
    first = esme.socket.recv(100)
    assert 8 < len(first) < 24
    assert answers(smsc)[0] == "waiting"
    esme._buffer = first
    assert [pdu.command for pdu in esme.read_many(2)] == [SUBMIT_SM_RESP] * 2
    assert answers(smsc) == ["sent", "sent"]


def test_half_a_response_may_be_all_there_is(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(half={"next": 1, "delay_ms": None})
    esme = connect(BIND_TRANSMITTER)
    esme.submit(1)
    assert not esme.silent_for(5)
    esme.send(ENQUIRE_LINK)
    assert esme.silent_for(0.3)
    esme.close()
    smsc.wait(lost=1)
    assert answers(smsc) == ["lost"]


def test_the_connection_ends_at_the_nth_submit_which_is_taken_but_not_answered(
    connect: Connect, smsc: Smsc
) -> None:
    smsc.faults(disconnect={"after_submits": 3})
    esme = connect(BIND_TRANSMITTER)
    for number in range(3):
        esme.submit(number)
    esme.read_many(2)
    with pytest.raises(EOFError) as end:
        esme.read()
    assert end.value.args == (b"",)
    assert answers(smsc) == ["sent", "sent", "lost"]
    again = connect(BIND_TRANSMITTER)
    again.submit(9)
    assert again.read().status == ROK


def test_the_connection_may_end_in_the_middle_of_a_pdu(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(disconnect={"after_submits": 1, "mid_pdu": True})
    esme = connect(BIND_TRANSMITTER)
    esme.submit()
    with pytest.raises(EOFError) as end:
        esme.read()
    assert 8 < len(end.value.args[0]) < 24
    assert smsc.stats()["rok_lost"] == 1


def test_all_connections_end_at_once_when_told(connect: Connect, smsc: Smsc) -> None:
    esmes = [connect(), connect(BIND_TRANSMITTER)]
    smsc.faults(disconnect={"now": True})
    for esme in esmes:
        with pytest.raises(EOFError):
            esme.read()
    assert smsc.faults()["disconnect"]["now"] is False


def test_silence_is_followed_by_late_answers(connect: Connect, smsc: Smsc) -> None:
    esme = connect(BIND_TRANSMITTER)
    smsc.faults(silent={"for_s": 0.6})
    started = time.monotonic()
    esme.submit()
    esme.send(ENQUIRE_LINK)
    newcomer = Esme(smsc.address)
    assert [pdu.command for pdu in esme.read_many(2)] == [SUBMIT_SM_RESP, ENQUIRE_LINK_RESP]
    assert time.monotonic() - started > 0.5
    assert newcomer.bind().status == ROK
    newcomer.close()
    assert answers(smsc) == ["sent"]


def test_silence_may_swallow_the_answers(connect: Connect, smsc: Smsc) -> None:
    esme = connect(BIND_TRANSMITTER)
    smsc.faults(silent={"for_s": 1, "then": "drop"})
    esme.submit(1)
    smsc.wait(dropped=1)
    assert esme.silent_for(1.2)
    sequence = esme.submit(2)
    assert esme.read().sequence == sequence
    assert answers(smsc) == ["dropped", "sent"]


def test_a_burst_of_throttling_ends(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(throttle={"every_n": 10, "burst": 2})
    esme = connect(BIND_TRANSMITTER)
    for number in range(10):
        esme.submit(number)
    assert [pdu.status for pdu in esme.read_many(10)] == [ROK] * 5 + [THROTTLED] * 2 + [ROK] * 3
    assert smsc.stats()["throttled"] == 2


def test_parts_above_the_agreed_rate_are_throttled(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(parts_per_second=5)
    esme = connect(BIND_TRANSMITTER)
    for number in range(10):
        esme.submit(number)
    statuses = [pdu.status for pdu in esme.read_many(10)]
    assert statuses[:5] == [ROK] * 5
    assert THROTTLED in statuses


def test_errors_are_answered_by_status(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(errors={"ESME_RMSGQFUL": 1}, error_times=1, seed=1)
    esme = connect(BIND_TRANSMITTER)
    esme.submit(1)
    esme.submit(1)
    assert [pdu.status for pdu in esme.read_many(2)] == [0x14, ROK]


def test_responses_can_be_late_and_out_of_order(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(latency_ms={"min": 20, "max": 200}, seed=3)
    esme = connect(BIND_TRANSMITTER)
    sequences = [esme.submit(number) for number in range(50)]
    answered = [pdu.sequence for pdu in esme.read_many(50)]
    assert sorted(answered) == sequences
    assert answered != sequences


def test_binds_can_be_refused(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(refuse_binds="ESME_RBINDFAIL")
    esme = connect(None)
    assert esme.bind().status == 0x0D
    smsc.faults(refuse_binds="")
    assert esme.bind().status == ROK


def test_a_client_that_does_not_read_loses_its_answers_but_not_the_books(
    connect: Connect, smsc: Smsc
) -> None:
    esme = connect(BIND_TRANSMITTER)
    esme.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    smsc.faults(silent={"for_s": 60})
    for number in range(5):
        esme.submit(number)
    smsc.wait(submits=5)
    esme.close()
    smsc.wait(lost=5)
    stats = smsc.stats()
    assert (stats["accepted"], stats["rok"], stats["rok_lost"], stats["distinct"]) == (5, 0, 5, 0)
    smsc.faults(silent={"for_s": 0.001})


@pytest.mark.parametrize("changes", [{"nonsense": 1}, {"drop": {"rate": 7}}, {"preset": "weekend"}])
def test_faults_that_do_not_exist_are_refused_and_change_nothing(
    smsc: Smsc, changes: dict[str, object]
) -> None:
    before = smsc.faults()
    with pytest.raises(Refused) as refusal:
        smsc.faults(**changes)
    assert refusal.value.status == 422
    assert smsc.faults() == before
