"""What the person at the keyboard sees: numbered steps, tables, live bars; plain lines when nobody looks on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

WIDTH = 112
EVERY_S = 4.0  # between two plain lines of progress


class Bar:
    """Progress of one piece of work, drawn in place on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console, what: str, progress: Progress | None) -> None:
        """``progress`` is None where nothing can be drawn in place."""
        self._console, self._what, self._progress = console, what, progress
        self._task = progress.add_task(what, total=None, words="") if progress else None
        self._told, self._last = time.monotonic(), ""

    def show(self, done: int, total: int, words: str = "") -> None:
        """``done`` of ``total``, and what else is to say now."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, completed=done, total=total or None, words=words)
        elif time.monotonic() - self._told >= EVERY_S or (done == total and self._last):
            self._line(f"{self._what} {done:,}/{total:,} {words}")

    def _line(self, line: str) -> None:
        if line != self._last:
            self._console.print(f"   {line}", markup=False, soft_wrap=True)
            self._last, self._told = line, time.monotonic()


class Screen:
    """Prints in one style; everything shown is taken as text, never as markup."""

    def __init__(self, console: Console | None = None) -> None:
        """On standard output."""
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = WIDTH
        self._step = 0

    def title(self, text: str) -> None:
        """The first line."""
        self.console.print(f"\n[bold]{escape(text)}[/]")

    def step(self, name: str, text: str) -> None:
        """Begin the next step."""
        self._step += 1
        self.console.print(f"[bold cyan]{self._step} {escape(name):<11}[/]{escape(text)}", soft_wrap=True)

    def say(self, text: str) -> None:
        """A line that belongs to the step."""
        self.console.print(f"   {text}", markup=False, soft_wrap=True)

    def table(
        self, headers: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[int] = (0,)
    ) -> None:
        """A table; columns of numbers are those not in ``words``."""
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=True)
        for index, header in enumerate(headers):
            table.add_column(header, justify="left" if index in words else "right", overflow="fold")
        for row in rows:
            table.add_row(*map(escape, row))
        self.console.print(table, end="")

    def panel(self, title: str, text: str) -> None:
        """Something that came from elsewhere, framed."""
        self.console.print(
            Panel(escape(text), title=escape(title), title_align="left", box=box.ROUNDED, expand=False)
        )

    def verdict(self, held: bool, name: str, detail: str) -> None:
        """A check and what was found."""
        mark = "[bold green]✓[/]" if held else "[bold red]✗[/]"
        self.console.print(f" {mark} {escape(name.replace('_', ' ')):<40} {escape(detail)}", soft_wrap=True)

    def failure(self, text: str) -> None:
        """What went wrong."""
        self.console.print(f" [bold red]✗[/] {escape(text)}", soft_wrap=True)

    def end(self, ok: bool, text: str) -> None:
        """The last line."""
        verdict = "[bold green]demo: all is well[/]" if ok else "[bold red]demo: failed[/]"
        self.console.print(f"{verdict} · {escape(text)}\n", soft_wrap=True)

    @contextmanager
    def bar(self, what: str) -> Iterator[Bar]:
        """Progress of ``what`` for the length of the block."""
        if not self.console.is_terminal:
            yield Bar(self.console, what, None)
            return
        columns = (
            TextColumn("   {task.description}"),
            BarColumn(28),
            TaskProgressColumn(),
            TextColumn("{task.fields[words]}"),
        )
        with Progress(*columns, console=self.console) as progress:
            yield Bar(self.console, what, progress)
