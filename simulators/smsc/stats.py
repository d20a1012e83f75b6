"""The SMSC's counters, as JSON for people and checkers, as text for Prometheus, as names to wait for."""

from typing import Any

from simulators.smsc.behaviour import OUTCOMES
from simulators.smsc.engine import Engine
from simulators.smsc.pdu import STATUS, status_name
from simulators.smsc.store import DROPPED, LOST

THROTTLED = STATUS["ESME_RTHROTTLED"]


class Rate:
    """Events in the last whole second, measured by looking at a growing counter once a second."""

    def __init__(self) -> None:
        self.per_second = 0
        self._count = 0
        self._time = 0.0

    def look(self, count: int, now: float) -> None:
        """`count` so far at monotonic `now`; a second or more after the last look."""
        if self._time and count >= self._count:
            self.per_second = round((count - self._count) / (now - self._time))
        else:
            self.per_second = 0
        self._count, self._time = count, now


def waitable(engine: Engine) -> dict[str, int]:
    """The counters /wait knows; cheap, as they are looked at each turn of the loop."""
    received, receipts, counters = engine.received, engine.receipts, engine.counters
    return {
        "submits": len(received),
        "accepted": received.accepted,
        "rok": received.rok,
        "refused": len(received) - received.accepted,
        "throttled": received.refused.get(THROTTLED, 0),
        "lost": received.counts[LOST],
        "dropped": received.counts[DROPPED],
        "receipts_made": len(receipts),
        "receipts_sent": receipts.sent,
        "receipts_answered": receipts.answered,
        "receipts_pending": receipts.pending,
        "mo_answered": counters.mo_answered,
        "binds": sum(1 for session in engine.sessions.values() if session.kind),
        "connections": counters.connections,
    }


def snapshot(engine: Engine, submit_rate: Rate, receipt_rate: Rate) -> dict[str, Any]:
    """What GET /stats shows. Counts numbers and doubles up to this moment."""
    received, receipts, counters = engine.received, engine.receipts, engine.counters
    received.digest()
    return {
        "binds": [
            {
                "connection": session.number, "system_id": session.system_id, "kind": session.kind,
                "unanswered": len(session.unanswered), "seconds": round(engine.now - session.since, 1),
            }
            for session in engine.sessions.values()
            if session.kind
        ],
        "submits": len(received),
        "accepted": received.accepted,
        "rok": received.rok,
        "rok_waiting": received.accepted - received.rok - received.counts[LOST] - received.counts[DROPPED],
        "rok_lost": received.counts[LOST],
        "rok_dropped": received.counts[DROPPED],
        "refused": {status_name(status): count for status, count in sorted(received.refused.items())},
        "throttled": received.refused.get(THROTTLED, 0),
        "distinct": len(received.numbers),
        "parts": received.rok,
        "duplicates": received.duplicates,
        "receipts": {
            "made": len(receipts), "sent": receipts.sent, "answered": receipts.answered,
            "refused": receipts.refused, "pending": receipts.pending, "resent": receipts.resent,
            "duplicated": receipts.duplicated, "early": receipts.early,
            "by_state": by_state(engine),
        },
        "rate": {"submits": submit_rate.per_second, "receipts": receipt_rate.per_second},
        "mo": {"made": counters.mo_made, "sent": counters.mo_sent, "answered": counters.mo_answered},
        "connections": counters.connections,
        "refused_binds": counters.refused_binds,
        "malformed": counters.malformed,
        "generic_nacks": counters.nacks,
    }  # fmt: skip


def by_state(engine: Engine) -> dict[str, dict[str, int]]:
    """Receipts made, sent, answered ESME_ROK and not yet settled, by the outcome they report."""
    receipts = engine.receipts
    return {
        name: {
            "made": receipts.made_by[outcome],
            "sent": receipts.sent_by[outcome],
            "answered": receipts.answered_by[outcome],
            "pending": receipts.made_by[outcome]
            - receipts.answered_by[outcome]
            - receipts.refused_by[outcome],
        }
        for outcome, name in enumerate(OUTCOMES)
        if receipts.made_by[outcome]
    }


def prometheus(engine: Engine) -> str:
    """The counters in Prometheus' text format."""
    received, receipts = engine.received, engine.receipts
    values = waitable(engine)
    lines = [
        "# TYPE keryx_smsc_submits_total counter",
        f'keryx_smsc_submits_total{{status="ESME_ROK"}} {received.accepted}',
        *(
            f'keryx_smsc_submits_total{{status="{status_name(status)}"}} {count}'
            for status, count in sorted(received.refused.items())
        ),
        "# TYPE keryx_smsc_receipts_total counter",
        *(
            f'keryx_smsc_receipts_total{{state="{name}"}} {counts["sent"]}'
            for name, counts in by_state(engine).items()
        ),
    ]
    for name, kind, value in (
        ("rok_answered_total", "counter", received.rok),
        ("rok_lost_total", "counter", values["lost"]),
        ("rok_dropped_total", "counter", values["dropped"]),
        ("receipts_answered_total", "counter", receipts.answered),
        ("receipts_pending", "gauge", receipts.pending),
        ("binds", "gauge", values["binds"]),
        ("connections_total", "counter", values["connections"]),
    ):
        lines += [f"# TYPE keryx_smsc_{name} {kind}", f"keryx_smsc_{name} {value}"]
    return "\n".join(lines) + "\n"
