"""The process of the notifier service: ``python -m services.notifier.main``."""

from servicekit import cooperative

cooperative.patch()

from servicekit import service  # noqa: E402  patched first
from services.notifier.service import NotifierService  # noqa: E402

if __name__ == "__main__":
    service.run(NotifierService)
