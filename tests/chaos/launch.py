"""Becomes the command it is given, with what a file adds to its environment: the supervisor's own never changes.

``python -m tests.chaos.launch <file> <program> <argument> …``; the file is JSON and need not be there.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Does not return."""
    added, *command = sys.argv[1:]
    file = Path(added)
    more: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    os.execve(command[0], command, os.environ | more)


if __name__ == "__main__":
    main()
