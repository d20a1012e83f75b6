"""The process of the dispatcher service: ``python -m services.dispatcher.main``."""

from servicekit import cooperative

cooperative.patch()

from servicekit import service  # noqa: E402  patched first
from services.dispatcher.service import DispatcherService  # noqa: E402

if __name__ == "__main__":
    service.run(DispatcherService)
