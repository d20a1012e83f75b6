"""What campaigns are told by the environment beside what every process is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CampaignSettings:
    """``public_host`` (KERYX_PUBLIC_HOST), such as ``sms.example.gr``, is where links in messages lead."""

    public_host: str
