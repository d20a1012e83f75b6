"""Keys, senders and time zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounts import domain

NOW = datetime(2026, 3, 25, 10, 0, tzinfo=UTC)


def test_a_new_key_is_found_by_its_prefix_and_proved_by_its_secret() -> None:
    made = domain.make_key()
    parts = domain.split_key(made.text)
    assert parts is not None
    assert parts[0] == made.prefix
    assert domain.secret_matches(*parts, made.secret_hash)


def test_what_is_stored_does_not_contain_the_secret() -> None:
    made = domain.make_key()
    assert made.text.rpartition("_")[2].encode() not in made.secret_hash
    assert len(made.secret_hash) == 32


def test_no_two_keys_are_alike() -> None:
    assert len({domain.make_key().text for _ in range(100)}) == 100


def test_another_secret_under_the_same_prefix_is_refused() -> None:
    made, other = domain.make_key(), domain.make_key()
    assert not domain.secret_matches(made.prefix, other.text.rpartition("_")[2], made.secret_hash)


@pytest.mark.parametrize(
    "text", ["", "kx_", "kx__", "kx_abcdefgh_", "kx_abcdefgh_short", "sk_abcdefgh_" + "a" * 43]
)
def test_a_malformed_key_is_none(text: str) -> None:
    assert domain.split_key(text) is None


@given(st.text(max_size=80))
def test_any_text_is_a_key_or_none_and_never_an_error(text: str) -> None:
    assert domain.split_key(text) is None or text.startswith("kx_")


def test_a_key_works_until_it_is_revoked_or_its_time_is_over() -> None:
    assert domain.is_usable(NOW, None, None)
    assert domain.is_usable(NOW, NOW + timedelta(seconds=1), None)
    assert not domain.is_usable(NOW, NOW, None)
    assert not domain.is_usable(NOW, None, NOW - timedelta(days=1))


def test_time_zones_are_those_of_the_database_and_no_paths() -> None:
    assert domain.is_timezone("Europe/Athens")
    for name in ("", "Europe/Sparta", "../../etc/passwd", "/etc/localtime", "x" * 300):
        assert not domain.is_timezone(name)
