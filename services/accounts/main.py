"""The process of the accounts service: ``python -m services.accounts.main``."""

from servicekit import cooperative

cooperative.patch()

from servicekit import service  # noqa: E402  patched first
from services.accounts.service import AccountsService  # noqa: E402

if __name__ == "__main__":
    service.run(AccountsService)
