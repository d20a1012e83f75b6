"""A real SMTP server that keeps what it gets, to be read over HTTP. `python -m simulators.mailbox`."""
