"""What is written on the wire is the text that was sold, part by part; and what is written by COPY comes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import smstext
from services.dispatcher import bulk
from services.dispatcher.domain import State
from services.dispatcher.sending.batches import Row
from services.dispatcher.sending.bodies import bodies
from services.dispatcher.smpp import pdu
from simulators.smsc import gsm as their_gsm

GSM = st.text(st.sampled_from("abc XYZ 0123 ΔΦΓΛΩΠΨΣΘΞ @£$_ {}[]~|€\\^\n äöñ"), min_size=1, max_size=700)
UNICODE = st.text(
    st.characters(min_codepoint=0x20, exclude_categories=("Cs", "Cc", "Co", "Cn")) | st.sampled_from("άΏς😀"),
    min_size=1,
    max_size=300,
)
VALIDITY = pdu.relative_validity(172_800)


def row(text: str, encoding: str, parts: int) -> Row:
    return Row(0x1234, "306912345678", "KERYX", text, encoding, parts, 40_000, State.QUEUED)


def short_message(body: bytes) -> tuple[int, int, bytes]:
    """esm_class, data_coding and octets of a submit_sm whose text fields have known lengths."""
    at = len(b"\0\x05\x00KERYX\0\x01\x01306912345678\0")
    coding = body[at + 3 + 1 + len(VALIDITY) + 1 + 2]
    octets = body[at + 3 + 1 + len(VALIDITY) + 1 + 5 :]
    return body[at], coding, octets


def decoded(octets: bytes, coding: int) -> str:
    return octets.decode("utf-16-be") if coding == 8 else their_gsm.decode(octets)


def check(text: str, encoding: str) -> None:
    counted = smstext.count(text, "gsm" if encoding == "gsm" else "unicode")
    written = bodies(row(text, encoding, counted.parts), VALIDITY)
    assert len(written) == counted.parts
    texts = []
    for no, body in enumerate(written, 1):
        esm_class, coding, octets = short_message(body)
        assert coding == (0 if encoding == "gsm" else 8)
        if counted.parts > 1:
            assert esm_class == pdu.ESM_UDHI
            assert octets[:6] == bytes((5, 0, 3, 0x34, counted.parts, no))
            octets = octets[6:]
            assert len(octets) <= (134 if encoding == "unicode" else 153)
        else:
            assert esm_class == 0
            assert len(octets) <= (140 if encoding == "unicode" else 160)
        texts.append(decoded(octets, coding))
    assert "".join(texts) == text


@given(GSM)
def test_gsm_parts_decode_back_to_the_text(text: str) -> None:
    check(text, "gsm")


@given(UNICODE)
def test_unicode_parts_decode_back_to_the_text(text: str) -> None:
    check(text, "unicode")


# --- COPY


def read_copy(field: str) -> str | None:
    """A field of COPY's text format as PostgreSQL reads it (its documentation, "Text Format")."""
    if field == "\\N":
        return None
    plain, escaped = [], False
    for character in field:
        if escaped:
            plain.append({"t": "\t", "n": "\n", "r": "\r"}.get(character, character))
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            plain.append(character)
    return "".join(plain)


class Copied:
    """A cursor that keeps what was copied."""

    def copy_expert(self, statement: str, file: object) -> None:
        self.statement, self.text = statement, file.read()  # type: ignore[attr-defined]


@given(st.lists(st.tuples(st.none() | st.text(), st.integers(), st.text()), min_size=1, max_size=5))
def test_rows_go_through_copy_unchanged(rows: list[tuple[str | None, int, str]]) -> None:
    cursor = Copied()
    bulk.copy_rows(cursor, "t", "a, b, c", rows)
    assert cursor.statement == "COPY t (a, b, c) FROM STDIN"
    lines = cursor.text.removesuffix("\n").split("\n")
    read = [[read_copy(field) for field in line.split("\t")] for line in lines]
    assert read == [[a, str(b), c] for a, b, c in rows]


def test_ids_become_an_array_literal() -> None:
    assert bulk.id_array([]) == "{}"
    assert bulk.id_array([3, 1]) == "{3,1}"
