"""A lane: what is marked, what leaves, what is named as surely unsent when it lets go."""

from __future__ import annotations

import time

from services.dispatcher.domain import State
from services.dispatcher.sending import lane as lanes
from services.dispatcher.sending.batches import Mark, Refusal
from tests.unit.dispatcher.lanes import Desk, batch

LATER = lanes.MARK_GOOD_FOR_SECONDS + 0.1


def test_nothing_is_sent_before_its_mark_is_committed(desk: Desk) -> None:
    desk.take()
    desk.lane.feed(time.monotonic())
    assert desk.lane.part_to_send(time.monotonic()) is None
    desk.answer(Mark(ours=True))
    assert desk.send().ordinal == 0


def test_a_slice_is_half_a_window_at_most(desk: Desk) -> None:
    desk.take(count=20)
    desk.mark()
    assert [part.ordinal for part in desk.lane.ready] == [0, 1, 2, 3, 4]


def test_no_more_is_marked_than_the_window_holds_until_outcomes_are_committed(desk: Desk) -> None:
    desk.take(count=20)
    desk.mark()
    desk.mark()
    desk.lane.feed(time.monotonic())
    assert not desk.jobs
    for _ in range(5):
        desk.commit(desk.send())
    desk.mark()
    assert desk.lane.outstanding == 10


def test_nothing_is_marked_without_room(desk: Desk) -> None:
    desk.take()
    desk.priority_room = 0
    desk.lane.feed(time.monotonic())
    assert not desk.jobs


def test_a_message_longer_than_the_window_goes_out_alone() -> None:
    desk = Desk(window=2)
    desk.take(count=2, parts=3)
    desk.mark()
    assert [part.ordinal for part in desk.lane.ready] == [0, 0, 0]
    desk.lane.feed(time.monotonic())
    assert not desk.jobs


def test_a_batch_is_acknowledged_when_its_last_outcome_is_stored(desk: Desk) -> None:
    desk.take(count=2)
    desk.mark()
    first, second = desk.send(), desk.send()
    desk.commit(first)
    assert not desk.finished
    desk.commit(second)
    assert desk.finished
    assert desk.acked == [1]


def test_the_next_batch_is_begun_while_outcomes_of_the_former_are_open(desk: Desk) -> None:
    desk.take(count=2)
    desk.mark()
    desk.send()
    desk.send()
    desk.take(count=2, batch_id=2)
    desk.mark()
    assert desk.send().work.taken.batch_id == 2
    assert not desk.finished


def test_blocked_messages_do_not_leave(desk: Desk) -> None:
    desk.take(count=3)
    desk.mark(Mark(ours=True, blocked=frozenset({1})))
    assert [part.ordinal for part in desk.lane.ready] == [0, 2]
    assert desk.lane.outstanding == 2


def test_a_batch_that_is_somebody_elses_is_let_go(desk: Desk) -> None:
    desk.take()
    desk.mark(Mark(ours=False))
    assert desk.acked == [1]
    assert not desk.lane.held
    assert not desk.lane.outstanding


def test_an_old_mark_is_looked_at_again_before_its_part_leaves(desk: Desk) -> None:
    desk.take(count=2)
    desk.mark()
    now = time.monotonic() + LATER
    assert desk.lane.part_to_send(now) is None
    desk.answer(Mark(ours=True, blocked=frozenset({0})))
    assert [part.ordinal for part in desk.lane.ready] == [1]
    assert desk.send().ordinal == 1


def test_a_stop_pulls_back_what_has_not_left_and_names_it(desk: Desk) -> None:
    desk.take(count=5)
    desk.mark()
    part = desk.send()
    assert desk.lane.part_to_send(time.monotonic() + LATER) is None
    desk.answer(Mark(ours=True, stop="paused"))
    assert not desk.lane.ready
    assert not desk.jobs, "the part on the wire is waited for"
    desk.commit(part)
    assert part.work.taken.holes == {1, 2, 3, 4}
    assert len(desk.jobs) == 1
    desk.answer(True)
    assert desk.acked == [1]


def test_a_lost_bind_names_what_surely_did_not_leave(desk: Desk) -> None:
    desk.take(count=5)
    desk.mark()
    desk.send()
    desk.lane.suspend()
    assert desk.unsent_when_given_back() == [1, 2, 3, 4]
    assert desk.lane.outstanding == 1


def test_a_lost_bind_names_what_is_just_being_marked(desk: Desk) -> None:
    desk.take(count=8)
    desk.mark()
    for _ in range(5):
        desk.send()
    desk.lane.feed(time.monotonic())
    desk.lane.suspend()
    desk.answer(Mark(ours=True))
    assert desk.unsent_when_given_back() == [5, 6, 7]
    assert desk.lane.outstanding == 5


def test_what_has_left_is_never_named_unsent_when_a_second_look_at_the_marks_is_cut_short() -> None:
    desk = Desk(window=4)
    desk.take(count=4)
    desk.mark()
    desk.mark()
    for _ in range(3):
        desk.send()
    assert desk.lane.part_to_send(time.monotonic() + LATER) is None
    desk.lane.suspend()
    desk.answer(Mark(ours=True))
    assert desk.unsent_when_given_back() == [3]


def test_a_part_that_was_definitely_refused_for_now_is_not_in_doubt(desk: Desk) -> None:
    desk.take(count=2)
    desk.mark()
    throttled, other = desk.send(), desk.send()
    desk.lane.put_back(throttled, front=True)
    desk.lane.suspend()
    assert desk.unsent_when_given_back() == [throttled.ordinal]
    assert other.ordinal == 1


def test_a_long_message_with_a_part_out_is_not_named_unsent(desk: Desk) -> None:
    desk.take(count=1, parts=2)
    desk.mark()
    first, second = desk.send(), desk.send()
    desk.lane.put_back(second, front=True)
    desk.lane.suspend()
    assert desk.unsent_when_given_back() == []
    assert first.no == 1


def test_a_stop_reaches_a_part_that_waits_for_its_next_try(desk: Desk) -> None:
    desk.take(count=1)
    desk.mark()
    desk.lane.put_back(desk.send(), front=True)
    assert desk.lane.part_to_send(time.monotonic() + LATER) is None
    desk.answer(Mark(ours=True, stop="cancelled"))
    assert not desk.lane.ready


def test_a_part_that_waits_for_its_next_try_holds_nobody_up(desk: Desk) -> None:
    desk.take(count=8)
    desk.mark()
    waiting = desk.send()
    waiting.not_before = time.monotonic() + 60
    desk.lane.put_back(waiting, front=False)
    desk.mark()
    assert [desk.send().ordinal for _ in range(7)] == [1, 2, 3, 4, 5, 6, 7]
    assert desk.lane.part_to_send(time.monotonic()) is None
    waiting.not_before = 0.0
    assert desk.send() is waiting


def test_parts_after_a_refused_one_are_not_sent(desk: Desk) -> None:
    desk.take(count=1, parts=3)
    desk.mark()
    first = desk.send()
    first.work.refused.add(0)
    assert desk.lane.part_to_send(time.monotonic()) is None
    assert [(part.no, state) for part, state in desk.settled] == [(2, State.CANCELLED), (3, State.CANCELLED)]


def test_a_batch_in_hand_is_not_taken_again_when_its_order_comes_again(desk: Desk) -> None:
    desk.take(count=4)
    desk.mark()
    desk.order(1)
    desk.lane.feed(time.monotonic())
    assert not desk.jobs


def test_an_order_that_waits_is_not_kept_twice(desk: Desk) -> None:
    desk.take(count=4)
    desk.mark()
    desk.order(2)
    desk.order(2)
    desk.lane.feed(time.monotonic())
    desk.answer(batch(4, batch_id=2))
    for _ in range(4):
        desk.commit(desk.send())
    desk.lane.feed(time.monotonic())
    desk.answer(Mark(ours=True))
    desk.lane.feed(time.monotonic())
    assert not desk.jobs


def test_an_order_that_comes_again_while_it_is_being_taken_is_not_taken_twice(desk: Desk) -> None:
    desk.order(1)
    desk.lane.feed(time.monotonic())
    desk.order(1)
    desk.answer(batch(4))
    desk.mark()
    desk.lane.feed(time.monotonic())
    assert not desk.jobs


def test_a_leased_batch_is_asked_for_again_later(desk: Desk) -> None:
    desk.order(1)
    desk.lane.feed(time.monotonic())
    desk.answer(Refusal.LEASED)
    desk.lane.feed(time.monotonic())
    assert not desk.jobs
    desk.lane.feed(time.monotonic() + lanes.LEASED_RETRY_SECONDS + 0.1)
    assert len(desk.jobs) == 1


def test_an_order_that_is_out_of_date_is_acknowledged(desk: Desk) -> None:
    for refusal in (Refusal.GONE, Refusal.STALE, Refusal.PARKED):
        desk.order(1)
        desk.lane.feed(time.monotonic())
        desk.answer(refusal)
    assert desk.acked == [1, 1, 1]


def test_a_draining_lane_begins_nothing(desk: Desk) -> None:
    desk.order(1)
    desk.lane.draining = True
    desk.lane.feed(time.monotonic())
    assert not desk.jobs
