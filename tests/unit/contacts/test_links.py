"""Tokens of unsubscribe links."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from services.contacts import links

KEY = hashlib.sha256(b"a key for tests").digest()
halves = st.integers(0, 2**32 - 1)


@given(halves, st.lists(halves, min_size=1, max_size=20))
def test_a_token_leads_back_to_its_recipient(snapshot_id: int, ordinals: list[int]) -> None:
    made = links.tokens(KEY, snapshot_id, ordinals)

    assert [links.place(KEY, token) for token in made] == [(snapshot_id, ordinal) for ordinal in ordinals]
    assert all(len(token) == 11 and token.isascii() and token.isalnum() for token in made)


def test_tokens_stay_as_they_are_because_they_are_in_peoples_phones() -> None:
    assert links.tokens(KEY, 1, [1, 2, 3]) == ["DyJ1bs7Ib4J", "7i1P7FXbQnP", "7UMutil86C8"]


def test_neighbours_have_nothing_in_common_and_no_token_comes_twice() -> None:
    made = links.tokens(KEY, 7, range(1, 20_001)) + links.tokens(KEY, 8, range(1, 20_001))

    assert len(set(made)) == 40_000
    assert len({token[-5:] for token in made}) > 39_900
    assert len({token[:5] for token in made}) > 39_900


def test_another_key_leads_elsewhere() -> None:
    (token,) = links.tokens(KEY, 7, [1])

    assert links.place(hashlib.sha256(b"another").digest(), token) != (7, 1)


@given(st.text(max_size=15))
def test_whatever_is_asked_is_a_place_or_nothing(text: str) -> None:
    found = links.place(KEY, text)

    assert found is None or links.tokens(KEY, found[0], [found[1]]) == [text]


def test_what_no_64_bits_make_is_no_token() -> None:
    assert links.place(KEY, "zzzzzzzzzzz") is None
