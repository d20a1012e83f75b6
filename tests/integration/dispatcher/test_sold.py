"""What was captured is told with who took it, and to where: the operator's costs depend on it."""

from __future__ import annotations

from contracts.events import MessagesProgressed, Sale
from servicekit import wire
from services.dispatcher.domain import State
from services.dispatcher.progress import gather
from tests.integration.dispatcher.tables import ACCOUNT, PRICE, Tables


def gathered(tables: Tables) -> MessagesProgressed:
    """The one event that tells of everything so far."""
    with tables.cursor() as cursor:
        gather(cursor)
    ((body,),) = tables.sql("SELECT body FROM outbox_0 WHERE exchange <> ''")
    return MessagesProgressed.from_data(wire.decode(bytes(body)).data)


def other_connector(tables: Tables) -> int:
    """The id of a second connector, 'other'."""
    ((connector_id,),) = tables.sql(
        "INSERT INTO connectors (name, host, port, system_id, password) VALUES ('other', '127.0.0.1', 1, 'k', '')"
        " RETURNING id"
    )
    return int(connector_id)


def test_sales_of_many_flushes_are_summed_by_connector_and_destination(tables: Tables) -> None:
    first = tables.taken(tables.accept(2, parts=2, number="306971000001"))
    second = tables.taken(tables.accept(1, number="306940000001"))
    tables.mark(first, [0, 1])
    tables.mark(second, [0])
    tables.store([tables.submit(first, n, no=no) for n in (0, 1) for no in (1, 2)])
    tables.store([tables.submit(second, 0)])

    event = gathered(tables)

    assert sorted(event.sold, key=lambda sale: sale.destination) == [
        Sale(ACCOUNT, "sim", "30694", 1, PRICE),
        Sale(ACCOUNT, "sim", "30697", 4, 4 * PRICE),
    ]
    assert sum(chunk.captured for chunk in event.chunks) == 5 * PRICE


def test_each_part_is_the_sale_of_the_connector_that_took_it(tables: Tables) -> None:
    taken = tables.taken(tables.accept(2, number="306971000001"))
    other = other_connector(tables)
    tables.mark(taken, [0, 1])
    tables.store([tables.submit(taken, 0), tables.submit(taken, 1)._replace(connector_id=other)])

    assert {(sale.connector, sale.parts) for sale in gathered(tables).sold} == {("sim", 1), ("other", 1)}


def test_only_what_an_operator_took_is_a_sale(tables: Tables) -> None:
    taken = tables.taken(tables.accept(3))
    tables.mark(taken, [0, 1, 2])
    states = [State.SUBMITTED, State.REJECTED, State.UNCERTAIN]
    tables.store([tables.submit(taken, n, state=state) for n, state in enumerate(states)])

    assert [sale.parts for sale in gathered(tables).sold] == [1]


def test_a_doubt_that_a_receipt_proves_is_sold_once(tables: Tables) -> None:
    taken = tables.taken(tables.accept(1))
    tables.mark(taken, [0])
    tables.store([tables.submit(taken, 0, state=State.UNCERTAIN)])
    tables.store(receipts=[tables.receipt(taken, 0)])
    tables.rejoin()
    tables.rejoin()

    assert [(sale.connector, sale.parts) for sale in gathered(tables).sold] == [("sim", 1)]


def test_a_flush_of_the_release_before_is_told_without_its_sales(tables: Tables) -> None:
    taken = tables.taken(tables.accept(1))
    tables.mark(taken, [0])
    tables.store([tables.submit(taken, 0)])
    tables.sql("UPDATE untold_progress SET sold = NULL")

    event = gathered(tables)

    assert sum(chunk.captured for chunk in event.chunks) == PRICE
    assert event.sold == []
