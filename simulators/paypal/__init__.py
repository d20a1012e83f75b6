"""PayPal Orders v2 as its documents describe it, over HTTP. `python -m simulators.paypal`."""
