"""The services of Keryx; they never import one another."""
