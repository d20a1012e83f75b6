"""Notifier: tells people by e-mail what other services say in events. Owns its database; see README.md."""
