"""A supervisor over toy processes: ``toy_stack <diary> <name>:<port>[:<after>…] …``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deploy.local import supervisor
from deploy.local.layout import current

PROGRAM = Path(__file__).with_name("toy_process.py")


def command(description: str, diary: str) -> supervisor.Command:
    """The command that ``description`` stands for."""
    name, port, *after = description.split(":")
    argv = (sys.executable, str(PROGRAM), name, port, diary)
    return supervisor.Command(name, argv, dict(os.environ), int(port), tuple(after))


def main() -> None:
    """Supervise until SIGTERM, in the layout of KERYX_RUN_DIR."""
    diary, *descriptions = sys.argv[1:]
    supervisor.serve([command(one, diary) for one in descriptions], current())


if __name__ == "__main__":
    main()
