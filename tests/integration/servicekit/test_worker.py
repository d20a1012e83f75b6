"""Plain processes: they end when asked, die when they must, and come back after an outage."""

from __future__ import annotations

import pytest

from tests.support.waiting import eventually

from .support import Program, Site

pytestmark = pytest.mark.integration


def start(site: Site, how: str, ready: bool = True) -> Program:
    return site.start(how, "tests.integration.servicekit.toy_worker", how, ready=ready)


def test_a_worker_comes_back_after_an_outage_and_ends_cleanly_when_asked(fresh_site: Site) -> None:
    worker = start(fresh_site, "well")

    with fresh_site.database_away():
        eventually(lambda: worker.logged("outage"))
        eventually(lambda: worker.get("/readyz").status_code == 503)
        assert worker.get("/healthz").status_code == 200

    eventually(worker.is_ready)
    assert len(worker.logged("opened")) == 2
    assert len(worker.logged("closed")) == 1
    assert worker.terminate() == 0
    assert len(worker.logged("closed")) == 2
    assert worker.logged("stopped")


def test_a_worker_asked_to_end_while_it_waits_for_its_database_does_not_wait_on(fresh_site: Site) -> None:
    with fresh_site.database_away():
        worker = start(fresh_site, "well", ready=False)
        eventually(lambda: worker.logged("database_not_there"))

        assert worker.terminate() == 0
    assert not worker.logged("opened")


def test_an_unexpected_failure_ends_the_process_with_its_traceback(fresh_site: Site) -> None:
    worker = start(fresh_site, "raise", ready=False)

    assert worker.process.wait(20) == 1
    assert "RuntimeError: nobody expected that" in worker.log.read_text()
    assert worker.logged("closed")


def test_a_thread_that_fails_takes_its_process_along(fresh_site: Site) -> None:
    worker = start(fresh_site, "thread", ready=False)

    assert worker.process.wait(20) == 70
    (line,) = worker.logged("thread_failed")
    assert line["level"] == "critical"
    assert "RuntimeError: a thread of its own" in line["exception"]


def test_a_worker_that_makes_no_progress_is_not_ready(fresh_site: Site) -> None:
    worker = start(fresh_site, "stall", ready=False)
    eventually(lambda: worker.logged("opened"), timeout=20)

    eventually(lambda: worker.get("/readyz").json() == {"progress": False})
    assert worker.process.poll() is None
