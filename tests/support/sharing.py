"""How the tests are shared by several processes: by files, in the order they were collected in."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/e2e/", "tests/integration/deploy/")
"""Folders that one process takes whole: the first starts one stack for all its stories, and both choose ports among
those of a running installation, which are looked for but not yet taken."""


def unit_of(nodeid: str) -> str:
    """What of the suite goes to one process together with the test ``nodeid``."""
    path = nodeid.partition("::")[0]
    return "stacks" if path.startswith(TOGETHER) else path


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each process the next file. The stories of whole stacks, the longest piece, are collected early."""

    def __init__(self, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, **more)
        # In the order of collection: those with most tests, with which it would start, are over in a moment.
        self.config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
