"""The blacklist and how it is told."""

from __future__ import annotations

import threading

import pytest

from servicekit.database import Database
from services.contacts.errors import InvalidFields, NotSuppressed, TooManyNumbers
from services.contacts.queries import suppressions as read
from services.contacts.use_cases import audit, suppressions
from tests.integration.contacts.support import call, told

pytestmark = pytest.mark.integration

CHANGED, BULK_CHANGED = "contacts.suppression_changed", "contacts.suppression_bulk_changed"


def numbers(count: int, first: int = 6_970_000_000) -> list[str]:
    """So many Greek mobile numbers."""
    return [str(first + index) for index in range(count)]


def test_numbers_are_read_in_any_shape_and_invalid_ones_named(db: Database, account_id: int) -> None:
    given = ["697 123 4567", "+306971234568", "210-1234567", "6971234567", "x"]

    result = call(db, suppressions.suppress, account_id, given, "asked by phone", "api")

    assert (result["suppressed"], result["known"]) == (2, 0)
    assert [bad["index"] for bad in result["invalid"]] == [2, 4]
    (event,) = told(db, account_id, CHANGED)
    assert event == {
        "account_id": account_id,
        "sequence": 1,
        "suppressed": ["306971234567", "306971234568"],
        "lifted": [],
    }


def test_a_number_that_is_on_the_list_is_not_told_again(db: Database, account_id: int) -> None:
    call(db, suppressions.suppress, account_id, numbers(2), "", "api")
    result = call(db, suppressions.suppress, account_id, numbers(3), "", "api")

    assert (result["suppressed"], result["known"]) == (1, 2)
    assert [len(event["suppressed"]) for event in told(db, account_id, CHANGED)] == [2, 1]


def test_nothing_is_told_when_nothing_changed(db: Database, account_id: int) -> None:
    call(db, suppressions.suppress, account_id, numbers(1), "", "api")
    call(db, suppressions.suppress, account_id, numbers(1), "", "api")

    assert len(told(db, account_id, CHANGED)) == 1


def test_events_hold_at_most_500_numbers_and_count_by_one(db: Database, account_id: int) -> None:
    call(db, suppressions.suppress, account_id, numbers(1_201), "", "api")

    events = told(db, account_id, BULK_CHANGED)
    assert [(event["sequence"], len(event["suppressed"])) for event in events] == [
        (1, 500),
        (2, 500),
        (3, 201),
    ]


def test_a_change_of_several_events_leaves_the_way_of_opt_outs_free(db: Database, account_id: int) -> None:
    call(db, suppressions.suppress, account_id, numbers(501), "", "api")
    call(db, suppressions.suppress, account_id, numbers(501), "", "api")
    call(db, suppressions.suppress, account_id, numbers(500, 6_980_000_000), "", "api")
    with db.transaction() as session:
        suppressions.lift(session, account_id, [int(f"30{number}") for number in numbers(501)])
    call(db, suppressions.unsuppress, account_id, "6980000000")

    assert [event["sequence"] for event in told(db, account_id, BULK_CHANGED)] == [1, 2, 4, 5]
    assert [event["sequence"] for event in told(db, account_id, CHANGED)] == [3, 6]


def test_a_lifted_number_can_be_sent_to_again(db: Database, account_id: int) -> None:
    call(db, suppressions.suppress, account_id, numbers(2), "", "api")
    call(db, suppressions.unsuppress, account_id, "697 000 0000")

    listed = call(db, read.list_suppressed, account_id, None, None, None, 10)["data"]
    assert [one["number"] for one in listed] == ["306970000001"]
    assert told(db, account_id, CHANGED)[-1]["lifted"] == ["306970000000"]
    with pytest.raises(NotSuppressed):
        call(db, suppressions.unsuppress, account_id, "6970000000")


def test_a_paste_of_any_shape_is_taken_and_what_is_no_number_named_by_its_line(
    db: Database, account_id: int
) -> None:
    text = "Μαρία 697 123 4567; 6971234568\n+30 6971234567\n2101234567 hello"

    result = call(db, suppressions.suppress_text, account_id, text, "complained", "paste")

    assert (result["suppressed"], result["known"]) == (2, 0)
    assert {bad["line"] for bad in result["invalid"]} == {1, 3}
    listed = call(db, read.list_suppressed, account_id, None, None, None, 10)["data"]
    assert [(one["number"], one["reason"], one["source"]) for one in listed] == [
        ("306971234567", "complained", "paste"),
        ("306971234568", "complained", "paste"),
    ]
    for nothing in ("hello", "", None, 7):
        with pytest.raises(InvalidFields):
            call(db, suppressions.suppress_text, account_id, nothing, "", "paste")


def test_the_list_is_searched_by_some_digits_and_by_how_numbers_came(db: Database, account_id: int) -> None:
    call(db, suppressions.suppress, account_id, numbers(30), "", "api")
    call(db, suppressions.suppress, account_id, numbers(3, 6_981_110_000), "", "hand")

    def found(search: str | None, source: str | None = None, cursor: str | None = None) -> list[str]:
        page = call(db, read.list_suppressed, account_id, search, source, cursor, 20)
        return [one["number"] for one in page["data"]]

    assert found("698 111") == found("+30698") == found(None, "hand") == [f"30698111000{n}" for n in range(3)]
    assert found("697 000 0012") == found("0030 6970000012") == found("306970000012") == ["306970000012"]
    assert found("+698") == found("000 0012") == found("698", "api") == found("μαρια") == found("69") == []
    assert len(found(None, "api")) == 20
    call(db, suppressions.put, account_id, [306_955_000_001], "", "import 12")
    call(db, suppressions.put, account_id, [306_955_000_002], "", "import 123")
    assert found(None, "import") == ["306955000001", "306955000002"]
    assert found(None, "import 12") == ["306955000001"]
    assert found(None, "imp") == found(None, "12") == found(None, "import 1") == found(None, "bulk") == []
    assert len(found("697", "api", "306970000019")) == 10


def test_how_far_each_list_has_come_is_told_in_pages(db: Database, account_id: int) -> None:
    for _ in range(2):
        call(db, suppressions.suppress, account_id, numbers(501), "", "api")

    page = call(db, read.suppression_sequences, account_id - 1, 1)
    assert page == {"sequences": [[account_id, 2]]}
    assert call(db, read.suppression_sequences, 2**62, 10) == {"sequences": []}


def test_a_list_without_any_number_is_refused(db: Database, account_id: int) -> None:
    for given in (["x", ""], [], "6971234567", None, [{"number": 1}]):
        with pytest.raises(InvalidFields):
            call(db, suppressions.suppress, account_id, given, "", "api")


def test_more_than_fifty_thousand_at_once_are_refused(db: Database, account_id: int) -> None:
    with pytest.raises(TooManyNumbers):
        call(db, suppressions.suppress, account_id, ["x"] * 50_001, "", "api")


def test_a_resync_replays_the_list_as_it_is_now_and_never_stops_within_a_sequence(
    db: Database, account_id: int
) -> None:
    call(db, suppressions.suppress, account_id, numbers(700), "", "api")
    call(db, suppressions.suppress, account_id, numbers(100, 6_980_000_000), "", "api")
    call(db, suppressions.unsuppress, account_id, "6970000003")
    copy: set[str] = set()
    sequence, pages = 0, 0
    while True:
        page = call(db, read.suppressions_since, account_id, sequence, 10)
        copy = (copy | set(page["suppressed"])) - set(page["lifted"])
        sequence, pages = page["sequence"], pages + 1
        if not page["more"]:
            break

    assert sequence == 4
    assert pages > 1
    assert copy == {f"30{n}" for n in (*numbers(700), *numbers(100, 6_980_000_000))} - {"306970000003"}


def test_a_resync_from_the_newest_sequence_has_nothing(db: Database, account_id: int) -> None:
    call(db, suppressions.suppress, account_id, numbers(1), "", "api")

    page = call(db, read.suppressions_since, account_id, 1, 10)
    assert page == {"sequence": 1, "suppressed": [], "lifted": [], "more": False}
    assert call(db, read.suppressions_since, account_id + 1_000_000, 0, 10)["sequence"] == 0


def test_a_resync_does_not_wait_for_who_writes_the_list_and_shows_nothing_of_it(
    db: Database, account_id: int
) -> None:
    call(db, suppressions.suppress, account_id, numbers(1), "", "api")
    with db.transaction() as session:
        suppressions.suppress(session, account_id, numbers(2), "", "api")
        page = call(db, read.suppressions_since, account_id, 0, 10)

    assert page == {"sequence": 1, "suppressed": ["306970000000"], "lifted": [], "more": False}


def test_sequences_have_no_gap_when_many_write_at_once(db: Database, account_id: int) -> None:
    def write(worker: int) -> None:
        for index in range(5):
            call(
                db, suppressions.suppress, account_id, [str(6_970_000_000 + worker * 100 + index)], "", "api"
            )

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(event["sequence"] for event in told(db, account_id, CHANGED)) == list(range(1, 21))


def test_each_call_is_in_the_audit_once_with_counts_and_no_numbers(db: Database, account_id: int) -> None:
    call(db, suppressions.suppress, account_id, ["6970000001", "6970000002"], "asked", "api")
    call(db, suppressions.suppress_text, account_id, "6970000002 6970000003", "", "paste")
    call(db, suppressions.unsuppress, account_id, "6970000003")

    entries = call(db, audit.list_audit, account_id, {}, None, 10)["data"]
    assert [(one["action"], one["details"]) for one in entries] == [
        ("blacklist.lifted", {"lifted": 1}),
        ("blacklist.added", {"source": "paste", "suppressed": 1, "known": 1}),
        ("blacklist.added", {"source": "api", "suppressed": 2, "known": 0}),
    ]
    assert "697000" not in str(entries)
