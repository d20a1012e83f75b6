"""The plumbing every process stands on: settings, database, outbox, inbox, consumers, health. No business word here."""
