"""REST, by version."""
