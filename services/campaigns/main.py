"""The process of the campaigns service: ``python -m services.campaigns.main``."""

from servicekit import cooperative

cooperative.patch()

from servicekit import service  # noqa: E402  patched first
from services.campaigns.service import CampaignsService  # noqa: E402

if __name__ == "__main__":
    service.run(CampaignsService)
