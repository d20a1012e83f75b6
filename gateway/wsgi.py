"""For gunicorn: ``gunicorn -w 1 -k gateway.worker.Worker --threads 32 gateway.wsgi:app`` (one: its metrics are whole)."""

from __future__ import annotations

from servicekit import logs

from .app import create_app
from .settings import load

_settings = load()
logs.configure("gateway", "gateway", _settings.log_level)
app = create_app(_settings)
