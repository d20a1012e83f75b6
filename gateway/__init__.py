"""The edge of Keryx: it authenticates, validates, translates and calls. It owns no data."""
