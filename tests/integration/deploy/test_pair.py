"""A private pair in a folder of its own: started, used, started again, gone."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pika
import psycopg2
import pytest
from pika.exceptions import AMQPConnectionError, ProbableAuthenticationError

from deploy.local import proc, worlds
from deploy.local.account import outside_folder
from deploy.local.layout import Layout
from deploy.local.pair import Pair

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair below a folder that only its owner may enter, as a clone below /root is."""
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    made = Pair(Layout(closed / "run").make())
    made.stay()
    with made.leased():
        pass
    yield made
    made.stop()
    shutil.rmtree(outside_folder(made.layout), ignore_errors=True)


@pytest.fixture(scope="module")
def world(pair: Pair) -> worlds.World:
    """The world of the stack on that pair."""
    return worlds.provision(pair)


def test_a_second_start_finds_everything_there(pair: Pair, world: worlds.World) -> None:
    before = (pair.postgres.pid(), pair.rabbitmq.pid())
    pair.start()
    assert worlds.provision(pair) == world
    assert (pair.postgres.pid(), pair.rabbitmq.pid()) == before
    assert None not in before


def test_it_keeps_every_acknowledged_commit(pair: Pair) -> None:
    with worlds.administering(pair.postgres.admin_url()) as cursor:
        settings = ("fsync", "synchronous_commit", "full_page_writes")
        cursor.execute("SELECT setting FROM pg_settings WHERE name = ANY(%s)", (list(settings),))
        assert cursor.fetchall() == [("on",)] * 3


def test_a_service_enters_its_own_database_and_no_other(world: worlds.World) -> None:
    with psycopg2.connect(world.database_urls["billing"]) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), current_user")
        assert cursor.fetchone() == ("keryx_billing", "keryx_billing")
    strange = world.database_urls["billing"].removesuffix("/keryx_billing") + "/keryx_accounts"
    with pytest.raises(psycopg2.OperationalError, match="permission denied"):
        psycopg2.connect(strange)


def test_a_world_enters_its_own_virtual_host_and_no_other(pair: Pair, world: worlds.World) -> None:
    other = worlds.provision(pair, "keryx_other")
    with pytest.raises(AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(world.amqp_uri.removesuffix("/keryx") + "/keryx_other"))
    pika.BlockingConnection(pika.URLParameters(other.amqp_uri)).close()
    worlds.drop(pair, "keryx_other")
    assert worlds.names(pair, "keryx_other") == set()
    assert worlds.names(pair, "keryx") == {"keryx"}
    with pytest.raises(ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(other.amqp_uri))


def test_nobody_enters_with_the_broker_s_well_known_password(pair: Pair, world: worlds.World) -> None:
    with pytest.raises(ProbableAuthenticationError):
        pika.BlockingConnection(
            pika.URLParameters(f"amqp://guest:guest@127.0.0.1:{pair.rabbitmq.port}/keryx")
        )


def test_what_it_remembers_is_for_its_owner_s_eyes(pair: Pair) -> None:
    secret = pair.layout.run / "state.json"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_its_own_broker_is_not_taken_for_one_that_was_given(
    pair: Pair, world: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERYX_AMQP_URI", world.amqp_uri)
    assert Pair.from_environment(pair.layout).given_broker is None
    monkeypatch.setenv("KERYX_AMQP_URI", "amqp://user:secret@127.0.0.1:1/vhost")
    assert Pair.from_environment(pair.layout).given_broker == "amqp://user:secret@127.0.0.1:1/vhost"


def test_it_is_not_stopped_while_somebody_holds_a_lease(pair: Pair) -> None:
    with pair.leased():
        assert not pair.stop()
        assert pair.rabbitmq.pid()


def test_data_survives_a_stop_and_after_it_nothing_of_it_runs(pair: Pair, world: worlds.World) -> None:
    with psycopg2.connect(world.database_urls["billing"]) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 1 AS one")
    assert pair.stop()
    for place in (pair.layout.run, outside_folder(pair.layout)):
        assert proc.working_in(place) == []
    assert list(pair.layout.pids.glob("*.pid")) == []
    with pair.leased():
        again = worlds.provision(pair)
        with psycopg2.connect(again.database_urls["billing"]) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT one FROM kept")
            assert cursor.fetchone() == (1,)
    assert pair.postgres.pid() is None  # not asked to stay this time, so the last lease ended it


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the servers to other users")
def test_below_a_closed_folder_the_data_lies_where_the_servers_can_reach_it(pair: Pair) -> None:
    link = pair.layout.run / "postgresql"
    assert link.is_symlink()
    assert link.resolve() == outside_folder(pair.layout) / "postgresql"
    assert stat.S_IMODE(Path(link.resolve()).stat().st_mode) == 0o700


def test_servers_left_over_from_a_deleted_folder_are_ended_before_new_ones_start(pair: Pair) -> None:
    pair.start()
    left = (pair.postgres.pid(), pair.rabbitmq.pid())
    (pair.layout.run / "state.json").unlink()
    fresh = Pair(pair.layout)
    fresh.start()
    assert [pid for pid in left if pid is None or proc.birth(pid)] == []
    worlds.provision(fresh)
    fresh.stop()
