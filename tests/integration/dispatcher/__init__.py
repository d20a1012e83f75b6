"""The data plane on real servers."""
