"""The result: tables for people, ``demo-result.json`` for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from .checks import Check
from .evidence import Evidence
from .importing import Imported
from .money import euro, micro, shown
from .screen import Screen

SHOWN_DOUBTS = 6
SHOWN_MAIL_LINES = 7


def show_import(screen: Screen, imported: Imported) -> None:
    """Counts and reasons."""
    counts = imported.counts
    screen.say(
        f"{counts['rows']:,} rows = {counts['accepted']:,} accepted + {counts['updated']} updated"
        f" + {counts['duplicates']} duplicates + {counts['rejected']} rejected"
    )
    reasons = (f"{count} × {reason}" for reason, count in Counter(imported.reasons).most_common())
    screen.say(f"rejected: {'; '.join(reasons)}")


def show_mapping(screen: Screen, job: dict[str, Any]) -> None:
    """Which header became which field."""
    mapping = sorted(job["mapping"].items(), key=lambda item: item[1]["column"])
    screen.say(" · ".join(f"{column['header']} → {name}" for name, column in mapping))


def show_preflight(screen: Screen, preflight: dict[str, Any]) -> None:
    """What it would be and cost."""
    prices, savings = preflight["price"], preflight["savings"]
    saved = (
        f"{savings['saved_parts']:,} parts, {shown(micro(savings['saved_price']))}" if savings else "nothing"
    )
    row = [f"{preflight[name]:,}" for name in ("recipients", "duplicates", "suppressed", "parts")]
    row += [*(shown(micro(prices[name])) for name in ("normal", "low")), saved]
    headers = ("recipients", "duplicates", "suppressed", "parts", "normal", "low", "saved by GSM capitals")
    screen.table(headers, [row], words=())
    screen.say(
        "by country: "
        + " · ".join(
            f"{country['country']} {country['recipients']:,} for {shown(micro(country['price']))}"
            for country in preflight["by_country"]
        )
    )
    for sample in preflight["samples"]:
        text = sample["text"].replace("\n", " ⏎ ")
        screen.say(f"{sample['to']}  {sample['parts']} parts  {text}")


def duration(campaign: dict[str, Any]) -> str:
    """How long the campaign took to be sent, and until the last receipt."""
    started, sent, finished = (
        datetime.fromisoformat(campaign[name]) for name in ("started_at", "sent_at", "finished_at")
    )
    seconds = (sent - started).total_seconds()
    rate = campaign["recipients"] / seconds if seconds else 0.0
    return (
        f"sent in {seconds:.1f} s ({rate:,.0f} messages/s, frozen and priced included),"
        f" last receipt after {(finished - started).total_seconds():.1f} s"
    )


def show_result(screen: Screen, e: Evidence) -> None:
    """Messages by state and reason, parts, money."""
    rows = Counter((message["state"], message["reason"] or "") for message in e.messages)
    parts: Counter[tuple[str, str]] = Counter()
    prices: Counter[tuple[str, str]] = Counter()
    for message in e.messages:
        key = (message["state"], message["reason"] or "")
        parts[key] += message["parts"]
        prices[key] += micro(message["price"])
    lines = [
        (*key, f"{count:,}", f"{count / len(e.messages):.1%}", f"{parts[key]:,}", shown(prices[key]))
        for key, count in rows.most_common()
    ]
    lines.append(("all", "", f"{len(e.messages):,}", "", f"{e.parts:,}", shown(sum(prices.values()))))
    screen.table(("state", "reason", "messages", "", "parts", "price"), lines, words=(0, 1))
    money = e.campaign["money"]
    screen.say(
        f"money: {shown(e.topped_up)} in · {shown(micro(money['captured']))} captured ·"
        f" {shown(micro(money['released']))} released · {shown(micro(money['held']))} held ·"
        f" balance {shown(micro(e.balance['available']))}"
    )


def show_doubts(screen: Screen, e: Evidence) -> None:
    """The parts of which nobody knows whether they left."""
    if not e.killed:
        return
    doubts = [f"{number} part {part}" for number, part in e.doubtful]
    if not doubts:
        screen.say("in doubt after the kill: nothing any more, receipts proved what had left")
        return
    more = f" and {len(doubts) - SHOWN_DOUBTS} more in demo-result.json" if len(doubts) > SHOWN_DOUBTS else ""
    screen.say(f"in doubt after the kill: {len(doubts)} parts: {', '.join(doubts[:SHOWN_DOUBTS])}{more}")


def show_mail(screen: Screen, e: Evidence) -> None:
    """The low-balance notice as it lies in the mailbox."""
    for mail in e.mails[:1]:
        body = [line for line in (mail["text"] or "").splitlines() if line.strip()]
        screen.panel(
            f"e-mail to {', '.join(mail['to'])}", "\n".join([mail["subject"], *body[:SHOWN_MAIL_LINES]])
        )


def show_checks(screen: Screen, checks: Sequence[Check]) -> None:
    """A line each."""
    for check in checks:
        screen.verdict(check.held, check.name, check.found)


def result(e: Evidence, checks: Sequence[Check], seconds: float, stats: dict[str, Any]) -> dict[str, Any]:
    """What ``demo-result.json`` holds; money as decimal euro."""
    counts, money = e.imported.counts, e.campaign["money"]
    return {
        "ok": all(check.held for check in checks),
        "seconds": round(seconds, 1),
        "recipients": e.campaign["recipients"],
        **{name: counts[name] for name in ("rows", "accepted", "updated", "duplicates", "rejected")},
        "parts": e.parts,
        "states": dict(e.states),
        "money": {
            "topped_up": euro(e.topped_up),
            **{name: money[name] for name in ("captured", "released", "held")},
            "balance": e.balance["available"],
        },
        "simulator": {
            "distinct": stats["distinct"],
            "parts": stats["rok"],
            "throttled": stats["throttled"],
            "receipts": stats["receipts"]["sent"],
            "early_receipts": stats["receipts"]["early"],
        },
        "killed_sender": e.killed,
        "doubtful": [{"to": number, "part": part} for number, part in e.doubtful],
        "checks": {check.name: check.held for check in checks},
    }


def write(file: Path, found: dict[str, Any]) -> None:
    """Leave the result for programs."""
    file.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
