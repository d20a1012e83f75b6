"""The mailbox keeps the newest mails within its bounds and reads what can be read of hostile ones."""

import asyncio

import pytest

from simulators.mailbox.faults import BadFaults, Faults
from simulators.mailbox.store import Mail, Mailbox, Wish

GREEK = (
    b"Subject: =?utf-8?b?zqfOsc68zrfOu8+MIM+Fz4DPjM67zr/Ouc+Azr8=?=\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nzpPOtc65zrE=\r\n"
)


def mail(raw: bytes) -> Mail:
    return Mail(1, "a@keryx.test", ("Maria@shop.gr",), 0.0, raw)


def test_subject_and_text_are_decoded() -> None:
    shown = mail(GREEK).as_json()
    assert (shown["subject"], shown["text"], shown["html"]) == ("Χαμηλό υπόλοιπο", "Γεια", None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?nope?b?!!?=\r\n\r\nx",
        b"Content-Type: text/plain; charset=klingon\r\n\r\nx",
        b"Content-Type: multipart/mixed\r\n\r\nx",
        b"To: <<<@@>>>,,\r\nFrom: \r\n\r\n",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%%",
    ],
)
def test_a_malformed_mail_is_shown_as_far_as_it_goes(raw: bytes) -> None:
    assert mail(raw).as_json()["n"] == 1


def test_a_wish_is_for_a_recipient_and_a_piece_of_the_subject() -> None:
    assert Wish("maria@SHOP.gr", "υπόλοιπο").fits(mail(GREEK))
    assert not Wish("eleni@shop.gr").fits(mail(GREEK))
    assert not Wish(subject="τιμολόγιο").fits(mail(GREEK))


def test_the_oldest_go_when_count_or_bytes_are_used_up() -> None:
    async def fill(box: Mailbox, sizes: list[int]) -> list[int]:
        for size in sizes:
            await box.add("", ["a@b"], b"x" * size)
        return [each.n for each in box.mails]

    assert asyncio.run(fill(Mailbox(2, 1000), [1, 1, 1])) == [2, 3]
    box = Mailbox(100, 10)
    assert asyncio.run(fill(box, [6, 6, 3])) == [2, 3]
    assert (box.forgotten, box.bytes, box.received) == (1, 9, 3)


def test_waiting_ends_with_the_mail_or_with_the_time() -> None:
    async def story() -> tuple[int, int]:
        box = Mailbox(10, 1000)
        waiting = asyncio.create_task(box.wait(Wish("a@b"), 2, 60))
        await box.add("", ["a@b"], b"")
        await box.add("", ["other@b"], b"")
        await box.add("", ["a@b"], b"")
        return len(await waiting), len(await box.wait(Wish("nobody@b"), 1, 0))

    assert asyncio.run(story()) == (2, 0)


def test_faults_are_checked_before_any_is_taken() -> None:
    faults = Faults()
    for bad in ({"refuse": -1}, {"refuse": True}, {"drop_keeps": 1}, {"refuse_code": 200}, {"refuse_at": "ehlo"},
                {"refuse": 3, "sulk": 1}):  # fmt: skip
        with pytest.raises(BadFaults):
            faults.merge(bad)
    assert faults == Faults()


def test_countdowns_run_down() -> None:
    faults = Faults(refuse=1, refuse_code=550, drop=1)
    assert faults.refusal("rcpt") is None
    assert faults.refusal("data") == "550 No such mailbox"
    assert faults.refusal("data") is None
    assert [faults.drops(), faults.drops()] == [True, False]
