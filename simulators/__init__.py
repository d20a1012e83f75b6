"""The outside world on a laptop: small processes that play what Keryx talks to and know nothing of it."""
