"""Billing: the ledger, prices and holds of every account. Owns its database; see README.md."""
