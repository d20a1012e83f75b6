"""The expander: turns the snapshot of a running campaign into chunks, as fast as they leave and no faster (DESIGN §3.3).

Run as ``python -m services.campaigns.expander``. For each page: render, commit the chunk as ``preparing`` with the cursor moved
on, hold its price, commit ``queued`` with the outbox row. Killed between any two of these, whoever comes next finds the
chunk ``preparing`` and goes on with it; the same hold asked for again is the same hold.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from prometheus_client import Counter, Gauge

from contracts import envelope
from contracts.chunks import MAX_MESSAGES, QUEUES, Chunk
from contracts.errors import KeryxError
from contracts.tariff import Tariff
from servicekit import context, crashpoints, logs, settings, wire, worker
from servicekit.rpcclient import Client

from . import domain, flow, progress
from .rendering import Renderer, Wording
from .settings import CampaignSettings

log = logs.get(__name__)

LEASE_SECONDS = 10
PAGES_A_CALL = 4
IDLE_SECONDS = 0.5

recipients_expanded = Counter("keryx_recipients_expanded_total", "Recipients rendered into chunks")
recipients_refused = Counter(
    "keryx_recipients_refused_total", "Recipients no message could be made for", ["code"]
)
rate_measured = Gauge("keryx_expander_rate", "Messages a second that leave, as the flow control sees it")

_CLAIM = """
UPDATE campaigns c SET lease_owner = %s, lease_until = now() + make_interval(secs => %s) WHERE c.id IN (
    SELECT id FROM campaigns WHERE (state IN ('running', 'cancelled') AND EXISTS (
        SELECT FROM chunks WHERE campaign_id = campaigns.id AND chunks.state = 'preparing')
        OR state = 'running' AND phase = 'expanding')
    AND (lease_until IS NULL OR lease_until < now() OR lease_owner = %s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id, account_id, state, phase, text, encoding, unsubscribe, labels, sender, price_class, pace, tariff, snapshot_id,
    recipients, cursor, correlation_id
"""
_INSERT_CHUNK = """
INSERT INTO chunks (id, campaign_id, account_id, first_ordinal, last_ordinal, messages, parts, amount, content)
OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_MOVE_CURSOR = """
UPDATE campaigns SET cursor = %s WHERE id = %s AND cursor = %s AND state = 'running' AND lease_owner = %s
"""
_PREPARING = """
SELECT id, amount FROM chunks WHERE campaign_id = %s AND state = 'preparing' ORDER BY id LIMIT 32
"""


@dataclass(frozen=True)
class Claimed:
    """A campaign that this process works on for LEASE_SECONDS."""

    id: int
    account_id: int
    state: str
    phase: str | None
    text: str
    encoding: Any
    unsubscribe: bool
    labels: dict[str, str]
    sender: str
    price_class: str
    pace: int | None
    tariff: dict[str, Any] | None
    snapshot_id: int | None
    recipients: int
    cursor: int
    correlation_id: str | None


@dataclass(frozen=True)
class Page:
    """A chunk before it is stored: what can be sent of ordinals ``first``..``last``."""

    first: int
    last: int
    rows: list[list[Any]]
    refused: int

    @property
    def parts(self) -> int:
        """Parts of all messages."""
        return sum(row[3] for row in self.rows)

    @property
    def amount(self) -> int:
        """Micro-euro that all parts cost."""
        return sum(row[3] * row[4] for row in self.rows)


class Expander:
    """One round after the other: claim, finish what was begun, expand what the flow allows."""

    def __init__(self, process: worker.Process) -> None:
        """Connect to the database; the broker is needed for calls only."""
        self._process = process
        self._owner = process.settings.instance
        self._database = process.connect("expander")
        self._listener = process.connect("expander-listen", autocommit=True)
        self._listener.cursor().execute(f"LISTEN {progress.CHANNEL}")
        self._calls = Client(process.settings.amqp_uri)
        self._public_host = settings.read(CampaignSettings).public_host
        self._renderers: dict[int, Renderer] = {}
        self._meter = flow.Meter()

    def run(self) -> None:
        """Work until asked to stop. Raises when the database went away."""
        while not self._process.stopping.is_set():
            try:
                worked = self._round()
            except KeryxError as error:
                # A service that is away comes back; what was begun is `preparing` and will be found.
                log.warning("round_failed", code=error.code, detail=error.detail)
                worked = False
                self._process.stopping.wait(IDLE_SECONDS)
            self._process.progressed()
            if not worked:
                self._wait()

    def close(self) -> None:
        """Let go of everything."""
        self._database.close()
        self._listener.close()
        self._calls.close()

    def _round(self) -> bool:
        with self._database, self._database.cursor() as cursor:
            cursor.execute(_CLAIM, (self._owner, LEASE_SECONDS, self._owner))
            claimed = [Claimed(*row) for row in cursor.fetchall()]
            if not claimed:
                self._renderers.clear()
                return False
            load = flow.load(cursor)
        self._meter.observe(load.left, time.monotonic())
        rate_measured.set(self._meter.rate)
        worked = [self._work_on(campaign, load) for campaign in flow.in_turn(claimed, load)]
        return any(worked)

    def _work_on(self, campaign: Claimed, load: flow.Load) -> bool:
        context.enter(campaign.correlation_id)
        if campaign.state == "cancelled":
            return self._drop(campaign)
        queued = self._queue_prepared(campaign)
        allowed = min(flow.allowance(load, campaign.account_id, self._meter.rate), self._paced(campaign))
        if campaign.phase != "expanding" or allowed < 1:
            return queued
        pages = self._pages(campaign, min(allowed, PAGES_A_CALL * MAX_MESSAGES))
        if not self._store(campaign, pages):
            return queued
        crashpoints.reach("expander.prepared")
        load.take(campaign.account_id, sum(len(page.rows) for page in pages))
        self._queue_prepared(campaign)
        return True

    def _paced(self, campaign: Claimed) -> int:
        """How many messages the campaign's own pace allows now."""
        if campaign.pace is None:
            return PAGES_A_CALL * MAX_MESSAGES
        with self._database, self._database.cursor() as cursor:
            cursor.execute(
                "SELECT extract(epoch FROM now() - max(created_at)) FROM chunks WHERE campaign_id = %s",
                (campaign.id,),
            )
            since = cursor.fetchone()[0]
        return flow.paced(campaign.pace, None if since is None else float(since))

    def _pages(self, campaign: Claimed, allowed: int) -> list[Page]:
        members = self._calls.call(
            "contacts", "audience_page", campaign.account_id, campaign.snapshot_id, campaign.cursor, allowed
        )["members"]
        renderer = self._renderer(campaign)
        return [_render(renderer, page) for page in _split(members, MAX_MESSAGES)]

    def _renderer(self, campaign: Claimed) -> Renderer:
        known = self._renderers.get(campaign.id)
        if known is None:
            wording = Wording(campaign.text, campaign.encoding, campaign.unsubscribe, campaign.labels)
            assert campaign.tariff is not None  # frozen when the campaign started
            known = Renderer(wording, self._public_host, Tariff.from_data(campaign.tariff))
            self._renderers[campaign.id] = known
        return known

    def _store(self, campaign: Claimed, pages: list[Page]) -> bool:
        """Commit the pages as chunks with the cursor moved past them. False when the campaign is not ours any more."""
        last = pages[-1].last if pages else campaign.recipients
        with self._database, self._database.cursor() as cursor:
            cursor.execute(_MOVE_CURSOR, (last, campaign.id, campaign.cursor, self._owner))
            if not cursor.rowcount:
                return False
            self._insert_chunks(cursor, campaign, [page for page in pages if page.rows])
            if refused := sum(page.refused for page in pages):
                progress.reject_unsendable(cursor, campaign.id, refused)
            if last >= campaign.recipients:
                progress.finish_expanding(cursor, campaign.id)
        recipients_expanded.inc(sum(len(page.rows) for page in pages))
        return True

    def _insert_chunks(self, cursor: Any, campaign: Claimed, pages: list[Page]) -> None:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('chunks', 'id')) FROM generate_series(1, %s)",
            (len(pages),),
        )
        for (chunk_id,), page in zip(cursor.fetchall(), pages, strict=True):
            cursor.execute(
                _INSERT_CHUNK,
                (
                    chunk_id, campaign.id, campaign.account_id, page.first, page.last, len(page.rows), page.parts,
                    page.amount, _content(campaign, chunk_id, page),
                ),
            )  # fmt: skip

    def _queue_prepared(self, campaign: Claimed) -> bool:
        """Hold the price of what is prepared and queue it; not enough money pauses the campaign."""
        with self._database, self._database.cursor() as cursor:
            cursor.execute(_PREPARING, (campaign.id,))
            prepared = cursor.fetchall()
        if not prepared:
            return False
        answers = self._calls.call(
            "billing",
            "hold",
            holds=[
                {
                    "id": domain.hold_of_chunk(chunk_id),
                    "account_id": campaign.account_id,
                    "amount": amount,
                    "reference": f"campaign:{campaign.id}",
                }
                for chunk_id, amount in prepared
            ],
        )["results"]
        crashpoints.reach("expander.held")
        held = [chunk_id for (chunk_id, _), answer in zip(prepared, answers, strict=True) if answer["ok"]]
        refusals = [answer["code"] for answer in answers if not answer["ok"]]
        with self._database, self._database.cursor() as cursor:
            if held and progress.lock(cursor, campaign.id) == "running":
                _queue(cursor, held)
            if refusals:
                log.info("hold_refused", campaign_id=campaign.id, code=refusals[0])
                progress.pause_by_itself(cursor, campaign.id, refusals[0])
        return bool(held)

    def _drop(self, campaign: Claimed) -> bool:
        """A cancelled campaign's prepared chunks never leave: their holds go back, then the chunks."""
        with self._database, self._database.cursor() as cursor:
            cursor.execute(_PREPARING, (campaign.id,))
            prepared = [chunk_id for chunk_id, _ in cursor.fetchall()]
        for chunk_id in prepared:
            self._calls.call("billing", "release_hold", hold_id=domain.hold_of_chunk(chunk_id))
            with self._database, self._database.cursor() as cursor:
                progress.drop_chunk(cursor, campaign.id, chunk_id)
        return bool(prepared)

    def _wait(self) -> None:
        ready, _, _ = select.select([self._listener], [], [], IDLE_SECONDS)
        if ready:
            self._listener.poll()
            self._listener.notifies.clear()


def _split(members: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (members[start : start + size] for start in range(0, len(members), size))


def _render(renderer: Renderer, members: Sequence[Any]) -> Page:
    rows: list[list[Any]] = []
    refused = 0
    for rendered in map(renderer.render, members):
        if rendered.error is None:
            rows.append([rendered.msisdn, rendered.text, rendered.encoding, rendered.parts, rendered.price])
        else:
            refused += 1
            recipients_refused.labels(rendered.error).inc()
    return Page(members[0][0], members[-1][0], rows, refused)


def _content(campaign: Claimed, chunk_id: int, page: Page) -> bytes:
    """The chunk as it will travel; made once, so that queueing it moves octets inside the database only."""
    chunk = Chunk(
        hold_id=domain.hold_of_chunk(chunk_id),
        account_id=campaign.account_id,
        campaign_id=campaign.id,
        sender=campaign.sender,
        price_class=campaign.price_class,
        kind="marketing",
        messages=page.rows,
    )
    return wire.encode(
        envelope.make(
            Chunk.TYPE,
            Chunk.VERSION,
            Chunk.PRODUCER,
            chunk.to_data(),
            account_id=campaign.account_id,
            correlation_id=context.correlation_id(),
        )
    )


def _queue(cursor: Any, chunk_ids: list[int]) -> None:
    cursor.execute(
        "SELECT outbox_put('', %s, 'chunk-' || id, content) FROM chunks WHERE id = ANY(%s) AND state = 'preparing'",
        (QUEUES["bulk"], chunk_ids),
    )
    cursor.execute(
        "UPDATE chunks SET state = 'queued', queued_at = now(), content = NULL"
        " WHERE id = ANY(%s) AND state = 'preparing'",
        (chunk_ids,),
    )


def main() -> None:
    """Run the expander."""
    worker.run(
        "campaigns", "expander", Expander, retry_on=(psycopg2.OperationalError, psycopg2.InterfaceError)
    )


if __name__ == "__main__":
    main()
