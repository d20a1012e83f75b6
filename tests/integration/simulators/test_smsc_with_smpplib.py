"""An independent client, smpplib, gets along with the SMSC."""

import smpplib.client
import smpplib.consts
import smpplib.gsm
import smpplib.pdu

from simulators.smsc.testing import Smsc

TEXT = "Αγαπητέ Κώστα, η προσφορά ισχύει μέχρι την Κυριακή. " * 3


def test_a_greek_message_goes_out_in_parts_and_its_receipts_come_back(smsc: Smsc) -> None:
    client = smpplib.client.Client(*smsc.address, allow_unknown_opt_params=True)
    sent: list[bytes] = []
    receipts: list[smpplib.pdu.PDU] = []
    client.set_message_sent_handler(lambda pdu: sent.append(pdu.message_id))
    client.set_message_received_handler(lambda pdu: receipts.append(pdu))
    client.connect()
    client.bind_transceiver(system_id="keryx", password="secret")
    parts, coding, message_type = smpplib.gsm.make_parts(TEXT)
    for part in parts:
        client.send_message(
            source_addr_ton=smpplib.consts.SMPP_TON_ALNUM, source_addr="KERYX",
            dest_addr_ton=smpplib.consts.SMPP_TON_INTL, dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
            destination_addr="306941234567", short_message=part, data_coding=coding,
            esm_class=message_type, registered_delivery=True,
        )  # fmt: skip
    while len(sent) < len(parts) or len(receipts) < len(parts):
        client.read_once()
    smsc.wait(receipts_answered=len(parts))
    client.unbind()
    client.disconnect()

    (message,) = smsc.messages()
    assert (message.source, message.destination, message.text) == ("KERYX", "306941234567", TEXT)
    assert [each.encode() for each in message.ids] == sent
    assert {pdu.receipted_message_id for pdu in receipts} == set(sent)
    assert {pdu.message_state for pdu in receipts} == {smpplib.consts.SMPP_MESSAGE_STATE_DELIVERED}
    assert {pdu.source_addr for pdu in receipts} == {b"306941234567"}


def test_errors_reach_smpplib_as_the_statuses_they_are(smsc: Smsc) -> None:
    smsc.faults(errors={"ESME_RINVDSTADR": 1})
    client = smpplib.client.Client(*smsc.address, allow_unknown_opt_params=True)
    statuses: list[int] = []
    client.set_error_pdu_handler(lambda pdu: statuses.append(pdu.status))
    client.connect()
    client.bind_transmitter(system_id="keryx", password="secret")
    client.send_message(source_addr_ton=5, source_addr="KERYX", dest_addr_ton=1, dest_addr_npi=1,
                        destination_addr="306941234567", short_message=b"hi")  # fmt: skip
    client.read_once()
    assert statuses == [smpplib.consts.SMPP_ESME_RINVDSTADR]
    client.disconnect()
