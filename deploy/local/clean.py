"""``make clean``: delete all that an installation that was stopped left on disk. Standard library only."""

from __future__ import annotations

import shutil
import sys

from deploy.local.account import outside_folder
from deploy.local.layout import current, say


def main() -> int:
    """Exit status 0; the data is gone."""
    layout = current()
    for folder in (outside_folder(layout), layout.run):
        shutil.rmtree(folder, ignore_errors=True)
    say(f"deleted {layout.run}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
