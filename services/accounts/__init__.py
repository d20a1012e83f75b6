"""Accounts: who may use Keryx, by which key, and with what settings."""
