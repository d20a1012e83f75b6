"""Settings of the gateway, read once from the environment."""

from __future__ import annotations

from dataclasses import dataclass

from servicekit import settings

MIB = 1024 * 1024


@dataclass(frozen=True)
class GatewaySettings:
    """Each field from KERYX_<NAME>; sizes in bytes, times in seconds."""

    amqp_uri: str
    log_level: str = "info"
    rpc_timeout: float = 10.0
    preflight_timeout: float = 30.0
    auth_cache_seconds: float = 5.0  # how long a revoked key may still work
    auth_cache_size: int = 10_000
    max_body_bytes: int = 4 * MIB
    max_upload_bytes: int = 128 * MIB
    trusted_proxies: int = 0  # how many proxies stand before us and append to X-Forwarded-For
    import_wait_seconds: float = 10.0  # how long POST /imports waits for the analysis before it answers 202


def load() -> GatewaySettings:
    """Raises BadSetting naming the variable that is missing or unreadable."""
    return settings.read(GatewaySettings)
