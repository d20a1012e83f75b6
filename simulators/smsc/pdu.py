"""The words of SMPP 3.4 and the PDUs the SMSC writes, packed by hand.

Section numbers are those of the SMPP Protocol Specification v3.4, issue 1.2.
"""

import struct

HEADER = struct.Struct(">IIII")  # command_length, command_id, command_status, sequence_number (§3.2)
HEADER_SIZE = 16
MAX_PDU = 70_000  # a message_payload may hold 64 KiB; anything longer is not a PDU
RESPONSE = 0x80000000

# command_id, §5.1.2.1
GENERIC_NACK = 0x80000000
BIND_RECEIVER = 0x00000001
BIND_TRANSMITTER = 0x00000002
SUBMIT_SM = 0x00000004
SUBMIT_SM_RESP = 0x80000004
DELIVER_SM = 0x00000005
DELIVER_SM_RESP = 0x80000005
UNBIND = 0x00000006
UNBIND_RESP = 0x80000006
BIND_TRANSCEIVER = 0x00000009
ENQUIRE_LINK = 0x00000015
ENQUIRE_LINK_RESP = 0x80000015

BINDS = {BIND_RECEIVER: "receiver", BIND_TRANSMITTER: "transmitter", BIND_TRANSCEIVER: "transceiver"}

# command_status, §5.1.3; ESME_RINVDCS is of SMPP 5.0, which operators answer on 3.4 binds as well.
STATUS = {
    "ESME_ROK": 0x00,
    "ESME_RINVMSGLEN": 0x01,
    "ESME_RINVCMDLEN": 0x02,
    "ESME_RINVCMDID": 0x03,
    "ESME_RINVBNDSTS": 0x04,
    "ESME_RALYBND": 0x05,
    "ESME_RINVPRTFLG": 0x06,
    "ESME_RINVREGDLVFLG": 0x07,
    "ESME_RSYSERR": 0x08,
    "ESME_RINVSRCADR": 0x0A,
    "ESME_RINVDSTADR": 0x0B,
    "ESME_RINVMSGID": 0x0C,
    "ESME_RBINDFAIL": 0x0D,
    "ESME_RINVPASWD": 0x0E,
    "ESME_RINVSYSID": 0x0F,
    "ESME_RMSGQFUL": 0x14,
    "ESME_RINVSERTYP": 0x15,
    "ESME_RINVESMCLASS": 0x43,
    "ESME_RSUBMITFAIL": 0x45,
    "ESME_RINVSRCTON": 0x48,
    "ESME_RINVSRCNPI": 0x49,
    "ESME_RINVDSTTON": 0x50,
    "ESME_RINVDSTNPI": 0x51,
    "ESME_RTHROTTLED": 0x58,
    "ESME_RINVSCHED": 0x61,
    "ESME_RINVEXPIRY": 0x62,
    "ESME_RX_T_APPN": 0x64,
    "ESME_RX_P_APPN": 0x65,
    "ESME_RX_R_APPN": 0x66,
    "ESME_RINVOPTPARSTREAM": 0xC0,
    "ESME_ROPTPARNOTALLWD": 0xC1,
    "ESME_RINVPARLEN": 0xC2,
    "ESME_RMISSINGOPTPARAM": 0xC3,
    "ESME_RINVOPTPARAMVAL": 0xC4,
    "ESME_RDELIVERYFAILURE": 0xFE,
    "ESME_RUNKNOWNERR": 0xFF,
    "ESME_RINVDCS": 0x104,
}
STATUS_NAMES = {code: name for name, code in STATUS.items()}
# Answers to a deliver_sm that mean "not now": the SMSC tries that receipt again.
PASSING = frozenset(
    STATUS[name]
    for name in ("ESME_RSYSERR", "ESME_RMSGQFUL", "ESME_RTHROTTLED", "ESME_RX_T_APPN", "ESME_RSUBMITFAIL")
)

# message_state and receipt words, §5.2.28 and appendix B
STATES = {
    "ENROUTE": 1,
    "DELIVRD": 2,
    "EXPIRED": 3,
    "DELETED": 4,
    "UNDELIV": 5,
    "ACCEPTD": 6,
    "UNKNOWN": 7,
    "REJECTD": 8,
}

# optional parameters, §5.3.2
SAR_MSG_REF_NUM = 0x020C
SAR_TOTAL_SEGMENTS = 0x020E
SAR_SEGMENT_SEQNUM = 0x020F
SC_INTERFACE_VERSION = 0x0210
MESSAGE_PAYLOAD = 0x0424
NETWORK_ERROR_CODE = 0x0423
MESSAGE_STATE = 0x0427
RECEIPTED_MESSAGE_ID = 0x001E

UDHI = 0x40  # esm_class: the short message starts with a user data header, §5.2.12
RECEIPT = 0x04  # esm_class: this deliver_sm is an SMSC delivery receipt
UCS2 = 0x08


def status_name(code: int) -> str:
    """ESME_… of a command_status, or its hex when the specification has no name for it."""
    return STATUS_NAMES.get(code) or f"0x{code:08X}"


def pdu(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    """A whole PDU."""
    return HEADER.pack(HEADER_SIZE + len(body), command, status, sequence) + body


def tlv(tag: int, value: bytes) -> bytes:
    """One optional parameter."""
    return struct.pack(">HH", tag, len(value)) + value


def bind_answer(system_id: bytes) -> bytes:
    """Body of an accepted bind's response: who answers, and that it speaks version 3.4 (§4.1.2)."""
    return system_id + b"\0" + tlv(SC_INTERFACE_VERSION, b"\x34")


def deliver_body(source: bytes, destination: bytes, esm_class: int, coding: int, message: bytes) -> bytes:
    """Body of a deliver_sm (§4.6.1) up to its optional parameters.

    Addresses come with their TON and NPI octets in front. service_type is empty: a longer one than five
    characters made Kannel misread the whole PDU and lose every receipt.
    """
    return b"\0%s\0%s\0%c\0\0\0\0\0\0%c\0%c%s" % (
        source, destination, esm_class, coding, len(message), message,
    )  # fmt: skip


def first_string(body: bytes, start: int = 0) -> tuple[bytes, int]:
    """A C-octet string and the offset behind it; raises ValueError when it does not end."""
    end = body.index(b"\0", start)
    return body[start:end], end + 1
