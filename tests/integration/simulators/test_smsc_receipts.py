"""Receipts: asked for, windowed, kept while nobody is there, given again when not answered."""

from collections.abc import Callable

from simulators.smsc.testing import Smsc
from tests.integration.simulators.esme import (
    BIND_RECEIVER,
    BIND_TRANSMITTER,
    DELIVER_SM,
    ENQUIRE_LINK,
    SUBMIT_SM_RESP,
    Esme,
    Pdu,
)

Connect = Callable[..., Esme]


def receipt_id(receipt: Pdu) -> str:
    assert receipt.command == DELIVER_SM
    return receipt.body.split(b"id:")[1].split(b" ")[0].decode()


def test_a_receipt_is_sent_when_asked_for_and_its_answer_booked(connect: Connect, smsc: Smsc) -> None:
    esme = connect()
    esme.submit(1, registered=0)
    esme.submit(2, registered=1)
    esme.submit(3, registered=2)  # failures only: all is delivered here
    (_, second, _), (receipt,) = esme.read_sorted(3, 1)
    assert receipt_id(receipt) == second.body.rstrip(b"\0").decode()
    esme.answer(receipt)
    smsc.wait(receipts_answered=1)
    (line,) = smsc.receipts()
    assert (line["id"], line["stat"], line["answered_status"]) == (receipt_id(receipt), "DELIVRD", 0)
    assert line["submit"] == 2
    assert line["sent"] <= line["answered"]


def test_failures_are_reported_to_those_who_ask_for_failures(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(receipts={"outcomes": {"UNDELIV": 1}, "errors": {"UNDELIV": ["027"]}})
    esme = connect()
    esme.submit(1, registered=2)
    _, receipt = esme.read_many(2)
    assert b"stat:UNDELIV err:027" in receipt.body


def test_no_more_than_a_window_of_receipts_is_unanswered(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(receipts={"window": 3})
    esme = connect()
    for number in range(10):
        esme.submit(number)
    _, first = esme.read_sorted(10, 3)
    assert esme.silent_for(0.3)
    assert smsc.stats()["receipts"]["pending"] == 10
    assert smsc.stats()["receipts"]["by_state"] == {
        "DELIVRD": {"made": 10, "sent": 3, "answered": 0, "pending": 10}
    }
    for receipt in first[:2]:
        esme.answer(receipt)
    assert [each.command for each in esme.read_many(2)] == [DELIVER_SM] * 2
    assert esme.silent_for(0.3)


def test_receipts_wait_while_nobody_can_take_them(connect: Connect, smsc: Smsc) -> None:
    transmitter = connect(BIND_TRANSMITTER)
    for number in range(5):
        transmitter.submit(number)
    ids = [pdu.body.rstrip(b"\0").decode() for pdu in transmitter.read_many(5)]
    assert smsc.stats()["receipts"]["sent"] == 0
    receiver = connect(BIND_RECEIVER)
    assert [receipt_id(pdu) for pdu in receiver.read_many(5)] == ids


def test_receipts_of_one_login_never_reach_another(connect: Connect) -> None:
    other = connect(system_id="second")
    esme = connect()
    esme.submit()
    assert [pdu.command for pdu in esme.read_many(2)] == [SUBMIT_SM_RESP, DELIVER_SM]
    assert other.silent_for(0.2)


def test_receipts_are_shared_over_the_binds(connect: Connect, smsc: Smsc) -> None:
    one, two, transmitter = connect(BIND_RECEIVER), connect(BIND_RECEIVER), connect(BIND_TRANSMITTER)
    smsc.faults(receipts={"paused": True})
    for number in range(20):
        transmitter.submit(number)
    ids = {pdu.body.rstrip(b"\0").decode() for pdu in transmitter.read_many(20)}
    smsc.faults(receipts={"paused": False})
    assert {receipt_id(pdu) for pdu in one.read_many(10) + two.read_many(10)} == ids


def test_what_a_lost_bind_had_not_answered_goes_to_the_next_in_order(connect: Connect, smsc: Smsc) -> None:
    first = connect()
    for number in range(4):
        first.submit(number)
    _, receipts = first.read_sorted(4, 4)
    ids = [receipt_id(pdu) for pdu in receipts]
    first.answer(receipts[0])
    smsc.wait(receipts_answered=1)
    first.close()
    second = connect(BIND_RECEIVER)
    again = second.read_many(3)
    assert [receipt_id(pdu) for pdu in again] == ids[1:]
    for receipt in again:
        second.answer(receipt)
    stats = smsc.wait(receipts_answered=4)
    assert stats["receipts_pending"] == 0
    assert smsc.stats()["receipts"]["resent"] == 3


def test_not_now_is_tried_again_and_never_is_not(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(receipts={"retry_ms": 10})
    esme = connect()
    esme.submit()
    _, receipt = esme.read_many(2)
    esme.answer(receipt, status=0x64)
    again = esme.read()
    assert receipt_id(again) == receipt_id(receipt)
    assert again.sequence != receipt.sequence
    esme.answer(again, status=0x65)
    smsc.wait(receipts_pending=0)
    stats = smsc.stats()["receipts"]
    assert (stats["sent"], stats["resent"], stats["refused"], stats["answered"]) == (1, 1, 1, 0)


def test_a_receipt_nobody_answers_is_given_again_after_a_while(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(receipts={"timeout_s": 0.5})
    esme = connect()
    esme.submit()
    _, receipt = esme.read_many(2)
    assert receipt_id(esme.read()) == receipt_id(receipt)


def test_a_receipt_may_come_before_its_response(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(receipts={"early": 1, "early_by_ms": 20})
    esme = connect()
    esme.submit()
    receipt, response = esme.read_many(2)
    assert (receipt.command, response.command) == (DELIVER_SM, SUBMIT_SM_RESP)
    assert receipt_id(receipt) == response.body.rstrip(b"\0").decode()
    assert smsc.stats()["receipts"]["early"] == 1


def test_a_receipt_may_come_twice(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(receipts={"duplicate": 1})
    esme = connect()
    esme.submit()
    _, receipt = esme.read_many(2)
    esme.answer(receipt)
    copy = esme.read()
    assert receipt_id(copy) == receipt_id(receipt)
    esme.answer(copy)
    esme.send(ENQUIRE_LINK)
    esme.read()
    stats = smsc.stats()["receipts"]
    assert (stats["made"], stats["sent"], stats["answered"], stats["duplicated"]) == (1, 1, 1, 1)


def test_receipts_can_be_slow(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(receipts={"delay_ms": {"min": 300, "max": 300}})
    esme = connect()
    esme.submit()
    esme.read_many(2)
    (line,) = smsc.receipts()
    (submit,) = smsc.received()
    assert 0.29 < line["sent"] - submit["time"] < 5


def test_outcomes_follow_the_mix_the_same_way_each_time_with_a_seed(connect: Connect, smsc: Smsc) -> None:
    def run() -> dict[str, str]:
        smsc.reset()
        smsc.faults(preset="operator", seed=11, receipts={"delay_ms": {"max": 0}}, throttle={"every_n": 0})
        esme = connect(BIND_TRANSMITTER)
        for number in range(400):
            esme.submit(number)
        esme.read_many(400)
        numbers = {line["n"]: line["to"] for line in smsc.received()}
        return {numbers[line["submit"]]: line["stat"] for line in smsc.receipts()}

    first = run()
    assert first == run()
    assert 0 < sum(1 for stat in first.values() if stat != "DELIVRD") < 60


def test_an_inbound_message_reaches_a_bind_in_parts_when_long(connect: Connect, smsc: Smsc) -> None:
    assert smsc.inbound("306941234567", "54555", "ΣΤΟΠ") == 1
    esme = connect(BIND_RECEIVER)
    (message,) = esme.read_many(1)
    assert message.body.endswith(b"\x08" + "ΣΤΟΠ".encode("utf-16-be"))
    esme.answer(message)
    smsc.wait(mo_answered=1)
    assert smsc.inbound("306941234567", "54555", "a" * 161) == 2
    assert len(esme.read_many(2)) == 2
