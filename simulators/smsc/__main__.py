"""`python -m simulators.smsc`."""

import sys

from simulators import support
from simulators.smsc import server, settings


def main() -> int:
    """Run until told to stop; returns the exit status."""
    try:
        smsc = server.Server(settings.load())
    except support.CannotStart as error:
        return support.refuse_to_start("keryx smsc simulator", error)
    smsc.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
