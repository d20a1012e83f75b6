"""Health pages tell the truth, and a process ends when it is asked to."""

from __future__ import annotations

import signal

import pytest

from tests.support.waiting import eventually

from . import toy
from .conftest import Town
from .support import Site

pytestmark = pytest.mark.integration


def test_a_service_is_alive_but_not_ready_while_its_database_is_away(town: Town) -> None:
    replica = town.replicas[0]
    assert replica.get("/readyz").json() == {"database": True, "broker": True, "consuming": True}

    with town.site.database_away():
        eventually(lambda: replica.get("/readyz").status_code == 503)
        assert replica.get("/readyz").json() == {"database": False, "broker": True, "consuming": True}
        assert replica.get("/healthz").json() == {"status": "ok"}
        eventually(lambda: town.relay.get("/readyz").status_code == 503)

    eventually(lambda: replica.get("/readyz").status_code == 200)
    eventually(lambda: town.relay.get("/readyz").status_code == 200)


def test_a_service_waits_for_its_database_to_start_and_for_its_work_to_end(fresh_site: Site) -> None:
    with fresh_site.database_away():
        replica = fresh_site.start_toy("early", ready=False)
        eventually(lambda: replica.logged("database_not_there"), timeout=20)
        assert replica.process.poll() is None
    replica.wait_ready()

    event_id = fresh_site.tell(toy.ThingHappened("last", "slow"))
    eventually(fresh_site.is_working)
    assert replica.terminate() == 0

    assert [row[0] for row in fresh_site.effects("last")] == [event_id]
    assert fresh_site.depth(toy.QUEUE) == 0
    assert [line["event"] for line in replica.logged("stopped")] == ["stopped"]


def test_a_service_asked_twice_to_end_ends_once_with_its_work_done(fresh_site: Site) -> None:
    replica = fresh_site.start_toy("impatient")
    event_id = fresh_site.tell(toy.ThingHappened("twice", "slow"))
    eventually(fresh_site.is_working)
    with replica.held():  # so that it finds both at once
        replica.process.send_signal(signal.SIGTERM)
        replica.process.send_signal(signal.SIGINT)

    assert replica.terminate() == 0

    assert [row[0] for row in fresh_site.effects("twice")] == [event_id]
    assert [line["event"] for line in replica.logged("stopped")] == ["stopped"]


def test_a_service_asked_to_end_while_its_broker_is_away_does_not_wait_for_it(fresh_site: Site) -> None:
    replica = fresh_site.start_toy("cut off")
    with fresh_site.gate.shut():
        eventually(lambda: not replica.is_ready())
        replica.terminate(toy.DRAIN_SECONDS + 10)


def test_a_page_that_is_not_there_is_not_found(town: Town) -> None:
    assert town.replicas[0].get("/nothing").status_code == 404
    assert town.relay.get("/healthz").status_code == 200
    assert "keryx_outbox_published_total" in town.relay.get("/metrics").text
