"""Keryx on one machine, without containers: see README.md beside this file."""
