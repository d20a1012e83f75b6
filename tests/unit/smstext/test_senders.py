"""Which sender ids are taken, and how they are used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smstext import check_sender_id


@pytest.mark.parametrize(
    ("given_", "used"),
    [
        ("Keryx", "Keryx"),
        (" My Shop ", "My Shop"),
        ("Dr. Who", "Dr. Who"),
        ("+306912345678", "306912345678"),
        ("00306912345678", "306912345678"),
        ("54321", "54321"),
        ("ΔΩΡΟ".replace("Ρ", "P").replace("Ο", "O"), "ΔΩPO"),
    ],
)
def test_a_sender_is_taken_as_it_will_be_used(given_: str, used: str) -> None:
    assert check_sender_id(given_) == used


@pytest.mark.parametrize(
    ("sender", "code"),
    [
        ("", "sender_empty"),
        ("   ", "sender_empty"),
        (" + ", "sender_empty"),
        ("-- --", "sender_characters"),
        ("a[b]", "sender_characters"),
        ("TwelveLetter", "sender_too_long"),
        ("1234567890123456", "sender_too_long"),
        ("12", "sender_too_short"),
        ("Καφές", "sender_characters"),
        ("emoji 😀", "sender_characters"),
        ("a\x00b", "sender_characters"),
        ("a\nb", "sender_characters"),
        ("12-34", "sender_characters"),
        ("{x}", "sender_characters"),
    ],
)
def test_a_bad_sender_is_refused_with_its_reason(sender: str, code: str) -> None:
    with pytest.raises(ValueError, match=f"^{code}$"):
        check_sender_id(sender)


@given(st.text(max_size=20))
def test_an_accepted_sender_is_accepted_again_unchanged(sender: str) -> None:
    try:
        used = check_sender_id(sender)
    except ValueError:
        return
    assert check_sender_id(used) == used
