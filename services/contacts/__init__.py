"""contacts: people, their numbers, groups, imports, and who said no."""
