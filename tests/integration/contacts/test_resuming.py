"""The worker is killed in the middle; the next one finishes, and nothing is there twice."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

from servicekit.database import Database
from servicekit.database import cursor_of as cursor_of_session
from services.contacts import worker
from services.contacts.queries import audiences as audiences_read
from services.contacts.use_cases import audiences, contacts, imports, lock_contacts
from tests.integration.contacts.support import (
    Running,
    Worker,
    call,
    fetch,
    new_group,
    pages_of,
    told,
    until_over,
    upload,
)
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

# Backends of the worker that are in the middle of a page.
AT_WORK = """SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'contacts-worker-import-%%' AND xact_start IS NOT NULL"""

ROWS = 22_000
CONTENT = "\n".join(
    ["Κινητό;Όνομα", *(f"69{n * 7919 % 10**8:08};Όνομα {n}" for n in range(ROWS)), "x;y", "x;z"]
).encode()
COUNTS = {"rows": ROWS + 2, "accepted": ROWS, "updated": 0, "duplicates": 0, "rejected": 2}


@contextmanager
def held_up(database_url: str, table: str) -> Iterator[None]:
    """Nobody writes to ``table`` meanwhile: who tries waits in the middle of what he does."""
    connection = psycopg2.connect(database_url)
    try:
        connection.cursor().execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        yield
    finally:
        connection.close()


def how_many_wait_for(db: Database, table: str) -> int:
    """How many wait to write to ``table``."""
    sql = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
    return int(fetch(db, sql, table)[0][0])


def waits_for(db: Database, table: str) -> bool:
    """Whether somebody waits to write to ``table``."""
    return how_many_wait_for(db, table) > 0


def let_the_lease_run_out(db: Database) -> None:
    """As if its time had passed."""
    fetch(
        db,
        "UPDATE imports SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL RETURNING 1",
    )


def killed_while_writing_to(db: Database, worker: Running, table: str, database_url: str) -> None:
    """Hold the worker up when it writes to ``table`` next, and kill it there."""
    with held_up(database_url, table):
        eventually(lambda: waits_for(db, table), timeout=30, what=f"the worker to write to {table}")
        worker.kill()
    let_the_lease_run_out(db)


def files_under(folder: Path) -> list[Path]:
    """What anybody put aside there."""
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def workers(database_url: str) -> Iterator[Worker]:
    """Starts workers; none is left."""
    started: list[Running] = []

    class Kept(Worker):
        def start(self, module: str = "services.contacts.worker", *arguments: str) -> Running:
            started.append(super().start(module, *arguments))
            return started[-1]

    yield Kept(database_url)
    for one in started:
        one.end()


def cursor_of(db: Database, import_id: int, name: str) -> int:
    """How far the import is."""
    return int(fetch(db, f"SELECT {name} FROM imports WHERE id = %s", import_id)[0][0])


def test_an_analysis_that_was_killed_is_finished_by_the_next_worker_and_leaves_no_file(
    db: Database,
    account_id: int,
    workers: Worker,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    first = workers.start()
    import_id = upload(db, account_id, CONTENT, "file.csv")
    eventually(lambda: cursor_of(db, import_id, "staged_row"), timeout=30)
    killed_while_writing_to(db, first, "import_pages", database_url)
    staged = cursor_of(db, import_id, "staged_row")
    assert 0 < staged < ROWS
    assert fetch(db, "SELECT max(last_row) FROM import_pages WHERE import_id = %s", import_id) == [(staged,)]
    (left,) = files_under(tmp_path)
    assert left.read_bytes() == CONTENT

    workers.start()

    found = until_over(db, account_id, import_id)
    assert (found["state"], found["counts"]) == ("analysed", COUNTS)
    assert sum(page.rows for page in pages_of(db, import_id)) == ROWS + 2
    eventually(lambda: not files_under(tmp_path), what="the files to be gone")


def test_an_import_that_was_killed_is_finished_by_the_next_worker(
    db: Database, account_id: int, workers: Worker, database_url: str
) -> None:
    group_id = new_group(db, account_id)
    first = workers.start()
    import_id = upload(db, account_id, CONTENT, "file.csv")
    until_over(db, account_id, import_id)
    call(db, imports.commit_import, account_id, import_id, {"group_ids": [group_id], "blacklist": True})
    eventually(lambda: cursor_of(db, import_id, "applied_row"), timeout=30)
    # Contacts and numbers of the page are written, its memberships and its cursor are not.
    killed_while_writing_to(db, first, "group_members", database_url)
    applied = cursor_of(db, import_id, "applied")
    assert 0 < applied < ROWS
    assert fetch(db, "SELECT count(*) FROM phones WHERE account_id = %s", account_id) == [(applied,)]

    workers.start()

    done = until_over(db, account_id, import_id)
    assert (done["state"], done["counts"], done["progress"]) == (
        "done",
        COUNTS,
        {"done": ROWS, "total": ROWS},
    )
    for table in ("contacts", "phones", "suppressions"):
        assert fetch(db, f"SELECT count(*) FROM {table} WHERE account_id = %s", account_id) == [(ROWS,)]
    assert fetch(db, "SELECT count(*) FROM group_members WHERE group_id = %s", group_id) == [(ROWS,)]
    events = told(db, account_id, "contacts.suppression_bulk_changed")
    numbers = [number for event in events for number in event["suppressed"]]
    assert len(numbers) == len(set(numbers)) == ROWS
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))


def test_an_import_is_put_down_at_the_next_page_and_taken_up_at_once(
    db: Database, account_id: int, workers: Worker
) -> None:
    first = workers.start()
    import_id = upload(db, account_id, CONTENT, "file.csv")
    until_over(db, account_id, import_id)
    call(db, imports.commit_import, account_id, import_id, {})
    eventually(lambda: cursor_of(db, import_id, "applied_row"), timeout=30)
    first.end()
    assert first.process.returncode == 0
    assert fetch(db, "SELECT owner, lease_until FROM imports WHERE id = %s", import_id) == [(None, None)]

    workers.start()

    assert until_over(db, account_id, import_id)["counts"] == COUNTS


def test_a_cancelled_import_stops_between_two_pages(
    db: Database, account_id: int, workers: Worker, database_url: str
) -> None:
    workers.start()
    import_id = upload(db, account_id, CONTENT, "file.csv")
    until_over(db, account_id, import_id)
    with held_up(database_url, "phones"):
        call(db, imports.commit_import, account_id, import_id, {})
        eventually(lambda: waits_for(db, "phones"), timeout=30)
        cancelling = psycopg2.connect(database_url)
    with cancelling, cancelling.cursor() as cursor:
        imports.cancel_import(cursor, account_id, import_id)
    cancelling.close()

    found = until_over(db, account_id, import_id)
    eventually(
        lambda: fetch(db, "SELECT purged FROM imports WHERE id = %s", import_id) == [(True,)], timeout=30
    )

    assert found["state"] == "cancelled"
    assert found["progress"]["done"] < ROWS
    (event,) = told(db, account_id, "contacts.import_finished")
    assert (event["state"], event["stored"]) == ("cancelled", found["progress"]["done"])
    assert fetch(db, "SELECT count(*) FROM phones WHERE account_id = %s", account_id) == [
        (found["progress"]["done"],)
    ]


def test_a_writer_who_comes_while_two_pages_are_stored_is_let_between_and_nobody_waits_for_ever(
    db: Database, account_id: int, workers: Worker, database_url: str
) -> None:
    workers.start()
    import_id = upload(db, account_id, CONTENT, "file.csv")
    until_over(db, account_id, import_id)
    person = {"first_name": "Άλλη", "numbers": [{"number": "6901234567"}]}
    with ThreadPoolExecutor(1) as pool:
        with held_up(database_url, "phones"):
            call(db, imports.commit_import, account_id, import_id, {})
            eventually(lambda: how_many_wait_for(db, "phones") == 2, timeout=30, what="two pages at work")
            written = pool.submit(call, db, contacts.create_contact, account_id, person, None)
            waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND NOT granted"
            eventually(lambda: fetch(db, waiting), timeout=30, what="the writer to wait")
        written.result(30)

    assert until_over(db, account_id, import_id)["counts"] == COUNTS
    assert fetch(db, "SELECT count(*) FROM phones WHERE account_id = %s", account_id) == [(ROWS + 1,)]


def test_pages_of_an_import_that_another_worker_has_taken_meanwhile_are_dropped(
    db: Database, account_id: int, workers: Worker, database_url: str
) -> None:
    workers.start()
    import_id = upload(db, account_id, CONTENT, "file.csv")
    until_over(db, account_id, import_id)
    with held_up(database_url, "phones"):
        call(db, imports.commit_import, account_id, import_id, {})
        eventually(lambda: how_many_wait_for(db, "phones") == 2, timeout=30, what="two pages at work")
        taken = "UPDATE imports SET owner = 'another', lease_until = now() + interval '1 hour' WHERE id = %s RETURNING 1"
        fetch(db, taken, import_id)
    eventually(lambda: not fetch(db, AT_WORK), timeout=30, what="both pages to be over")

    applied = cursor_of(db, import_id, "applied")
    assert fetch(db, "SELECT count(*) FROM phones WHERE account_id = %s", account_id) == [(applied,)]
    assert applied < ROWS
    let_the_lease_run_out(db)
    assert until_over(db, account_id, import_id)["counts"] == COUNTS
    assert fetch(db, "SELECT count(*) FROM phones WHERE account_id = %s", account_id) == [(ROWS,)]


def test_a_snapshot_that_was_killed_is_made_by_the_next_worker_and_told_once(
    db: Database, account_id: int, workers: Worker, database_url: str
) -> None:
    first = workers.start()
    numbers = [str(6_970_000_000 + n) for n in range(3_000)]
    with held_up(database_url, "snapshot_members"):
        asked = call(db, audiences.freeze_audience, account_id, 1, {"numbers": numbers})
        eventually(lambda: waits_for(db, "snapshot_members"), timeout=30)
        first.kill()
    workers.start()
    snapshot_id = asked["snapshot_id"]

    def is_ready() -> bool:
        return bool(call(db, audiences_read.snapshot, account_id, snapshot_id)["state"] == "ready")

    eventually(is_ready, timeout=30)
    assert [event["recipients"] for event in told(db, account_id, "contacts.audience_frozen")] == [3_000]
    members = fetch(
        db, "SELECT count(*), max(ordinal) FROM snapshot_members WHERE snapshot_id = %s", snapshot_id
    )
    assert members == [(3_000, 3_000)]


def test_a_job_that_kills_its_workers_is_given_up(db: Database, account_id: int, workers: Worker) -> None:
    import_id = upload(db, account_id, CONTENT, "file.csv")
    fetch(db, "UPDATE imports SET attempts = 5 WHERE id = %s RETURNING 1", import_id)

    workers.start()

    found = until_over(db, account_id, import_id)
    assert (found["state"], found["error"]["code"]) == ("failed", "internal_error")


def test_an_import_that_met_a_full_disk_is_made_once_there_is_room(
    db: Database, account_id: int, workers: Worker
) -> None:
    running = workers.start()
    whole = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (0, whole[1]))
    import_id = upload(db, account_id, CONTENT, "file.csv")

    def tried_again() -> bool:
        let_the_lease_run_out(db)
        return cursor_of(db, import_id, "attempts") >= 2

    eventually(tried_again, timeout=30)
    assert fetch(db, "SELECT state FROM imports WHERE id = %s", import_id) == [("analysing",)]
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, whole)
    fetch(db, "UPDATE imports SET attempts = 1 WHERE id = %s RETURNING 1", import_id)
    let_the_lease_run_out(db)

    found = until_over(db, account_id, import_id)
    assert (found["state"], found["counts"]) == ("analysed", COUNTS)
    assert running.process.poll() is None


def test_a_worker_that_lost_its_connections_goes_on(db: Database, account_id: int, workers: Worker) -> None:
    running = workers.start()
    import_id = upload(db, account_id, CONTENT, "file.csv")
    eventually(lambda: cursor_of(db, import_id, "staged_row"), timeout=30)
    ours = "application_name LIKE 'contacts-worker-%%' AND datname = current_database()"

    fetch(db, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")
    let_the_lease_run_out(db)

    found = until_over(db, account_id, import_id)
    assert (found["state"], found["counts"]) == ("analysed", COUNTS)
    assert running.process.poll() is None


def test_an_import_that_is_cancelled_while_its_turn_comes_stays_cancelled(
    db: Database, account_id: int, database_url: str
) -> None:
    ((import_id,),) = fetch(
        db,
        "INSERT INTO imports (account_id, filename, source, size, state) VALUES (%s, 'f', 'file', 1, 'queued') RETURNING id",
        account_id,
    )
    cancelling = psycopg2.connect(database_url)
    cancelling.cursor().execute("UPDATE imports SET state = 'cancelled' WHERE id = %s", (import_id,))
    with ThreadPoolExecutor(1) as aside:
        promoting = aside.submit(fetch, db, f"{worker.PROMOTE} RETURNING id")
        eventually(
            lambda: fetch(db, "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
        )
        cancelling.commit()
        promoted = promoting.result(30)
    cancelling.close()

    assert (import_id,) not in promoted
    assert fetch(db, "SELECT state FROM imports WHERE id = %s", import_id) == [("cancelled",)]


def test_a_commit_with_names_of_groups_waits_for_a_page_without_keeping_it_from_its_import(
    db: Database, account_id: int, workers: Worker
) -> None:
    workers.start()
    import_id = upload(db, account_id, CONTENT, "file.csv")
    until_over(db, account_id, import_id)
    wanted = {"group_names": ["Φίλοι"]}
    with ThreadPoolExecutor(1) as aside:
        with db.transaction() as page:
            lock_contacts(page, account_id)
            committing = aside.submit(call, db, imports.commit_import, account_id, import_id, wanted)
            eventually(
                lambda: fetch(db, "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
            )
            cursor_of_session(page).execute(
                "SELECT state FROM imports WHERE id = %s FOR UPDATE NOWAIT", (import_id,)
            )
        committing.result(30)
    assert until_over(db, account_id, import_id)["state"] == "done"
