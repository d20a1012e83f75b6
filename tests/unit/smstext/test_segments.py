"""Counting and cutting: what is billed and what goes into each PDU."""

import json
import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smstext import (
    STANDARD,
    WIDE_REFERENCE,
    ControlCharacters,
    Limits,
    NotGsm,
    concat_udh,
    count,
    decode_gsm,
    decode_ucs2,
    encode_gsm,
    encode_ucs2,
    segment,
    split_udh,
    strip_controls,
)
from smstext.errors import BadOctets
from smstext.gsm import BASIC, CONTROLS, EXTENSION, GSM_CHARACTERS

ELSEWHERE = json.loads((Path(__file__).parent / "counted_elsewhere.json").read_text("utf-8"))
"""Texts with their parts as npm's sms-segments-calculator 1.3.0 counts them. It agrees on every class here.

Known differences: it counts control characters, which we refuse; it cuts after a zero-width joiner that joins no
emoji, which we keep with what it joins; and a cluster longer than a part it starts in the part before, we in a new
one, which can cost one part more.
"""

gsm_texts = st.text(st.sampled_from(sorted(GSM_CHARACTERS)), max_size=700)
clusters = st.sampled_from(
    [
        "α",
        "ώ",
        "Ω",
        " ",
        "e\u0301",
        "😀",
        "👍🏽",
        "👨\u200d👩\u200d👧\u200d👦",
        "🇬🇷",
        "❤\ufe0f",
        "1\ufe0f\u20e3",
        "한",
        "กำ",
        "क्ष",
    ]
)
cluster_lists = st.lists(clusters, max_size=160)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=400).map(strip_controls)
limits = st.builds(
    lambda gs, gm, us, um: Limits(max(gs, gm), gm, max(us, um), um),
    *(st.integers(2, 200) for _ in range(4)),
)


def utf16_units(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2


class TestAlphabet:
    @pytest.mark.parametrize(
        ("text", "units", "parts"),
        [
            ("", 0, 1),
            ("a" * 160, 160, 1),
            ("a" * 161, 161, 2),
            ("a" * 306, 306, 2),
            ("a" * 307, 307, 3),
            ("€" * 80, 160, 1),
            ("€" * 81, 162, 2),
        ],
    )
    def test_gsm_counts_septets_and_extension_characters_twice(self, text, units, parts):
        assert segment(text)[:3] == ("gsm", units, parts)

    @pytest.mark.parametrize(
        ("text", "units", "parts"),
        [("α" * 70, 70, 1), ("α" * 71, 71, 2), ("😀" * 35, 70, 1), ("😀" * 36, 72, 2)],
    )
    def test_unicode_counts_utf16_units(self, text, units, parts):
        assert segment(text)[:3] == ("unicode", units, parts)

    def test_remaining_is_what_the_last_part_still_takes(self):
        assert segment("a" * 150).remaining == 10
        assert segment("a" * 170).remaining == 2 * 153 - 170
        assert segment("α" * 68).remaining == 2
        assert segment("").remaining == 160

    def test_forced_gsm_names_what_it_cannot_say(self):
        with pytest.raises(NotGsm) as caught:
            segment("ok 😀 ç 😀", "gsm")
        assert caught.value.characters == ("😀", "ç")
        assert caught.value.code == "not_gsm"
        assert "GRINNING FACE" in str(caught.value)

    def test_forced_unicode_is_unicode_even_for_plain_text(self):
        assert segment("abc", "unicode")[:3] == ("unicode", 3, 1)

    def test_small_cedilla_is_not_gsm_and_the_capital_is(self):
        assert segment("Ç").encoding == "gsm"
        assert segment("ç").encoding == "unicode"

    @pytest.mark.parametrize("encoding", ["auto", "gsm", "unicode"])
    @pytest.mark.parametrize("character", ["\x00", "\x1b", "\t", "\x7f", "\x85", "\ud83d"])
    def test_control_characters_and_half_pairs_are_refused_in_every_encoding(self, character, encoding):
        for text in (f"a{character}b", f"α{character}β"):
            with pytest.raises(ControlCharacters) as caught:
                segment(text, encoding)
            assert caught.value.characters == (character,)

    def test_strip_controls_makes_any_text_acceptable(self):
        assert strip_controls("a\tb\x1bc\x00\ud83d\nd") == "a bc\nd"

    def test_an_unknown_encoding_is_a_programming_error(self):
        with pytest.raises(ValueError, match="latin"):
            segment("😀", "latin")

    @pytest.mark.parametrize("broken", [{"gsm_multi": 1}, {"unicode_single": 60}, {"gsm_single": 100}])
    def test_limits_that_no_text_could_meet_are_refused(self, broken):
        with pytest.raises(ValueError):
            Limits(**broken)


class TestAgainstAnotherCalculator:
    @pytest.mark.parametrize("row", ELSEWHERE, ids=lambda row: f"{row['kind']} {len(row['text'])}")
    def test_encoding_and_parts_agree(self, row):
        result = segment(row["text"])
        assert (result.encoding, result.parts) == (row["encoding"], row["parts"])


def greedy_parts(atoms: list[tuple[str, int]], single: int, multi: int) -> list[str]:
    """The definition, written the slow way: fill each part with whole atoms."""
    if sum(size for _, size in atoms) <= single:
        return ["".join(atom for atom, _ in atoms)]
    parts, room = [""], multi
    for atom, size in atoms:
        if size > room:
            parts.append("")
            room = multi
        parts[-1] += atom
        room -= size
    return parts


class TestCutting:
    @given(gsm_texts, limits)
    @example("a" * 152 + "€" + "b" * 10, STANDARD)
    def test_gsm_parts_are_the_greedy_filling_with_escape_pairs_whole(self, text, sizes):
        extension = set(EXTENSION.values())
        atoms = [(letter, 2 if letter in extension else 1) for letter in text]
        result = segment(text, "gsm", limits=sizes)
        assert list(result.texts) == greedy_parts(atoms, sizes.gsm_single, sizes.gsm_multi)
        assert result.units == sum(size for _, size in atoms)

    @given(cluster_lists)
    def test_unicode_parts_are_the_greedy_filling_with_whole_clusters(self, atoms):
        text = "".join(atoms)
        if "🇬🇷" * 2 in text or segment(text).encoding == "gsm":
            return
        expected = greedy_parts([(atom, utf16_units(atom)) for atom in atoms], 70, 67)
        assert list(segment(text, "unicode").texts) == expected

    @given(st.integers(0, 66), st.integers(1, 60))
    def test_flags_in_a_row_are_cut_between_flags(self, before, flags):
        for part in segment("α" * before + "🇬🇷" * flags).texts:
            assert part.lstrip("α") == "🇬🇷" * (len(part.lstrip("α")) // 2)

    @given(any_text, limits, st.sampled_from(["auto", "unicode"]))
    def test_joined_parts_are_the_text_and_each_fits(self, text, sizes, encoding):
        result = segment(text, encoding, limits=sizes)
        assert "".join(result.texts) == text
        assert result.parts == len(result.texts)
        assert count(text, encoding, limits=sizes) == result[:3]
        measure = (lambda part: len(encode_gsm(part))) if result.encoding == "gsm" else utf16_units
        single, multi = (
            (sizes.gsm_single, sizes.gsm_multi)
            if result.encoding == "gsm"
            else (sizes.unicode_single, sizes.unicode_multi)
        )
        room = single if result.parts == 1 else multi
        assert all(measure(part) <= room for part in result.texts)
        assert result.remaining == room - measure(result.texts[-1])
        assert result.units == measure(text)

    @given(any_text)
    def test_no_part_starts_with_a_mark_that_belongs_to_the_part_before(self, text):
        parts = segment(text, "unicode").texts
        for before, part in pairwise(parts):
            alone = unicodedata.category(part[0]) in ("Mn", "Me") or part[0] == "\u200d"
            assert not alone or utf16_units(before) >= 66  # unless one cluster alone filled a part

    def test_a_cluster_longer_than_a_part_is_cut_as_late_as_possible(self):
        result = segment("α" * 10 + "β" + "\u0301" * 100)
        assert [len(part) for part in result.texts] == [10, 67, 34]

    def test_a_family_that_does_not_fit_goes_whole_into_the_next_part(self):
        family = "👨\u200d👩\u200d👧\u200d👦"
        assert segment("α" * 60 + family + "β").texts == ("α" * 60, family + "β")

    def test_a_line_break_of_two_characters_costs_no_part(self):
        assert count("α" * 66 + "\r\n" + "β" * 66).parts == 2

    def test_routes_with_other_part_sizes(self):
        assert count("a" * 305, limits=WIDE_REFERENCE).parts == 3
        assert count("a" * 304, limits=WIDE_REFERENCE).parts == 2
        assert count("α" * 129, limits=Limits(unicode_multi=64)).parts == 3
        assert count("α" * 128, limits=Limits(unicode_multi=64)).parts == 2


class TestOctets:
    @given(gsm_texts)
    def test_gsm_round_trip(self, text):
        octets = encode_gsm(text)
        assert decode_gsm(octets) == text
        assert octets.isascii()

    @given(any_text)
    def test_ucs2_round_trip(self, text):
        assert decode_ucs2(encode_ucs2(text)) == text

    @given(any_text)
    def test_the_encoder_takes_exactly_what_segment_calls_gsm(self, text):
        if segment(text).encoding == "gsm":
            assert len(encode_gsm(text)) == segment(text).units
        else:
            with pytest.raises(NotGsm):
                encode_gsm(text)

    @given(st.binary(max_size=200))
    def test_any_septets_can_be_read(self, octets):
        assert isinstance(decode_gsm(octets, "replace"), str)
        assert isinstance(decode_ucs2(octets, "replace"), str)

    def test_known_octets(self):
        assert encode_gsm("@£ΔΩ€[~]").hex() == "000110151b651b3c1b3d1b3e"
        assert encode_ucs2("Α😀").hex() == "0391d83dde00"

    def test_every_septet_of_the_basic_table(self):
        for septet, character in enumerate(BASIC):
            if character != "\uffff":
                assert encode_gsm(character) == bytes([septet])

    def test_unknown_escapes_read_as_the_standard_says(self):
        assert decode_gsm(b"\x1b\x41") == "A"
        assert decode_gsm(b"\x1b\x1bA") == " A"
        assert decode_gsm(b"A\x1b") == "A "

    @pytest.mark.parametrize(
        ("decode", "octets"), [(decode_gsm, b"\x80"), (decode_ucs2, b"\x03"), (decode_ucs2, b"\xd8\x3d")]
    )
    def test_broken_octets_raise_unless_replacing(self, decode, octets):
        with pytest.raises(BadOctets):
            decode(octets)
        assert decode(octets, "replace")

    @pytest.mark.parametrize("text", ["\x1b", "a\x00", "\t"])
    def test_encoders_never_pass_a_control(self, text):
        for encode in (encode_gsm, encode_ucs2):
            with pytest.raises(ControlCharacters):
                encode(text)

    def test_line_breaks_are_no_controls(self):
        assert not CONTROLS.search("\n\r\f")


class TestConcatenation:
    def test_headers_by_the_octet(self):
        assert concat_udh(0xAB, 3, 2).hex() == "050003ab0302"
        assert concat_udh(0xABCD, 3, 2, wide=True).hex() == "060804abcd0302"

    @given(st.booleans(), st.integers(0, 255), st.integers(1, 255), st.data(), st.binary(max_size=140))
    def test_headers_round_trip(self, wide, reference, total, data, payload):
        seq = data.draw(st.integers(1, total))
        info, rest = split_udh(concat_udh(reference, total, seq, wide) + payload)
        assert info == (reference, total, seq, wide)
        assert rest == payload

    @pytest.mark.parametrize("values", [(256, 1, 1), (-1, 1, 1), (1, 256, 1), (1, 2, 3), (1, 2, 0)])
    def test_what_does_not_fit_is_refused(self, values):
        with pytest.raises(ValueError):
            concat_udh(*values)

    def test_other_elements_are_passed_over(self):
        assert split_udh(bytes.fromhex("0b0504158200f00003070201") + b"x") == ((7, 2, 1, False), b"x")
        assert split_udh(bytes.fromhex("060504158200f0") + b"x") == (None, b"x")

    @given(st.binary(max_size=20))
    def test_hostile_headers_raise_or_split(self, octets):
        try:
            _, payload = split_udh(octets)
        except BadOctets:
            return
        assert octets.endswith(payload)
