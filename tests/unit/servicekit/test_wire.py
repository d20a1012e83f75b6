"""Octets on the broker: what is not an envelope is refused, whatever it is."""

from __future__ import annotations

import zlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import envelope
from contracts.envelope import BadEnvelope
from servicekit import wire

GOOD = envelope.make("thing_happened", 1, "toy", {"name": "Ω"}, account_id=7, causation_id="e0")


def packed(**changes: object) -> bytes:
    return zlib.compress(orjson.dumps({**GOOD.to_dict(), **changes}))


def test_what_was_written_is_read_again() -> None:
    assert wire.decode(wire.encode(GOOD)) == GOOD


def test_unknown_fields_of_an_envelope_are_ignored_and_optional_ones_may_be_missing() -> None:
    assert wire.decode(packed(of_a_later_release=1)) == GOOD
    least = {
        name: getattr(GOOD, name) for name in ("id", "type", "version", "occurred_at", "producer", "data")
    }
    read = wire.decode(zlib.compress(orjson.dumps(least)))
    assert (read.account_id, read.correlation_id, read.causation_id) == (None, GOOD.id, None)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="not compressed"),
        pytest.param(zlib.compress(b""), id="nothing, compressed"),
        pytest.param(zlib.compress(b"{"), id="no JSON"),
        pytest.param(zlib.compress(b"\xff\xfe"), id="no UTF-8"),
        pytest.param(zlib.compress(b"[]"), id="a list"),
        pytest.param(zlib.compress(b"null"), id="null"),
        pytest.param(zlib.compress(b"[" * 100_000), id="deep"),
        pytest.param(wire.encode(GOOD)[:-8], id="cut off"),
        pytest.param(packed(id=7), id="id a number"),
        pytest.param(packed(version=True), id="version a boolean"),
        pytest.param(packed(version="1"), id="version a text"),
        pytest.param(packed(data=[]), id="data a list"),
        pytest.param(packed(data=None), id="data null"),
        pytest.param(packed(type=None), id="type null"),
    ],
)
def test_anything_else_is_refused_as_a_bad_envelope(body: bytes) -> None:
    with pytest.raises(BadEnvelope):
        wire.decode(body)


@given(st.binary(max_size=200))
def test_no_octets_fail_in_another_way(body: bytes) -> None:
    with pytest.raises(BadEnvelope):
        wire.decode(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
        lambda v: st.lists(v) | st.dictionaries(st.text(max_size=5), v),
        max_leaves=8,
    )
)
def test_no_json_fails_in_another_way(data: object) -> None:
    with pytest.raises(BadEnvelope):
        wire.decode(zlib.compress(orjson.dumps(data)))


def test_a_small_body_that_unpacks_to_something_huge_is_refused_without_unpacking_it() -> None:
    bomb = zlib.compress(b" " * (wire.MAX_BODY + 1), 9)
    assert len(bomb) < 20_000

    with pytest.raises(BadEnvelope, match="larger than"):
        wire.decode(bomb)
