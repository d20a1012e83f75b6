"""Viva Smart Checkout as its documents describe it, over HTTP. `python -m simulators.viva`."""
