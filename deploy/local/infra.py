"""``make infra``: only PostgreSQL and RabbitMQ, kept until ``make down``; for working on tests."""

from __future__ import annotations

import sys

from deploy.local.layout import Problem, complain, current, say
from deploy.local.pair import Pair


def main() -> int:
    """Exit status 0 when both run."""
    pair = Pair.from_environment(current())
    try:
        pair.stay()
        with pair.leased():
            say("PostgreSQL and RabbitMQ are up; make down stops them")
    except Problem as problem:
        return complain(problem)
    return 0


if __name__ == "__main__":
    sys.exit(main())
