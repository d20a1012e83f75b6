"""RPC: failures arrive as what they are, ids travel along, and nobody waits for ever."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contracts.errors import Conflict, NotFound, Unavailable, Unexpected
from servicekit import context
from servicekit.rpcclient import Client
from tests.support.waiting import eventually

from .conftest import Town
from .support import Site

pytestmark = pytest.mark.integration

REFUSED = 'keryx_rpc_calls_total{method="make",outcome="outcome_unknown"}'


def test_an_expected_failure_arrives_as_its_kind_with_code_detail_and_fields(town: Town) -> None:
    with pytest.raises(NotFound) as caught:
        town.client.call("toy", "fail", "leaf")

    error = caught.value
    assert (error.code, error.detail) == ("no_such_thing", "not here")
    assert error.errors == [{"pointer": "/name", "code": "unknown", "detail": "Ω"}]
    assert error.status == 404


def test_an_unexpected_failure_is_hidden_from_the_caller_and_logged_with_its_traceback(town: Town) -> None:
    context.enter("find-me")
    with pytest.raises(Unexpected) as caught:
        town.client.call("toy", "fail", "badly")

    assert caught.value.code == "internal_error"
    assert "hunter2" not in str(caught.value)
    lines = [line for one in town.replicas for line in one.logged("rpc_failed")]
    (line,) = [line for line in lines if line.get("correlation_id") == "find-me"]
    assert "RuntimeError: password=hunter2" in line["exception"]
    assert "in fail" in line["exception"]


@pytest.mark.parametrize("sqlstate", ["55P03", "40P01", "40001"])
def test_who_waited_too_long_for_somebody_else_can_try_again(town: Town, sqlstate: str) -> None:
    with pytest.raises(Unavailable) as caught:
        town.client.call("toy", "fail", f"sqlstate {sqlstate}")

    assert caught.value.code == "busy"
    with pytest.raises(Unexpected):
        town.client.call("toy", "fail", "sqlstate 23505")


@pytest.mark.parametrize("call", [("fail", 1, 2, 3), ("no_such_method",), ("make",)])
def test_a_call_that_fits_no_method_is_a_fault_of_ours_and_hurts_nobody(
    town: Town, call: tuple[object, ...]
) -> None:
    with pytest.raises(Unexpected):
        town.client.call("toy", *call)  # type: ignore[arg-type]

    assert town.client.call("toy", "nap", 0) == "awake"
    assert all(one.process.poll() is None for one in town.replicas)


def test_one_correlation_id_goes_through_rpc_event_consumer_and_the_calls_it_makes(town: Town) -> None:
    context.enter("one-id-for-all")

    made = town.client.call("toy", "ask", "own", "make", "correlated", "ask")

    eventually(lambda: town.site.effects("correlated"))
    ((event_id, _, correlation_id, asked),) = town.site.effects("correlated")
    assert event_id == made["event_id"]
    assert (correlation_id, asked) == ("one-id-for-all", "one-id-for-all")


def test_callers_do_not_see_each_others_correlation_ids(town: Town) -> None:
    ids = [f"caller-{n}" for n in range(8)]
    seen: dict[str, str] = {}

    def call(own: str) -> None:
        context.enter(own)
        client = Client(town.site.amqp_uri)
        seen[own] = client.call("toy", "whoami")
        client.close()

    threads = [threading.Thread(target=call, args=(own,)) for own in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {own: own for own in ids}


@pytest.mark.parametrize(("target", "call"), [("nobody", ("nap", 0)), ("own", ("nap", 3))])
def test_a_service_that_does_not_answer_another_one_is_unavailable(
    town: Town, target: str, call: tuple[object, ...]
) -> None:
    with pytest.raises(Unavailable) as caught:
        town.client.call("toy", "ask", target, *call)

    assert caught.value.code == "service_unavailable"
    assert town.client.call("toy", "nap", 0) == "awake"


def test_failures_keep_their_kind_through_two_services(town: Town) -> None:
    with pytest.raises(NotFound) as caught:
        town.client.call("toy", "ask", "own", "fail", "leaf")
    assert caught.value.code == "no_such_thing"
    with pytest.raises(Unexpected):
        town.client.call("toy", "ask", "own", "fail", "badly")


def test_a_client_gives_up_after_its_timeout_and_the_late_answer_goes_to_nobody(town: Town) -> None:
    client = Client(town.site.amqp_uri, timeout=2)  # enough for what comes after, on a busy machine too
    with pytest.raises(Unavailable):
        client.call("toy", "nap", 4)

    assert not client.is_connected()
    assert client.call("toy", "whoami") == context.correlation_id()
    assert client.is_connected()
    client.close()


def test_a_client_outlives_the_brokers_connection(town: Town) -> None:
    client = Client(town.site.amqp_uri, timeout=2)
    assert client.call("toy", "nap", 0) == "awake"
    town.site.cut_broker_connections()

    def awake() -> bool:
        try:
            return bool(client.call("toy", "nap", 0) == "awake")
        except Unavailable:
            return False

    eventually(awake)
    client.close()


def test_a_client_without_a_broker_says_unavailable() -> None:
    with pytest.raises(Unavailable):
        Client("amqp://guest:guest@127.0.0.1:1/none").call("toy", "nap", 0)


def test_the_effect_of_a_failed_call_is_taken_back_with_its_event(town: Town) -> None:
    with pytest.raises(NotFound):
        town.client.call("toy", "make", "taken back", "rollback")
    kept = town.client.call("toy", "make", "kept")

    eventually(lambda: town.site.effects("kept"))
    assert town.site.effects("kept")[0][0] == kept["event_id"]
    assert town.site.effects("taken back") == []


def test_calls_repeated_under_one_key_at_once_have_one_effect_and_one_answer(town: Town) -> None:
    answers: list[str] = []

    def call() -> None:
        client = Client(town.site.amqp_uri)
        answers.append(client.call("toy", "make", "under a key", key="k1")["event_id"])
        client.close()

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 6
    assert len(set(answers)) == 1
    eventually(lambda: town.site.effects("under a key"))
    assert [row[0] for row in town.site.effects("under a key")] == answers[:1]
    with pytest.raises(Conflict) as caught:
        town.client.call("toy", "make", "something else", key="k1")
    assert caught.value.code == "idempotency_key_reused"


def test_calls_are_counted_and_timed(town: Town) -> None:
    town.client.call("toy", "nap", 0.3)

    def total(sample: str) -> float:
        return sum(one.metric(sample) for one in town.replicas)

    assert total('keryx_rpc_calls_total{method="nap",outcome="ok"}') >= 1
    assert total('keryx_rpc_seconds_sum{method="nap"}') >= 0.3


def test_a_timer_goes_on_after_it_failed(town: Town) -> None:
    replica = town.replicas[0]

    def failures() -> int:
        return len(replica.logged("timer_failed"))

    before = failures()
    eventually(lambda: failures() >= before + 2)
    assert "every third tick" in replica.logged("timer_failed")[-1]["exception"]


@pytest.mark.parametrize("key", [None, "under a key"])
def test_a_call_whose_service_was_killed_after_its_commit_has_one_effect_and_an_honest_answer(
    fresh_site: Site, tmp_path: Path, key: str | None
) -> None:
    (tmp_path / "toy.make.done").write_text("kill")
    first = fresh_site.start_toy("first", KERYX_CRASH_POINTS=str(tmp_path))
    client = Client(fresh_site.amqp_uri, timeout=60)
    with ThreadPoolExecutor(1) as aside:
        call = aside.submit(client.call, "toy", "make", "dear", key=key)
        first.process.wait(30)
        fresh_site.start_toy("second")
        failure = call.exception()
    client.close()

    made = fresh_site.told()
    assert len(made) == 1
    if key:
        assert [call.result()["event_id"]] == made
    else:
        assert isinstance(failure, Unavailable)
        assert failure.code == "outcome_unknown"


def test_a_call_that_was_published_and_not_confirmed_is_not_carried_out_twice(fresh_site: Site) -> None:
    replica = fresh_site.start_toy("toy", KERYX_AMQP_URI=fresh_site.amqp_uri)
    client = Client(fresh_site.amqp_uri_through_gate, timeout=10)
    assert client.call("toy", "nap", 0) == "awake"
    with ThreadPoolExecutor(1) as aside:
        with fresh_site.gate.mute():
            call = aside.submit(client.call, "toy", "make", "dear")
            eventually(fresh_site.told)
        eventually(lambda: replica.metric(REFUSED) == 1, what="the second of the two to be refused")
        assert [call.result()["event_id"]] == fresh_site.told()  # the first one's answer had not been taken
    client.close()


def test_a_call_that_nobody_took_in_time_is_not_carried_out_later(fresh_site: Site) -> None:
    assert fresh_site.start_toy("first").terminate() == 0
    client = Client(fresh_site.amqp_uri, timeout=1)
    with pytest.raises(Unavailable):
        client.call("toy", "make", "late")
    fresh_site.start_toy("second")

    client = Client(fresh_site.amqp_uri)
    in_time = client.call("toy", "make", "in time")
    client.close()

    assert fresh_site.told() == [in_time["event_id"]]
