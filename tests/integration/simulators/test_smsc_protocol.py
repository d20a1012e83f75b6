"""The SMSC speaks SMPP 3.4 as an operator does."""

import struct
from collections.abc import Callable

import pytest

from simulators.smsc.testing import Smsc
from tests.integration.simulators.esme import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    DELIVER_SM,
    DELIVER_SM_RESP,
    ENQUIRE_LINK,
    ENQUIRE_LINK_RESP,
    GENERIC_NACK,
    SUBMIT_SM,
    SUBMIT_SM_RESP,
    UNBIND,
    UNBIND_RESP,
    Esme,
    Pdu,
)

Connect = Callable[..., Esme]


def identifier(response: Pdu) -> bytes:
    assert (response.command, response.status) == (SUBMIT_SM_RESP, 0)
    return response.body.rstrip(b"\0")


@pytest.mark.parametrize("command", [BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER])
def test_each_kind_of_bind_is_answered_with_the_version(connect: Connect, command: int) -> None:
    answer = connect(None).bind(command)
    assert (answer.command, answer.status) == (command | 0x80000000, 0)
    assert answer.body == b"keryx-smsc\0\x02\x10\0\x01\x34"


@pytest.mark.parametrize(
    ("system_id", "password", "status"),
    [("keryx", "wrong", 0x0E), ("nobody", "secret", 0x0F), ("keryx", "", 0x0E)],
)
def test_wrong_credentials_are_named_and_leave_the_connection_unbound(
    connect: Connect, smsc: Smsc, system_id: str, password: str, status: int
) -> None:
    esme = connect(None)
    assert esme.bind(BIND_TRANSCEIVER, system_id, password).status == status
    esme.submit()
    assert esme.read().status == 0x04
    assert smsc.stats()["refused"] == {"ESME_RINVBNDSTS": 1}
    assert esme.bind().status == 0


def test_a_second_bind_on_a_connection_is_refused(connect: Connect) -> None:
    assert connect().bind().status == 0x05


def test_a_receiver_may_not_submit_and_a_transmitter_gets_no_receipts(connect: Connect, smsc: Smsc) -> None:
    receiver = connect(BIND_RECEIVER)
    receiver.submit()
    assert receiver.read().status == 0x04
    transmitter = connect(BIND_TRANSMITTER)
    transmitter.submit(1)
    assert identifier(transmitter.read())
    assert receiver.read().command == DELIVER_SM
    assert smsc.stats()["binds"][1]["kind"] == "transmitter"


def test_the_link_is_alive_before_and_after_the_bind(connect: Connect) -> None:
    esme = connect(None)
    for _ in range(2):
        sequence = esme.send(ENQUIRE_LINK)
        assert esme.read() == (ENQUIRE_LINK_RESP, 0, sequence, b"")
        esme.bind()


def test_unbind_is_answered_and_ends_the_connection(connect: Connect, smsc: Smsc) -> None:
    esme = connect()
    sequence = esme.send(UNBIND)
    assert esme.read() == (UNBIND_RESP, 0, sequence, b"")
    with pytest.raises(EOFError):
        esme.read()
    smsc.wait(binds=0)


def test_an_unknown_command_gets_a_generic_nack_and_an_unasked_response_nothing(connect: Connect) -> None:
    esme = connect()
    sequence = esme.send(0x00000103, b"data_sm")
    assert esme.read() == (GENERIC_NACK, 0x03, sequence, b"")
    esme.send(DELIVER_SM_RESP, b"\0", sequence=99)
    esme.send(0x80000103)
    assert esme.send(ENQUIRE_LINK) == esme.read().sequence


@pytest.mark.parametrize("length", [0, 15, 70_001, 0xFFFFFFFF])
def test_an_impossible_length_ends_the_connection_after_a_nack(
    connect: Connect, smsc: Smsc, length: int
) -> None:
    esme = connect()
    esme.socket.sendall(struct.pack(">IIII", length, SUBMIT_SM, 0, 9) + b"x" * 100)
    nack = esme.read()
    assert (nack.command, nack.status) == (GENERIC_NACK, 0x02)
    smsc.wait(binds=0)
    assert smsc.stats()["malformed"] == 1


def test_octets_may_come_in_any_pieces(connect: Connect, smsc: Smsc) -> None:
    esme, body = connect(), b"\0\x05\0KERYX\0\x01\x01306941234567\0\0\0\0\0\0\0\0\0\0\x02hi"
    whole = struct.pack(">IIII", 16 + len(body), SUBMIT_SM, 0, 7) + body
    for octet in whole * 3:
        esme.socket.sendall(bytes((octet,)))
    assert [identifier(esme.read()) != b"" for _ in range(3)] == [True] * 3
    assert smsc.stats()["duplicates"] == 2


def test_a_refused_message_has_no_id_and_is_kept_with_its_status(connect: Connect, smsc: Smsc) -> None:
    esme = connect()
    esme.submit(to=b"12")
    assert esme.read()[1:] == (0x0B, 2, b"")
    (line,) = smsc.received()
    assert (line["status"], line["id"], line["answer"]) == ("ESME_RINVDSTADR", None, "sent")


def test_what_was_received_can_be_read_raw_decoded_and_from_any_point(connect: Connect, smsc: Smsc) -> None:
    esme = connect()
    for number in range(600):
        esme.submit(number, registered=0)
    ids = [identifier(response).decode() for response in esme.read_many(600)]
    lines = list(smsc.received())
    assert [line["id"] for line in lines] == ids
    assert [line["n"] for line in lines] == list(range(1, 601))
    assert (lines[5]["from"], lines[5]["to"], lines[5]["text"]) == ("KERYX", "306900000005", "kalimera")
    assert bytes.fromhex(lines[5]["raw"]).endswith(b"\x08kalimera")
    assert (lines[5]["system_id"], lines[5]["answer"]) == ("keryx", "sent")
    assert [line["n"] for line in smsc.received(since=598)] == [599, 600]
    assert len(smsc.messages()) == 600
    stats = smsc.stats()
    assert (stats["distinct"], stats["rok"], stats["duplicates"]) == (600, 600, 0)


def test_a_reset_forgets_all_but_the_binds(connect: Connect, smsc: Smsc) -> None:
    esme = connect()
    esme.submit()
    esme.read_many(2)
    smsc.reset()
    stats = smsc.stats()
    assert (stats["submits"], stats["distinct"], stats["receipts"]["made"]) == (0, 0, 0)
    assert len(stats["binds"]) == 1
    assert list(smsc.received()) == []
    esme.submit()
    assert identifier(esme.read())


@pytest.mark.parametrize(
    ("form", "same"), [("decimal", True), ("random", True), ("sequential", True), ("hex", False)]
)
def test_ids_come_in_the_operator_s_form(connect: Connect, smsc: Smsc, form: str, same: bool) -> None:
    smsc.faults(message_id=form, seed=5)
    esme = connect()
    esme.submit()
    response, receipt = esme.read_many(2)
    in_receipt = receipt.body.split(b"id:")[1].split(b" ")[0]
    assert (identifier(response) == in_receipt) is same
    assert int(identifier(response), 10 if same else 16) == int(in_receipt)


def test_sequential_ids_start_over(connect: Connect, smsc: Smsc) -> None:
    smsc.faults(message_id="sequential")
    esme = connect()
    for _ in range(2):
        esme.submit(registered=0)
        assert identifier(esme.read()) == b"1"
        smsc.reset()
