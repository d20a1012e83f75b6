"""The process of the contacts service: ``python -m services.contacts.main``."""

from servicekit import cooperative

cooperative.patch()

from servicekit import service  # noqa: E402  patched first
from services.contacts.service import ContactsService  # noqa: E402

if __name__ == "__main__":
    service.run(ContactsService)
