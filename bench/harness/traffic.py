"""Messages as campaigns send them, and chunks of them as the expander publishes them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from contracts import envelope
from contracts.chunks import MAX_MESSAGES, Chunk
from servicekit import wire
from smstext import fold_to_gsm

from . import people

# One part of GSM with its link: Greek capitals that the alphabet has, as most Greek campaigns are sent.
CAMPAIGN = {
    "name": "Bench",
    "text": (
        "Αγαπητέ {%firstname:klitiki|φίλε}, με το κουπόνι {%custom4|ERMIS15} έχεις -15% ως την Κυριακή."
        " {%custom1}, Ερμής"
    ),
    "encoding": "gsm",
    "unsubscribe": True,
}
PRICE = 45_000
ACCOUNT, CAMPAIGN_ID = 7, 1


def chunks(count: int) -> Iterator[Chunk]:
    """``count`` messages of about 120 characters in chunks of 500."""
    names = {name: fold_to_gsm(f"Αγαπητέ {name}") for name in people.FIRST}
    rows = (
        [p.msisdn, f"{names[p.first]}, -15% ME TO {p.coupon}. STOP: https://k.gr/u/Ab3x{i:07d}", "gsm", 1, PRICE]
        for i, p in enumerate(people.people(count))
    )  # fmt: skip
    for number in range(-(-count // MAX_MESSAGES)):
        messages = list(islice(rows, MAX_MESSAGES))
        yield Chunk(
            hold_id=f"c{number + 1}",
            account_id=ACCOUNT,
            campaign_id=CAMPAIGN_ID,
            sender="KERYX",
            price_class="normal",
            kind="marketing",
            messages=messages,
        )


def bodies(count: int) -> list[bytes]:
    """The same as it travels."""
    return [
        wire.encode(
            envelope.make(Chunk.TYPE, Chunk.VERSION, Chunk.PRODUCER, chunk.to_data(), account_id=ACCOUNT)
        )
        for chunk in chunks(count)
    ]
