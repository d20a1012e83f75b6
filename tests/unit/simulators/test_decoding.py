"""What the operator got can be read back, apart from Keryx's own code."""

from simulators.smsc import decode, gsm, pdu


def submit(
    message: bytes, coding: int = 0, esm: int = 0, optional: bytes = b"", to: bytes = b"306941234567"
) -> bytes:
    head = b"\0\x05\0KERYX\0\x01\x01" + to + b"\0" + bytes((esm, 0, 0, 0, 0, 1, 0, coding, 0))
    return pdu.pdu(pdu.SUBMIT_SM, 0, 1, head + bytes((len(message),)) + message + optional)


def test_the_alphabet_has_its_characters_where_the_standard_puts_them() -> None:
    assert len(gsm.TABLE) == 128
    assert gsm.decode(bytes((0x00, 0x10, 0x12, 0x18, 0x1A, 0x24, 0x40, 0x5B, 0x60, 0x7F))) == "@ΔΦΣΞ¤¡Ä¿à"
    assert gsm.decode(b"\x1b\x65 \x1b\x3c\x1b\x3e") == "€ []"


def test_odd_escapes_decode_as_the_standard_says() -> None:
    assert gsm.decode(b"\x1b\x41") == "A"
    assert gsm.decode(b"\x1b\x1b") == " "
    assert gsm.decode(b"a\x1b") == "a\ufffd"
    assert gsm.decode(b"\xe1") == "\ufffd"


def test_every_character_survives_both_ways() -> None:
    text = gsm.TABLE.replace("\x1b", "") + "".join(gsm.EXTENSION.values())
    septets = gsm.encode(text)
    assert septets is not None
    assert gsm.decode(b"".join(septets)) == text
    assert gsm.encode("ά") is None


def test_texts_of_each_coding() -> None:
    assert decode.submit(submit(b"EY\x02K")).text == "EY$K"
    assert decode.submit(submit("Αγαπητέ 😀".encode("utf-16-be"), 8)).text == "Αγαπητέ 😀"
    assert decode.submit(submit(b"\xe9", 3)).text == "é"
    assert decode.submit(submit(b"\x01\x02", 4)).text == "0102"


def test_parts_are_told_by_header_or_sar_parameters() -> None:
    short = decode.submit(submit(b"\x05\x00\x03\x2a\x03\x02abc", esm=0x40))
    assert (short.reference, short.part, short.parts, short.text) == (0x2A, 2, 3, "abc")
    wide = decode.submit(submit(b"\x06\x08\x04\x01\x02\x02\x01abc", esm=0x40))
    assert (wide.reference, wide.part, wide.parts) == (0x0102, 1, 2)
    sar = pdu.tlv(0x020C, b"\0\x07") + pdu.tlv(0x020E, b"\x02") + pdu.tlv(0x020F, b"\x02")
    assert decode.submit(submit(b"abc", optional=sar)).part == 2
    payload = decode.submit(submit(b"", optional=pdu.tlv(pdu.MESSAGE_PAYLOAD, b"long")))
    assert (payload.text, payload.parts) == ("long", 1)


def line(
    n: int, text: str, part: int, parts: int, to: str = "306941234567", **more: object
) -> dict[str, object]:
    return {
        "n": n, "id": str(n), "command_status": 0, "answer": "sent", "from": "KERYX", "to": to,
        "text": text, "reference": 1, "part": part, "parts": parts, **more,
    }  # fmt: skip


def test_messages_are_put_together_in_order_whatever_the_order_of_arrival() -> None:
    lines = [line(1, "lo ", 2, 3), line(2, "hel", 1, 3), line(3, "one", 1, 1), line(4, "you", 3, 3)]
    assert [(each.text, each.ids) for each in decode.messages(lines)] == [
        ("one", ("3",)),
        ("hello you", ("2", "1", "4")),
    ]


def test_a_message_sent_twice_shows_twice_and_a_missing_part_shows_as_a_short_text() -> None:
    twice = [line(1, "a", 1, 2), line(2, "a", 1, 2), line(3, "b", 2, 2), line(4, "b", 2, 2)]
    assert [each.text for each in decode.messages(twice)] == ["ab", "ab"]
    assert [each.text for each in decode.messages([line(1, "b", 2, 2)])] == ["b"]


def test_what_was_refused_or_never_answered_is_no_message() -> None:
    lines = [line(1, "a", 1, 1, command_status=0x58), line(2, "b", 1, 1, answer="lost")]
    assert list(decode.messages(lines)) == []
