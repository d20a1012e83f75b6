"""Faults on purpose, and what must hold after each (docs/operations.md, Chaos)."""
