"""Dispatcher: takes messages in, chooses their way, hands them to operators and keeps what came of every part."""
