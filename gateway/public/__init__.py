"""Pages for people without an account: whoever got a message."""
