"""Orders: what a client buys, with its tax, its state and its receipt."""
