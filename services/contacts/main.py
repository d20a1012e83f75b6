"""The process of the contacts service: ``python -m services.contacts.main``."""

from servicekit import cooperative

cooperative.patch()

from phonenumbers import PhoneMetadata  # noqa: E402  patched first

from servicekit import service  # noqa: E402
from services.contacts.service import ContactsService  # noqa: E402

# All of it, in 0.05 s: later each country's would be loaded under a lock, and no native thread may take one of eventlet's.
PhoneMetadata.load_all()

if __name__ == "__main__":
    service.run(ContactsService)
