"""``python -m deploy.local.demo``: runs the demonstration against the stack that the environment names (``.run/env``).

Exit status 0 only when every check held. KILL_SENDER=1 kills the sender in the middle of the campaign.
"""

from __future__ import annotations

import os
import sys
from typing import Any
from urllib.parse import urlsplit

import httpx

from deploy.local.environment import read_env_file
from deploy.local.layout import ROOT, Layout, Problem, complain, current
from simulators.client import Refused as SimulatorRefused
from simulators.mailbox.testing import Mailbox
from simulators.smsc.testing import Smsc

from . import checks, importing, report, sending, setup
from .api import Api, Refused
from .evidence import Evidence, Sources
from .importing import Imported
from .killing import KILL_AT, Killer
from .money import micro, shown
from .screen import Screen
from .setup import Account
from .waiting import Deadline, TooLate

WITHIN_S = 240.0
AGREE_WITHIN_S = 20.0
SEED = 20261122
WORKBOOK = ROOT / "examples" / "pelates.xlsx"
FAILURES = (Refused, SimulatorRefused, TooLate, ValueError, httpx.HTTPError, OSError)


class Demo:
    """One run: the steps of the issue "A real campaign", each a method."""

    def __init__(self, environment: dict[str, str], layout: Layout, screen: Screen) -> None:
        """Nothing is done yet."""
        self.environment, self.layout, self.screen = environment, layout, screen
        self.deadline = Deadline(WITHIN_S)
        self.operator = Api(environment["KERYX_URL"], environment["KERYX_OPERATOR_KEY"])
        self.smsc = Smsc(
            environment["KERYX_SMSC_HOST"],
            int(environment["KERYX_SMSC_PORT"]),
            int(environment["KERYX_SMSC_HTTP_PORT"]),
        )
        mailbox = urlsplit(environment["KERYX_MAILBOX_URL"])
        self.mailbox = Mailbox(str(mailbox.hostname), 0, int(mailbox.port or 0))
        self.killer = Killer(layout.pids / "sender.pid", environment.get("KILL_SENDER") == "1")

    def run(self) -> dict[str, Any]:
        """All steps; returns the result."""
        self.screen.title("Keryx · a campaign, from an Excel file to delivery receipts")
        account = self.set_up()
        self.behave()
        imported = self.import_customers(account)
        campaign_id, topped_up = self.prepare(account, imported)
        self.send(account, campaign_id)
        return self.conclude(account, imported, campaign_id, topped_up)

    def set_up(self) -> Account:
        """Connector, routes, account."""
        smsc = self.smsc
        connector = setup.connect(
            self.operator, smsc.host, smsc.port, smsc.system_id, smsc.password, self.deadline
        )
        self.screen.step(
            "Operator",
            f"connector {connector['name']} is {connector['state']}: {smsc.host}:{smsc.port}, window {connector['window']};"
            " routes for normal and low",
        )
        account = setup.open_account(self.operator, self.environment["KERYX_URL"])
        self.screen.say(
            f"account «{account.name}» (id {account.id}); e-mail when the balance falls below {setup.LOW_LEVEL} €"
        )
        return account

    def behave(self) -> None:
        """The simulated operator, its counters at zero."""
        self.smsc.reset()
        faults = self.smsc.faults(preset="operator", seed=SEED)
        receipts, throttle = faults["receipts"], faults["throttle"]
        delay = receipts["delay_ms"]
        self.screen.step(
            "Simulator",
            f"receipts after {delay['min'] / 1000:.0f}–{delay['max'] / 1000:.0f} s, {receipts['outcomes']['DELIVRD']:.0%}"
            f" delivered; throttles {throttle['burst']} in {throttle['every_n']}; {receipts['early']:.0%} of receipts"
            " before their submit_sm_resp",
        )

    def import_customers(self, account: Account) -> Imported:
        """The Excel file into a group."""
        job = importing.upload(account.client, WORKBOOK, self.deadline)
        self.screen.step("Import", f"{WORKBOOK.relative_to(ROOT)}, headers in row {job['header_row']}")
        report.show_mapping(self.screen, job)
        rejects = self.layout.run / "rejects.xlsx"
        with self.screen.bar("importing") as bar:
            imported = importing.take_over(account.client, job, rejects, bar, self.deadline)
        report.show_import(self.screen, imported)
        return imported

    def prepare(self, account: Account, imported: Imported) -> tuple[str, int]:
        """Draft, pre-flight, money; the campaign's id and what was topped up."""
        page = account.client.get("/contacts", group_id=imported.group["id"], limit=3)
        again = [f"+{contact['numbers'][0]['number']}" for contact in page["data"]]
        campaign = sending.draft(account, imported.group["id"], again)
        preflight = account.client.get(f"/campaigns/{campaign['id']}/preflight")
        self.screen.step("Pre-flight", f"«{campaign['text']}»")
        report.show_preflight(self.screen, preflight)
        topped_up = sending.fund(self.operator, account, micro(preflight["price"][campaign["price_class"]]))
        self.screen.say(f"the operator books {shown(topped_up)} into the account")
        return campaign["id"], topped_up

    def send(self, account: Account, campaign_id: str) -> None:
        """Start it and watch it to its end."""
        self.screen.step("Campaign", "over SMPP to the simulator")
        account.client.post(f"/campaigns/{campaign_id}/start")
        with self.screen.bar("sending") as bar:
            campaign = sending.follow(account.client, campaign_id, bar, self.deadline, self.killer.watch)
        if self.killer.killed:
            self.screen.say(
                f"the sender (pid {self.killer.killed}) was killed with -9 at {KILL_AT:.0%};"
                f" up to {self.killer.most_in_doubt} messages in doubt at a time"
            )
        self.screen.say(f"{campaign['state']}: {report.duration(campaign)}")

    def conclude(
        self, account: Account, imported: Imported, campaign_id: str, topped_up: int
    ) -> dict[str, Any]:
        """Collect what all sides say, judge it, show it, write it down."""
        sources = Sources(self.operator, account, self.smsc, self.mailbox, self.environment)
        evidence, verdicts = self.agree(sources, imported, campaign_id, topped_up)
        self.screen.step(
            "Result", f"{len(evidence.messages):,} messages; history in {self._shown('history.xlsx')}"
        )
        report.show_result(self.screen, evidence)
        report.show_doubts(self.screen, evidence)
        report.show_mail(self.screen, evidence)
        report.show_checks(self.screen, verdicts)
        return report.result(evidence, verdicts, self.deadline.elapsed, self.smsc.stats())

    def agree(
        self, sources: Sources, imported: Imported, campaign_id: str, topped_up: int
    ) -> tuple[Evidence, list[checks.Check]]:
        """The last word of all sides: what is told by events may lag a moment, so they are asked until they agree."""
        patience = Deadline(AGREE_WITHIN_S)
        while True:
            while not (sources.at_rest() or patience.over):
                patience.pause()
            history = sources.export_history(campaign_id, self.layout.run / "history.xlsx", self.deadline)
            opted_out, killed = frozenset(sending.OPTED_OUT), self.killer.killed is not None
            evidence = sources.collect(campaign_id, imported, topped_up, history, opted_out, killed)
            verdicts = checks.judge(evidence)
            if patience.over or all(verdict.held for verdict in verdicts):
                return evidence, verdicts

    def _shown(self, name: str) -> str:
        return (
            str((self.layout.run / name).relative_to(ROOT)) if self.layout.run.is_relative_to(ROOT) else name
        )


def main() -> int:
    """Run it; exit status."""
    screen, layout = Screen(), current()
    told = read_env_file(layout) | dict(os.environ)
    if "KERYX_URL" not in told:
        return complain(Problem("there is no running stack; make demo brings one up"))
    demo = Demo(told, layout, screen)
    try:
        found = demo.run()
    except FAILURES as failure:
        found = {"ok": False, "seconds": round(demo.deadline.elapsed, 1), "error": str(failure), "checks": {}}
        screen.failure(f"{type(failure).__name__}: {failure}")
    report.write(layout.run / "demo-result.json", found)
    held = sum(found["checks"].values())
    screen.end(found["ok"], f"{held} of {len(found['checks'])} checks held, {found['seconds']} s")
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
