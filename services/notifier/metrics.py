"""What notifier counts for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

emails = Counter("keryx_emails_total", "E-mails by kind and what came of them", ["kind", "outcome"])
emails_open = Gauge("keryx_emails_open", "E-mails that are not sent, by state", ["state"])
