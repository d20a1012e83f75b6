"""``make lint``: style, format, types and import rules; runs all four and then says which failed."""

from __future__ import annotations

import subprocess
import sys

from deploy.local.layout import ROOT, VENV, say

CHECKS = (
    ("ruff", "check", "--quiet", "."),
    ("ruff", "format", "--check", "--quiet", "."),
    ("mypy", "--no-error-summary", "libs", "services", "gateway", "simulators", "deploy", "bench"),
    ("lint-imports", "--no-logo"),
)


def main() -> int:
    """Exit status 0 when nothing was found."""
    failed = []
    for check in CHECKS:
        program = VENV / "bin" / check[0]
        if subprocess.run([str(program), *check[1:]], cwd=ROOT, check=False).returncode:
            failed.append(" ".join(check))
    say(f"lint: failed: {'; '.join(failed)}" if failed else "lint: clean")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
