"""Outbox and relay: every committed event leaves, and nothing else does."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg2
import pytest

from contracts import envelope
from servicekit import database, metrics, outbox, relay, settings, wire, worker
from tests.support.waiting import eventually

from . import toy
from .support import Site, channel_of
from .toy import ThingHappened

pytestmark = pytest.mark.integration


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay with small pages, short slots and short rests."""
    monkeypatch.setattr(relay, "PAGE", 5)
    monkeypatch.setattr(relay, "ROTATE_AT_ROWS", 30)
    monkeypatch.setattr(relay, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(relay, "TEND_SECONDS", 0.05)


@contextmanager
def relaying(site: Site, count: int = 1) -> Iterator[list[Counter[str]]]:
    """``count`` relays in threads of this process; what each has published."""
    with ExitStack() as stack:
        yield [stack.enter_context(_one_relay(site)) for _ in range(count)]


@contextmanager
def _one_relay(site: Site) -> Iterator[Counter[str]]:
    own = settings.Settings("toy", site.amqp_uri, site.database_url, 0, "127.0.0.1", "info", "relay")
    process = worker.Process(own, "toy-relay")
    work, published = relay.Relay(process), Counter[str]()
    publish = work._publisher.publish

    def counting(rows: list[Any]) -> set[str]:
        taken = publish(rows)
        published.update(taken)
        return taken

    work._publisher.publish = counting  # type: ignore[method-assign]
    thread = threading.Thread(target=work.run)
    thread.start()
    try:
        yield published
    finally:
        process.stopping.set()
        thread.join(10)
        work.close()


@contextmanager
def writing(site: Site) -> Iterator[Any]:
    """A connection that writes events."""
    connection = psycopg2.connect(site.database_url)
    try:
        yield connection
    finally:
        connection.close()


def add(connection: Any, name: str, commit: bool = True) -> str:
    """An event in the outbox; its id."""
    event_id = outbox.add(connection.cursor(), ThingHappened(name), account_id=1)
    if commit:
        connection.commit()
    return event_id


def arrivals(site: Site) -> Callable[[], Counter[str]]:
    """Counts arrivals on the toy's queue by event id, call after call."""
    seen: Counter[str] = Counter()

    def count() -> Counter[str]:
        seen.update(wire.decode(body).id for _, body in site.take(toy.QUEUE))
        return seen

    return count


def test_an_event_leaves_with_its_commit_and_not_before(fresh_site: Site, brisk: None) -> None:
    seen = arrivals(fresh_site)
    with relaying(fresh_site), writing(fresh_site) as early, writing(fresh_site) as late:
        first = add(early, "first", commit=False)
        second = add(late, "second")
        eventually(lambda: seen()[second])
        assert first not in seen()

        early.commit()  # written before the second, visible after it: no mark may have passed it by
        eventually(lambda: seen()[first])
        assert seen() == {first: 1, second: 1}


def test_what_was_rolled_back_never_leaves(fresh_site: Site, brisk: None) -> None:
    seen = arrivals(fresh_site)
    with relaying(fresh_site), writing(fresh_site) as connection:
        add(connection, "never", commit=False)
        connection.rollback()
        afterwards = add(connection, "afterwards")

        eventually(lambda: seen()[afterwards])
        assert seen() == {afterwards: 1}


def test_a_sqlalchemy_session_writes_events_too(fresh_site: Site, brisk: None) -> None:
    seen = arrivals(fresh_site)
    engine = database.make_engine(fresh_site.database_url, "test", pool_size=1)
    with database.Database(engine).transaction() as session:
        event_id = outbox.add(session, ThingHappened("by session"))
    engine.dispose()
    with relaying(fresh_site):
        eventually(lambda: seen()[event_id])


def test_what_nobody_can_route_waits_and_holds_up_nobody(fresh_site: Site, brisk: None) -> None:
    seen = arrivals(fresh_site)
    with relaying(fresh_site), writing(fresh_site) as connection:
        for number in range(23):
            message = envelope.make("x", 1, "toy", {"n": number})
            outbox.put(connection.cursor(), "", "toy.not.there.yet", message)
        routed = add(connection, "routed")

        eventually(lambda: seen()[routed])
        eventually(lambda: metrics.outbox_backlog._value.get() == 23)
        with channel_of(fresh_site.amqp_uri) as channel:
            channel.queue_declare("toy.not.there.yet", durable=True)
        eventually(lambda: fresh_site.depth("toy.not.there.yet") == 23)
        eventually(lambda: metrics.outbox_backlog._value.get() == 0)
        assert seen() == {routed: 1}


def test_two_relays_share_the_work_and_publish_nothing_twice(fresh_site: Site, brisk: None) -> None:
    with writing(fresh_site) as connection:
        ids = {add(connection, str(number), commit=False) for number in range(600)}
        connection.commit()
    seen = arrivals(fresh_site)
    with relaying(fresh_site, 2) as published:
        eventually(lambda: len(seen()) == 600)
        eventually(lambda: not fresh_site.sql("SELECT 1 FROM outbox_0 WHERE NOT sent"))
    assert seen() == Counter(ids)
    assert all(published)
    assert published[0] + published[1] == Counter(ids)


HELD_UP = 4711
HELD_UP_MARK = f"""
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_advisory_xact_lock({HELD_UP}); RETURN NULL; END $$;
CREATE TRIGGER dawdle BEFORE UPDATE ON outbox_0 FOR EACH STATEMENT EXECUTE FUNCTION dawdle()
"""


def test_a_relay_killed_between_publishing_and_marking_repeats_one_page_and_loses_nothing(
    fresh_site: Site,
) -> None:
    with writing(fresh_site) as connection:
        ids = {add(connection, str(number), commit=False) for number in range(2 * relay.PAGE + 1)}
        connection.commit()
    fresh_site.sql(HELD_UP_MARK)
    with writing(fresh_site) as holder:
        holder.cursor().execute("SELECT pg_advisory_lock(%s)", (HELD_UP,))
        killed = fresh_site.start_relay("killed", ready=False)
        eventually(lambda: fresh_site.depth(toy.QUEUE) == relay.PAGE)
        killed.kill()
    fresh_site.sql("DROP TRIGGER dawdle ON outbox_0")
    assert fresh_site.sql("SELECT count(*) FROM outbox_0 WHERE NOT sent") == [(len(ids),)]

    fresh_site.start_relay("next")

    eventually(lambda: not fresh_site.sql("SELECT 1 FROM outbox_0 WHERE NOT sent"), timeout=20)
    seen = arrivals(fresh_site)()
    assert set(seen) == ids
    assert seen.total() == len(ids) + relay.PAGE


def test_slots_are_truncated_under_writers_and_no_event_is_lost(fresh_site: Site, brisk: None) -> None:
    committed: list[set[str]] = [set() for _ in range(4)]
    taken_back: list[set[str]] = [set() for _ in range(4)]

    def write(writer: int) -> None:
        dice = random.Random(writer)
        with writing(fresh_site) as connection:
            for _ in range(60):
                ids = {add(connection, "busy", commit=False) for _ in range(dice.randint(1, 6))}
                connection.cursor().execute("SELECT pg_sleep(%s)", (dice.random() / 100,))
                if dice.random() < 0.2:
                    connection.rollback()
                    taken_back[writer] |= ids
                else:
                    connection.commit()
                    committed[writer] |= ids

    seen = arrivals(fresh_site)
    with relaying(fresh_site, 2):
        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        ids = set().union(*committed)
        eventually(lambda: len(seen()) == len(ids))
        lengths = "SELECT (SELECT count(*) FROM outbox_0), (SELECT count(*) FROM outbox_1)"
        eventually(lambda: sum(fresh_site.sql(lengths)[0]) <= relay.ROTATE_AT_ROWS)
    assert seen() == Counter(ids)
    assert not set().union(*taken_back) & seen().keys()


def test_a_slot_with_a_writer_still_in_it_is_not_truncated(fresh_site: Site, brisk: None) -> None:
    seen = arrivals(fresh_site)
    with relaying(fresh_site), writing(fresh_site) as slow, writing(fresh_site) as quick:
        held_back = add(slow, "slow", commit=False)
        ids = {add(quick, "quick") for _ in range(120)}

        eventually(lambda: fresh_site.sql("SELECT slot FROM outbox_slot") == [(1,)])
        eventually(lambda: set(seen()) == ids)
        slow.commit()
        eventually(lambda: seen()[held_back])
        eventually(lambda: fresh_site.sql("SELECT count(*) FROM outbox_0") == [(0,)])
    assert seen() == Counter(ids | {held_back})


def test_the_backlog_is_told_while_the_broker_is_away(fresh_site: Site) -> None:
    with writing(fresh_site) as connection:
        for _ in range(3):
            add(connection, "waiting")

    lonely = fresh_site.start(
        "lonely", "servicekit.relay", "toy", ready=False, KERYX_AMQP_URI="amqp://guest:guest@127.0.0.1:1/none"
    )

    eventually(lambda: lonely.process.poll() is None and lonely.logged("outage"))
    assert lonely.metric("keryx_outbox_backlog") == 3
    assert not lonely.is_ready()
