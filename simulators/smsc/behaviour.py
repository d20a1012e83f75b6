"""Faults made ready for the loop: what happens to this submit, drawn in well under a microsecond.

With a seed every draw depends on the number (and the seed) alone, so a run can be repeated and all parts of
a message share their fate; without one it is chance.
"""

import random
import zlib
from itertools import accumulate

from simulators.smsc.faults import NO_RECEIPT, Faults
from simulators.smsc.pdu import PASSING, STATES, STATUS

THROTTLED = STATUS["ESME_RTHROTTLED"]
OUTCOMES = (NO_RECEIPT, *STATES)
NONE = 0
DELIVERED = OUTCOMES.index("DELIVRD")
SIZE = 1 << 16
MASK = SIZE - 1
BITS = (1 << 64) - 1


def mix(number: int) -> int:
    """64 well-mixed bits of a number (the finaliser of SplitMix64)."""
    number = (number + 0x9E3779B97F4A7C15) & BITS
    number = ((number ^ number >> 30) * 0xBF58476D1CE4E5B9) & BITS
    number = ((number ^ number >> 27) * 0x94D049BB133111EB) & BITS
    return number ^ number >> 31


def share_table(shares: list[tuple[int, float]], otherwise: int) -> list[int]:
    """65,536 entries in which each value takes its share and `otherwise` the rest."""
    table: list[int] = []
    bounds = accumulate(share for _, share in shares)
    for (value, _), bound in zip(shares, bounds, strict=True):
        table += [value] * (min(SIZE, round(bound * SIZE)) - len(table))
    return table + [otherwise] * (SIZE - len(table))


class Behaviour:
    """One tree of faults, compiled. `faults` stays the truth for the countdowns, which it uses up."""

    def __init__(self, faults: Faults, started: float) -> None:
        """`started` is the monotonic time from which bursts are counted."""
        self.faults = faults
        self.seed = faults.seed
        receipts = faults.receipts
        self.outcomes = share_table(
            [(OUTCOMES.index(name), share) for name, share in receipts.outcomes.items()], NONE
        )
        self.delay = receipts.delay_ms.min / 1000
        self.delay_step = (receipts.delay_ms.max - receipts.delay_ms.min) / 1000 / SIZE
        self.early = round(receipts.early * SIZE)
        self.duplicate = round(receipts.duplicate * SIZE)
        self.latency = faults.latency_ms.min / 1000
        self.latency_step = (faults.latency_ms.max - faults.latency_ms.min) / 1000 / SIZE
        self.errors = share_table([(STATUS[name], share) for name, share in faults.errors.items()], 0)
        self.accepts_all = not (faults.errors or self._throttles())
        self.hex_ids = faults.message_id == "hex"
        self._started = started
        self._count = 0
        self._second = 0.0
        self._in_second = 0
        self._refused: dict[bytes, int] = {}

    def _throttles(self) -> bool:
        throttle = self.faults.throttle
        timed = throttle.every_s > 0 and throttle.for_ms > 0
        return timed or (throttle.every_n > 0 and throttle.burst > 0) or self.faults.parts_per_second > 0

    @property
    def answers_at_once(self) -> bool:
        """No fault touches responses: the loop may take its short way."""
        faults = self.faults
        return not (
            faults.latency_ms.max
            or faults.drop.rate
            or faults.drop.next
            or faults.half.rate
            or faults.half.next
            or faults.disconnect.after_submits
        )

    def draw(self, number: bytes) -> int:
        """64 bits that decide a message's receipt."""
        return (
            random.getrandbits(64) if self.seed is None else mix(zlib.crc32(number, self.seed & 0xFFFFFFFF))
        )

    def draw_response(self, number: bytes) -> int:
        """64 bits that decide a message's response, independent of those of its receipt."""
        return random.getrandbits(64) if self.seed is None else mix(self.draw(number))

    def refusal(self, number: bytes, now: float) -> int:
        """The status with which this submit is refused, 0 when it is taken. `now` is monotonic seconds."""
        if self.accepts_all:
            return 0
        if self._throttled(now):
            return THROTTLED
        status = self.errors[self.draw_response(number) >> 48]
        if status in PASSING and self.faults.error_times:
            return self._passing(number, status)
        return status

    def _passing(self, number: bytes, status: int) -> int:
        """A number meets a passing error `error_times`, then gets through: trying again helps."""
        met = self._refused.get(number, 0)
        if met >= self.faults.error_times:
            del self._refused[number]
            return 0
        self._refused[number] = met + 1
        return status

    def _throttled(self, now: float) -> bool:
        faults, throttle = self.faults, self.faults.throttle
        if throttle.every_n and throttle.burst:
            place = self._count % throttle.every_n - throttle.every_n // 2
            self._count += 1
            if 0 <= place < throttle.burst:
                return True
        if throttle.every_s and throttle.for_ms:
            place_s = (now - self._started) % throttle.every_s
            if place_s * 1000 < throttle.for_ms:
                return True
        return bool(faults.parts_per_second) and self._over_limit(now)

    def _over_limit(self, now: float) -> bool:
        """More than the allowed number of parts in this second; like operators, counted by the second."""
        if now - self._second >= 1:
            self._second, self._in_second = now, 0
        self._in_second += 1
        return self._in_second > self.faults.parts_per_second
