"""The process of the billing service: ``python -m services.billing.main``."""

from servicekit import cooperative

cooperative.patch()

from servicekit import service  # noqa: E402  patched first
from services.billing.service import BillingService  # noqa: E402

if __name__ == "__main__":
    service.run(BillingService)
